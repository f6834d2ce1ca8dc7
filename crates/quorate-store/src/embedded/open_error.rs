//! Why a data directory cannot be opened. Every message names the path.

use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it, or another store of this one.
    #[error("the data directory {} is in use{by}: only one at a time can work with it", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who has it: ` by process 4711`.
        by: String,
    },
    /// The directory cannot be made or written to.
    #[error("the data directory {} cannot be used: {reason}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file in it cannot be read or written.
    #[error("the store {} cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A later version wrote it.
    #[error(
        "the store {} has format {found}, written by quorate {written_by}; this version knows formats up to {}",
        path.display(),
        super::FORMAT
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The version that wrote it.
        written_by: String,
    },
    /// It is a database, but somebody else's.
    #[error("{} is a database, but no store of quorate's", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Its bytes are not what a store's are.
    #[error("the store {} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn of_io(path: &Path, reason: &io::Error) -> Self {
        let path = path.to_owned();
        match reason.kind() {
            io::ErrorKind::UnexpectedEof => Self::Corrupt {
                path,
                reason: "it ends before it should".to_owned(),
            },
            io::ErrorKind::InvalidData => Self::Corrupt {
                path,
                reason: reason.to_string(),
            },
            _ => Self::File {
                path,
                reason: reason.to_string(),
            },
        }
    }

    pub(super) fn of_redb(path: &Path, error: redb::Error) -> Self {
        match error {
            redb::Error::Io(reason) => Self::of_io(path, &reason),
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::InUse {
                path: path.to_owned(),
                by: " by another process".to_owned(),
            },
            redb::Error::Corrupted(reason) => Self::Corrupt {
                path: path.to_owned(),
                reason,
            },
            other => Self::File {
                path: path.to_owned(),
                reason: other.to_string(),
            },
        }
    }

    pub(super) fn of_store(path: &Path, error: StoreError) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::Corrupt(reason) => Self::Corrupt { path, reason },
            other => Self::File {
                path,
                reason: other.to_string(),
            },
        }
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Corrupt { .. } => Self::Corrupt(error.to_string()),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
