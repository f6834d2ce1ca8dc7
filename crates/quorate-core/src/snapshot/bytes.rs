//! Bytes of a piece or a head: written, and read with distrust.

use super::{FORMAT, ReadError};
use crate::state::fingerprint::{HashKey, keyed_hash};

/// Bytes of the hash at the end.
pub(super) const HASH_BYTES: usize = 16;

/// Writes a number in groups of seven bits, the lowest first.
pub(super) fn put_number(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = value.to_le_bytes()[0] & 0x7F;
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Writes a text behind its length.
pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, u64::try_from(text.len()).unwrap_or(u64::MAX));
    bytes.extend_from_slice(text.as_bytes());
}

/// Ends with the hash of all before.
pub(super) fn seal(bytes: &mut Vec<u8>, key: &HashKey) {
    let hash = keyed_hash(key, [bytes.as_slice()]);
    bytes.extend_from_slice(&hash.to_le_bytes());
}

/// What stands between format and hash, if both are right.
pub(super) fn unseal<'b>(bytes: &'b [u8], key: &HashKey) -> Result<Bytes<'b>, ReadError> {
    match bytes.first() {
        Some(&FORMAT) => {}
        Some(other) => return Err(ReadError::Format(*other)),
        None => return Err(ReadError::Damaged),
    }
    let (sealed, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or(ReadError::Damaged)?;
    if sealed.is_empty() || keyed_hash(key, [sealed]).to_le_bytes() != *hash {
        return Err(ReadError::Damaged);
    }
    Ok(Bytes { rest: &sealed[1..] })
}

/// Bytes still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'b> {
    pub(super) rest: &'b [u8],
}

impl<'b> Bytes<'b> {
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], ReadError> {
        let (mine, rest) = self.rest.split_at_checked(count).ok_or(ReadError::Damaged)?;
        self.rest = rest;
        Ok(mine)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (mine, rest) = self.rest.split_first_chunk().ok_or(ReadError::Damaged)?;
        self.rest = rest;
        Ok(*mine)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ReadError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn wide(&mut self) -> Result<u64, ReadError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn number(&mut self) -> Result<u64, ReadError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7F);
            if (low << shift) >> shift != low {
                break;
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ReadError::Damaged)
    }

    /// A number that counts something here.
    pub(super) fn count(&mut self) -> Result<usize, ReadError> {
        usize::try_from(self.number()?).map_err(|_| ReadError::Damaged)
    }

    pub(super) fn text(&mut self) -> Result<&'b str, ReadError> {
        let len = self.count()?;
        core::str::from_utf8(self.take(len)?).map_err(|_| ReadError::Damaged)
    }
}
