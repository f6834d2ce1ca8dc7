//! The lock that says which server keeps its windows on this store: one, unless servers were told not to share them.
//!
//! It keeps a second server from starting by mistake. Nothing that must never happen rests on it: quotas do not.

use quorate_core::grant::HolderId;

use crate::StoreError;

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
    /// Takes the lock, or renews it, for `ttl_s` seconds of the database's clock. `Some` says who else holds it.
    ///
    /// # Errors
    /// The store is away.
    async fn lock(&self, name: &str, holder: HolderId, by: &str, ttl_s: u32) -> Result<Option<Held>, StoreError>;

    /// Gives the lock back, if `holder` holds it.
    ///
    /// # Errors
    /// The store is away; it ends by itself after its time.
    async fn unlock(&self, name: &str, holder: HolderId) -> Result<(), StoreError>;
}
