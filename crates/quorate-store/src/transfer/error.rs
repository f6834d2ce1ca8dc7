//! Why a transfer failed.

use std::io;

use crate::StoreError;

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export could not be written.
    #[error("the export could not be written: {0}")]
    Write(io::Error),
    /// The export could not be read.
    #[error("the export could not be read: {0}")]
    Read(io::Error),
    /// What is read is no export.
    #[error("this is no export of quorate's: the first line does not say so")]
    NoExport,
    /// A later version wrote it.
    #[error(
        "this export has format {found}, written by quorate {written_by}; this version reads format {}",
        super::FORMAT
    )]
    Format {
        /// Its format.
        found: u64,
        /// The version that wrote it.
        written_by: String,
    },
    /// The target holds something already.
    #[error("the store to import into is not empty: it holds {0}")]
    NotEmpty(&'static str),
    /// An earlier import into the target did not finish.
    #[error("an import into this store was begun and did not finish: take an empty one")]
    Unfinished,
    /// A line is no record. What was before it is imported; the target is not to be used.
    #[error("line {line} is no record: {reason}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A record could not be imported. The target is not to be used.
    #[error("the record on or shortly before line {line} could not be imported: {reason}")]
    Record {
        /// About which, from 1.
        line: u64,
        /// Why.
        reason: StoreError,
    },
    /// The input ends before its last line. What there was is imported; the target is not to be used.
    #[error("the export ends after line {line} without saying that it is whole: it was cut off")]
    CutOff {
        /// The last line, from 1.
        line: u64,
    },
    /// There are not as many records as the last line says.
    #[error("the export says that it has {said} {kind}, and has {found}")]
    Count {
        /// Of what.
        kind: &'static str,
        /// How many the last line says.
        said: u64,
        /// How many there were.
        found: u64,
    },
    /// The target does not hold what was written to it. It is not to be used.
    #[error("{written} {kind} were written, and the store to import into holds {held}")]
    Held {
        /// Of what.
        kind: &'static str,
        /// How many were written.
        written: u64,
        /// How many were read back.
        held: u64,
    },
}
