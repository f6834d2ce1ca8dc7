//! The level of an org's burst pool, as far as it is durable: what the store says is there may be lent after a restart.
//! The server that owns the pool deducts units before it lends them, in chunks.

use std::sync::Arc;

use crate::StoreError;

/// What a pool holds at an instant; the refill since is arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolLevel {
    /// Units that are missing from a full pool, those deducted and not yet lent included.
    pub missing: u64,
    /// When, in nanoseconds since the Unix epoch.
    pub at_ns: u64,
}

/// Pools.
#[async_trait::async_trait]
pub trait Pools: Send + Sync {
    /// Writes the levels of pools, by org and pool name. The last write of a pool counts; one server writes.
    ///
    /// # Errors
    /// The store is away; the same levels may be sent again. [`StoreError::Refused`] beyond a bound: then none is written.
    async fn write_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError>;

    /// The levels of some pools by org and name, in their order: `None` for one that was never written. Sees every write
    /// that was acknowledged.
    ///
    /// # Errors
    /// The store is away; [`StoreError::Refused`] for a name beyond a bound.
    async fn levels(&self, names: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Option<PoolLevel>>, StoreError>;

    /// Forgets pools whose rows still say exactly this, by org and pool name; a row that was written since stays. A pool
    /// that is forgotten is as one that was never written. To be asked of rows that were written long ago: who reads none
    /// takes his clock's word for it that what he writes next is the later write.
    ///
    /// # Errors
    /// The store is away; some may be forgotten. [`StoreError::Refused`] for a name beyond a bound: then none is.
    async fn forget_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError>;

    /// Levels by org and pool name, in no particular order, from `after` on: at most `max`. The last org and name are
    /// the next page's `after`; an empty page is the end.
    ///
    /// # Errors
    /// The store is away.
    async fn pools(
        &self,
        after: Option<(&str, &str)>,
        max: usize,
    ) -> Result<Vec<(Arc<str>, Arc<str>, PoolLevel)>, StoreError>;
}
