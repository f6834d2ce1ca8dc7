//! A message without known fields that have another wire type than the protocol says, which most readers of protobuf take
//! for unknown ones.

use prost::encoding::{WireType, encode_key, encode_varint};

use crate::grpc::wire::{Fields, Value};

/// The fields of a message that are known.
type Known = &'static [(u32, Kind)];

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    Text,
    Message(Known),
}

use Kind::{Message, Number, Text};

/// `RateLimitRequest`.
static REQUEST: Known = &[(1, Text), (2, Message(DESCRIPTOR)), (3, Number)];
/// `RateLimitDescriptor`.
const DESCRIPTOR: Known = &[
    (1, Message(ENTRY)),
    (2, Message(OVERRIDE)),
    (3, Message(WRAPPER)),
    (4, Number),
];
/// `RateLimitDescriptor.Entry`.
const ENTRY: Known = &[(1, Text), (2, Text)];
/// `RateLimitDescriptor.RateLimitOverride`.
const OVERRIDE: Known = &[(1, Number), (2, Number), (3, Message(WRAPPER))];
/// `UInt32Value` and `UInt64Value`.
const WRAPPER: Known = &[(1, Number)];

/// A `RateLimitRequest` without its mistyped fields; `None` when it is malformed beyond that.
pub(super) fn only(message: &[u8]) -> Option<Vec<u8>> {
    let mut typed = Vec::with_capacity(message.len());
    copy(REQUEST, message, &mut typed)?;
    Some(typed)
}

// As deep as the tables are.
fn copy(known: Known, message: &[u8], typed: &mut Vec<u8>) -> Option<()> {
    let mut fields = Fields::and_groups(message);
    loop {
        let here = fields.rest();
        let Some(field) = fields.next() else {
            return Some(());
        };
        let (number, value) = field.ok()?;
        let kind = known.iter().find(|(known, _)| *known == number);
        match (kind.map(|(_, kind)| *kind), value) {
            (None, _) | (Some(Number), Value::Varint(_)) | (Some(Text), Value::Bytes(_)) => {
                typed.extend_from_slice(&here[..here.len() - fields.rest().len()]);
            }
            (Some(Message(known)), Value::Bytes(inner)) => {
                let mut of_inner = Vec::with_capacity(inner.len());
                copy(known, inner, &mut of_inner)?;
                encode_key(number, WireType::LengthDelimited, typed);
                encode_varint(u64::try_from(of_inner.len()).expect("64 bits hold a length"), typed);
                typed.extend_from_slice(&of_inner);
            }
            (Some(_), _) => {}
        }
    }
}
