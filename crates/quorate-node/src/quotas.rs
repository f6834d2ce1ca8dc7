//! The driver of durable quotas: hears from the shards what was spent and what was short, feeds the leases, and does
//! what they say to the store and to the balances. It decides nothing: how much is taken is the lease machine's
//! business, whether a request passes is the core's.
//!
//! One task drives all leases of a node. Nothing of it runs under a shard's lock but short reads and writes of a
//! balance, and no decision waits for it, but for those that are parked (see [`Parked`]).

mod account;
mod apply;
mod driver;
mod parking;
mod policy;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quorate_core::grant::{GrantKey, HolderId};
use quorate_quota::lease::Alert;

pub use driver::Quotas;
pub use parking::{Parked, Patience};

pub(crate) use parking::Parking;

/// Something that a person should hear of.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A threshold of a quota is reached.
    Alert {
        /// Which account and period.
        key: GrantKey,
        /// What is reached.
        alert: Alert,
    },
    /// Units that were let through or recorded will never be booked: the store was away for too long.
    Unbooked {
        /// Which account and period.
        key: GrantKey,
        /// How many.
        units: u64,
    },
    /// The store does not answer: quotas are served from what is held here.
    StoreAway,
    /// It answers again.
    StoreBack,
}

/// Who hears of notices. Called on the driver's task: it must not block.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// What the driver has done since the start, for metrics.
#[derive(Debug, Default)]
pub struct QuotaCounters {
    operations: AtomicU64,
    failures: AtomicU64,
    alerts: AtomicU64,
    unbooked: AtomicU64,
    accounts: AtomicU64,
    away: AtomicU64,
    running: AtomicBool,
    pub(crate) usage: UsageCounters,
}

/// What the writer of usage has done since the start.
#[derive(Debug, Default)]
pub(crate) struct UsageCounters {
    pub(crate) operations: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) lost: AtomicU64,
}

/// What [`QuotaCounters`] say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaStats {
    /// Operations on quotas' rows that were sent to the store.
    pub operations: u64,
    /// Of those, operations whose outcome was not known, or that did not reach the store.
    pub failures: u64,
    /// Thresholds that were reached.
    pub alerts: u64,
    /// Units that were let through or recorded and will never be booked.
    pub unbooked: u64,
    /// Accounts that are leased for.
    pub accounts: u64,
    /// Leases whose last operation failed.
    pub away: u64,
    /// The driver runs. When it does not, whatever a quota has to pass is denied.
    pub running: bool,
    /// Operations on the store that wrote usage.
    pub usage_operations: u64,
    /// Writes of usage that failed and are tried again.
    pub usage_failures: u64,
    /// Rows of usage that were given up because too many waited for a store that is away.
    pub usage_lost: u64,
}

impl QuotaCounters {
    /// What they say now.
    #[must_use]
    pub fn stats(&self) -> QuotaStats {
        // Single numbers that nothing else is read together with: no ordering is needed.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        QuotaStats {
            operations: read(&self.operations),
            failures: read(&self.failures),
            alerts: read(&self.alerts),
            unbooked: read(&self.unbooked),
            accounts: read(&self.accounts),
            away: read(&self.away),
            running: self.running.load(Ordering::Relaxed),
            usage_operations: read(&self.usage.operations),
            usage_failures: read(&self.usage.failures),
            usage_lost: read(&self.usage.lost),
        }
    }
}

/// A name for this life of this process.
#[must_use]
pub fn new_holder() -> HolderId {
    HolderId(rand::random::<u128>().max(1))
}
