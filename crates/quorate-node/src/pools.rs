//! The keeper of durable burst pools: asks the store what pools lack, and has it deduct units before they are lent. It
//! decides nothing: how much is deducted, and whether it may be lent, is the core's business.
//!
//! One task serves all pools of a node, one operation at a time, of as many pools as wait. No decision waits for it but
//! those that are parked, as for quotas.

mod keeper;
mod level;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use keeper::PoolKeeper;

pub(crate) use keeper::Wished;

/// Something of the store that a person should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It does not answer: what is deducted is lent, and no more.
    Away(String),
    /// It answers again.
    Back,
    /// It answers, but cannot read or write the row of one pool. Said once of each.
    Spoilt {
        /// The org.
        org: Arc<str>,
        /// The pool's name.
        pool: Arc<str>,
        /// What the store says.
        error: String,
    },
}

/// Who hears of notices. Called on the keeper's task: it must not block.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// What the keeper has done since the start.
#[derive(Debug, Default)]
pub(crate) struct PoolCounters {
    operations: AtomicU64,
    levels: AtomicU64,
    failures: AtomicU64,
    running: AtomicBool,
}

/// What the keeper says of itself, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Operations on the store that read or wrote levels, each of many pools.
    pub operations: u64,
    /// Levels that those read or wrote, or were to.
    pub levels: u64,
    /// Of the operations, those that failed and are tried again.
    pub failures: u64,
    /// Pools that are kept now.
    pub kept: u64,
    /// Requests that found no room to keep their pool, since the start.
    pub refused: u64,
    /// The keeper runs.
    pub running: bool,
}

impl PoolCounters {
    /// What they say now.
    pub(crate) fn stats(&self) -> PoolStats {
        // Single numbers that nothing else is read together with: no ordering is needed.
        PoolStats {
            operations: self.operations.load(Ordering::Relaxed),
            levels: self.levels.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            running: self.running.load(Ordering::Relaxed),
            ..PoolStats::default()
        }
    }
}
