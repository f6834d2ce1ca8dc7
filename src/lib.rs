//! The wire contract of quorate: what `build.rs` generates from `proto/`, and nothing else.
//!
//! The comments in the `.proto` files are the contract. Conversions between these types and the
//! domain's live in `quorate-server` and `quorate-client`, never here.

/// `quorate.v1`: the decision service.
// Generated code is not ours to tidy.
#[allow(clippy::all)]
pub mod v1 {
    tonic::include_proto!("quorate.v1");
}

/// The serialized `FileDescriptorSet` of everything this crate serves, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
