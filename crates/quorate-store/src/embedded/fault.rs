//! What goes wrong below the engine, and what an operation's user is told of it.

use crate::StoreError;

/// Why an operation was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is the operation's own business: others go on.
    Own(StoreError),
    /// The file cannot be worked with as it is open now: it has to be opened anew.
    File(StoreError),
}

/// What became of a batch that was not committed.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// Whether it may be found in the file all the same.
    pub(super) may_have_applied: bool,
    /// Why.
    pub(super) error: StoreError,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Own(error)
    }
}

impl Fault {
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Own(error) | Self::File(error) => error,
        }
    }
}

/// What redb says, in our words.
pub(super) fn store_error(error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(_)
        | redb::Error::PreviousIo
        | redb::Error::DatabaseClosed
        | redb::Error::LockPoisoned(_)
        | redb::Error::ValueTooLarge(_) => StoreError::Unavailable(error.to_string()),
        // Tables that are missing or of another type, too: the format says which there are.
        _ => StoreError::Corrupt(error.to_string()),
    }
}

macro_rules! from_redb {
    ($($error:ty)*) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::File(store_error(error.into()))
            }
        })*
    };
}

from_redb! {
    redb::StorageError
    redb::TableError
    redb::TransactionError
    redb::CommitError
    redb::SetDurabilityError
}
