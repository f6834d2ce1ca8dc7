//! Writing: fields appended to a buffer. A field with the default of its type is left out, as proto3 wants it.

use prost::Message;

use super::FRAME_HEAD_BYTES;

/// The wire type of numbers.
const VARINT: u64 = 0;
/// The wire type of texts and messages.
const BYTES: u64 = 2;

/// A message with the head that gRPC puts before it. What `write` fails with leaves nothing behind.
pub(crate) fn frame<E>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD_BYTES]);
    if let Err(error) = write(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = out.len() - start - FRAME_HEAD_BYTES;
    // A batch of a thousand answers with sixteen statuses each is a few MiB; 4 GiB cannot be reached.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out[start + 1..start + FRAME_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// A field that is a message, also when it is empty. What `write` fails with leaves nothing behind.
pub(crate) fn nested<E>(
    out: &mut Vec<u8>,
    number: u32,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    put_tag(out, number, BYTES);
    // One byte for the length is enough for most messages; the others are moved.
    let length_at = out.len();
    out.push(0);
    if let Err(error) = write(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = u64::try_from(out.len() - length_at - 1).unwrap_or(u64::MAX);
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        out[length_at] = short;
    } else {
        let mut prefix = Vec::new();
        put_varint(&mut prefix, length);
        out.splice(length_at..=length_at, prefix);
    }
    Ok(())
}

/// A field that is a message of prost's.
pub(crate) fn put_message(out: &mut Vec<u8>, number: u32, message: &impl Message) {
    put_tag(out, number, BYTES);
    let length = message.encoded_len();
    put_varint(out, u64::try_from(length).unwrap_or(u64::MAX));
    message.encode(out).expect("a vector grows");
}

/// A field that is a number.
pub(crate) fn put_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_tag(out, number, VARINT);
        put_varint(out, value);
    }
}

/// A field that is true or false.
pub(crate) fn put_bool(out: &mut Vec<u8>, number: u32, value: bool) {
    put_uint(out, number, u64::from(value));
}

/// A field that is a text.
pub(crate) fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    put_bytes(out, number, text.as_bytes());
}

/// A field that is a text, by its bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, text: &[u8]) {
    if !text.is_empty() {
        put_tag(out, number, BYTES);
        put_varint(out, u64::try_from(text.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(text);
    }
}

fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u64) {
    put_varint(out, u64::from(number) << 3 | wire_type);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    // Seven bits a byte; all but the last say that more follows.
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

const fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}
