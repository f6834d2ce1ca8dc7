//! The wire contract of quorate: what `build.rs` generates from `proto/` and from the foreign contracts that it answers
//! too, and nothing else.
//!
//! The comments in the `.proto` files are the contract. Conversions between these types and the
//! domain's live in `quorate-server` and `quorate-client`, never here.

/// `quorate.v1`: the decision service.
// Generated code is not ours to tidy.
#[allow(clippy::all)]
pub mod v1 {
    tonic::include_proto!("quorate.v1");
}

/// Envoy's own API, as far as this server answers it. The modules lie as its packages do: the generated code refers to
/// its neighbours by that.
#[allow(clippy::all, missing_docs, rustdoc::all)]
pub mod envoy {
    pub mod config {
        pub mod core {
            pub mod v3 {
                tonic::include_proto!("envoy.config.core.v3");
            }
        }
    }
    pub mod extensions {
        pub mod common {
            pub mod ratelimit {
                pub mod v3 {
                    tonic::include_proto!("envoy.extensions.common.ratelimit.v3");
                }
            }
        }
    }
    pub mod service {
        pub mod auth {
            pub mod v3 {
                tonic::include_proto!("envoy.service.auth.v3");
            }
        }
        pub mod ratelimit {
            pub mod v3 {
                tonic::include_proto!("envoy.service.ratelimit.v3");
            }
        }
    }
    pub mod r#type {
        pub mod v3 {
            tonic::include_proto!("envoy.r#type.v3");
        }
    }
}

/// The one message of Google's that Envoy's API uses.
#[allow(clippy::all, missing_docs, rustdoc::all)]
pub mod google {
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// The serialized `FileDescriptorSet` of everything this crate serves, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
