//! What is kept of windows for longer than a process lives: pieces of entries, in bytes of our own, and the head that
//! says what they are worth.
//!
//! A piece is written from a table in small steps ([`crate::shard::Shard::collect`]) and read into another
//! ([`crate::shard::Shard::restore`]). It holds either all windows, at an orderly stop, or those of an hour or more,
//! behind the decisions. Pools are not in it: a pool is durable by itself. Nothing here knows when or where to; that is
//! the node's business.
//!
//! ```text
//! piece   format (1) · scope (1) · shards (1) · incarnation (8) · number (8) · instant (8) · records · hash (16)
//! record  0 · counters · for each: name, meter, kind, its two numbers     a layout, numbered from 0 as they come
//!         layout + 1 · shard · fingerprint (12) · counters as bits · the state of each
//! log     newest tick · exponent · partial · number of stamps (1) · stamps (2 each)
//! bucket  instant at which it is whole
//! fixed   index · count
//! ```
//!
//! Numbers are little-endian where a size is given and LEB128 where none is; texts have their length before them. The
//! hash is keyed with the key that fingerprints are made with: a piece that was damaged, or that another key's tables
//! wrote, is not taken.

mod bytes;
mod head;
mod moved;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use thiserror::Error;

pub use head::{BootId, Clocks, Head};
pub use reader::{Kept, Piece};
pub use writer::{PieceTitle, PieceWriter};

pub(crate) use moved::Shift;
pub(crate) use writer::Entry as WriterEntry;

/// The format that is written. Others are not read: hashes and their key are part of it.
const FORMAT: u8 = 2;

/// Which windows a piece holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them: an orderly stop.
    All,
    /// Those of an hour or more.
    Long,
}

/// Which entries are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that were changed since they were last collected, with their long windows.
    Changed,
    /// Those that have a long window.
    Long,
    /// All of them, with all windows.
    All,
}

impl Which {
    /// What is told of each.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::Changed | Self::Long => Scope::Long,
        }
    }
}

/// Why what was kept cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Another version of the program wrote it.
    #[error("it has format {0}, and this version reads format {FORMAT} only")]
    Format(u8),
    /// It is not what was written.
    #[error("it is damaged, or was written with another key")]
    Damaged,
}
