//! The lock that says which server keeps its windows on this store: one, unless servers were told not to share them.
//!
//! It keeps a second server from starting by mistake. Nothing that must never happen rests on it: quotas do not.

use quorate_core::grant::HolderId;

use crate::StoreError;

/// The longest that a lock can be taken for, in seconds: a day. What asks for longer gets this.
pub const LOCK_TTL_S_MAX: u32 = 24 * 3_600;

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The holder.
    pub holder: HolderId,
    /// Who that is, for a person: host and process.
    pub by: String,
}

/// The lock.
#[async_trait::async_trait]
pub trait Locks: Send + Sync {
    /// Takes the lock, or renews it, for `ttl_s` seconds (at least 1, at most [`LOCK_TTL_S_MAX`]) of the database's
    /// clock: `None`. `Some` says who else holds it.
    ///
    /// # Errors
    /// The store is away; or [`StoreError::Refused`] for an empty name or one beyond a bound.
    async fn lock(&self, name: &str, holder: HolderId, by: &str, ttl_s: u32) -> Result<Option<Held>, StoreError>;

    /// Gives the lock back, if `holder` holds it.
    ///
    /// # Errors
    /// The store is away; it ends by itself after its time.
    async fn unlock(&self, name: &str, holder: HolderId) -> Result<(), StoreError>;
}
