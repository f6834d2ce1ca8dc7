//! Reads what [`super::Writer`] wrote.

use std::sync::Arc;

use super::{END, ZERO, corrupt};
use crate::StoreError;

/// Bytes that are being read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a key.
    #[must_use]
    pub const fn key(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads a value whose layout must be `version`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], as for every method.
    pub fn value(bytes: &'a [u8], version: u8) -> Result<Self, StoreError> {
        let mut reader = Self { rest: bytes };
        let found = reader.byte()?;
        if found != version {
            return Err(StoreError::Corrupt(format!(
                "a value in layout {found}, where {version} is known"
            )));
        }
        Ok(reader)
    }

    /// One byte.
    ///
    /// # Errors
    /// There is none.
    pub fn byte(&mut self) -> Result<u8, StoreError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// An integer of 8 bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn number(&mut self) -> Result<u64, StoreError> {
        self.array().map(u64::from_be_bytes)
    }

    /// An identity of 16 bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn id(&mut self) -> Result<u128, StoreError> {
        self.array().map(u128::from_be_bytes)
    }

    /// A text that is a part of a key.
    ///
    /// # Errors
    /// It does not end, or is no UTF-8.
    pub fn part(&mut self) -> Result<Arc<str>, StoreError> {
        let mut text = Vec::new();
        loop {
            let zero = self.rest.iter().position(|byte| *byte == 0);
            let zero = zero.ok_or_else(|| corrupt("a key with a text that does not end"))?;
            text.extend_from_slice(&self.rest[..zero]);
            self.rest = &self.rest[zero..];
            match self.array()? {
                END => return utf8(&text),
                ZERO => text.push(0),
                _ => return Err(corrupt("a key with an unknown mark in a text")),
            }
        }
    }

    /// A text in a value.
    ///
    /// # Errors
    /// It is cut off, or no UTF-8.
    pub fn text(&mut self) -> Result<Arc<str>, StoreError> {
        self.sized().and_then(utf8)
    }

    /// Bytes in a value, with their length before them.
    ///
    /// # Errors
    /// They are cut off.
    pub fn sized(&mut self) -> Result<&'a [u8], StoreError> {
        let length = self.count()?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// How many of something follow. Not to be allocated for: the number may be anything.
    ///
    /// # Errors
    /// It is cut off.
    pub fn count(&mut self) -> Result<usize, StoreError> {
        let count = self.array().map(u32::from_be_bytes)?;
        usize::try_from(count).map_err(|_| corrupt("a length beyond this machine's"))
    }

    /// Bytes of a known length.
    ///
    /// # Errors
    /// There are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(too_short)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// All that is left.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn finish(self) -> Result<(), StoreError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(corrupt("more bytes than belong there"))
    }
}

fn utf8(bytes: &[u8]) -> Result<Arc<str>, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| corrupt("a text that is no UTF-8"))?;
    Ok(text.into())
}

fn too_short() -> StoreError {
    corrupt("fewer bytes than belong there")
}
