//! What goes wrong with a store. What a failed change of a quota's row means is said by `GrantOutcome` instead.

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is away, or too slow. A change may have applied all the same; every change of this crate may be sent again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds cannot be read: the bytes are not what a version known here wrote.
    #[error("the store holds what cannot be read: {0}")]
    Corrupt(String),
    /// An import found something in its place.
    #[error("{0} exists already")]
    Exists(String),
    /// What was asked breaks a bound of the store.
    #[error("{0}")]
    Refused(String),
}
