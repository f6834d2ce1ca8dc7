//! Protobuf, by hand, for the few messages of the hot path: read in place, written once.
//!
//! Reading borrows from the bytes that arrived; writing appends to one buffer and patches lengths behind itself. What
//! the fields mean is the business of `convert`; every other message goes through prost.

mod reading;
mod writing;

pub(super) use reading::{Fields, Malformed, Value, enum_number, varints};
pub(super) use writing::{frame, nested, put_bool, put_bytes, put_message, put_text, put_uint};

/// The head of a message on a gRPC stream: one byte that says whether it is compressed, four for its length.
pub(super) const FRAME_HEAD_BYTES: usize = 5;

#[cfg(test)]
mod tests;
