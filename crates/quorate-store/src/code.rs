//! How keys and values become bytes, for good: this encoding is part of the format, and golden tests hold it.
//!
//! - A **key** is its parts one after the other, in an order of bytes that is the order of the parts. Integers are
//!   big-endian. A text ends with `00 01`, and a zero byte within it is `00 FF`: so no text can be taken for two, and a
//!   prefix comes before what it begins.
//! - A **value** is one byte that says which version of its layout follows, then its fields. Integers are big-endian, and a
//!   text or a list has its length before it, in 4 bytes.
//!
//! Reading refuses what writing could not have made: a byte too few or too many, text that is no UTF-8.

mod account;
mod reader;

pub use account::{decode_account, encode_account};
pub use reader::Reader;

use crate::StoreError;

/// What ends a text within a key.
const END: [u8; 2] = [0x00, 0x01];
/// What stands for a zero byte of a text within a key.
const ZERO: [u8; 2] = [0x00, 0xFF];

/// Bytes in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Nothing yet: a key.
    #[must_use]
    pub const fn key() -> Self {
        Self(Vec::new())
    }

    /// A value whose layout is `version`.
    #[must_use]
    pub fn value(version: u8) -> Self {
        Self(vec![version])
    }

    /// One byte.
    #[must_use]
    pub fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// An integer in 8 bytes.
    #[must_use]
    pub fn number(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// An identity in 16 bytes.
    #[must_use]
    pub fn id(mut self, value: u128) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A text as a part of a key.
    #[must_use]
    pub fn part(mut self, text: &str) -> Self {
        self.extend_escaped(text);
        self.0.extend_from_slice(&END);
        self
    }

    /// The beginning of a text as the end of a key: what every key begins with whose text begins so.
    #[must_use]
    pub fn part_begins(mut self, text: &str) -> Self {
        self.extend_escaped(text);
        self
    }

    /// Bytes of a known length.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A text or bytes in a value. Bounds of the store keep it far below 4 GiB.
    #[must_use]
    pub fn sized(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&length(bytes.len()).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// How many of something follow.
    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.0.extend_from_slice(&length(count).to_be_bytes());
        self
    }

    /// The bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn extend_escaped(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte == 0 {
                self.0.extend_from_slice(&ZERO);
            } else {
                self.0.push(byte);
            }
        }
    }
}

/// The first key after all those that begin with `prefix`; `None` when there can be none.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn length(count: usize) -> u32 {
    u32::try_from(count).expect("the bounds of the store are far below 4 GiB")
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.to_owned())
}

#[cfg(test)]
mod tests;
