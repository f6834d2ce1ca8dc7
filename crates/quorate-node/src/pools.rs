//! The keeper of durable burst pools: asks the store what pools lack, and has it deduct units before they are lent. It
//! decides nothing: how much is deducted, and whether it may be lent, is the core's business.
//!
//! One task serves all pools of a node, one operation at a time, of as many pools as wait. No decision waits for it but
//! those that are parked, as for quotas.

mod keeper;
mod level;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quorate_core::pools::PoolId;
use quorate_core::pools::ledger::Ledger;

pub use keeper::PoolKeeper;

use crate::{Node, SHARDS};
use keeper::Wished;

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
    forgotten: AtomicU64,
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
    /// Rows of pools that were full for long, and were forgotten.
    pub forgotten: u64,
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
            forgotten: self.forgotten.load(Ordering::Relaxed),
            running: self.running.load(Ordering::Relaxed),
            ..PoolStats::default()
        }
    }
}

/// What the keeper asks of a node.
impl Node {
    /// What the keeper of pools has done, and what is kept.
    #[must_use]
    pub fn pool_stats(&self) -> PoolStats {
        let mut stats = self.pool_counters.stats();
        for shard in &self.shards {
            let (kept, refused) = shard.lock().pools().size();
            stats.kept += u64::try_from(kept).unwrap_or(u64::MAX);
            stats.refused += refused;
        }
        stats
    }

    pub(crate) const fn pool_counters(&self) -> &PoolCounters {
        &self.pool_counters
    }

    pub(crate) async fn pools_stirred(&self) {
        self.pools_stirred.notified().await;
    }

    /// Whoever waits for a shard's pools asks again.
    pub(crate) fn pools_arrived(&self, shard: usize) {
        self.parking.arrived(shard);
    }

    pub(crate) fn make_pools_durable(&self) {
        for shard in &self.shards {
            shard.lock().pools().make_durable();
        }
    }

    pub(crate) fn set_pools_away(&self, away: bool) {
        for shard in &self.shards {
            shard.lock().pools().set_away(away);
        }
    }

    /// Up to `max` of what the store is to be asked of pools, from shard `turn` on, so that each has its turn.
    pub(crate) fn pool_wishes(&self, turn: usize, max: usize, wishes: &mut Vec<Wished>) {
        let shards = self.shards.iter().enumerate();
        for (number, shard) in shards.cycle().skip(turn % SHARDS).take(SHARDS) {
            let room = max - wishes.len();
            shard.lock().pools().wishes(room, |wish| wishes.push((number, wish)));
        }
    }

    /// Whether a pool is kept in memory.
    pub(crate) fn keeps_pool(&self, org: &str, pool: &str) -> bool {
        let id = PoolId::of(&self.hash_key, org, pool);
        self.shard_of(org).lock().pools().ledger(id).is_some()
    }

    pub(crate) fn pool_told(&self, shard: usize, id: PoolId, change: impl FnOnce(&mut Ledger)) {
        self.shards[shard].lock().pools().told(id, change);
    }

    /// What the rows of some pools are to say in the end; false when there are no more of them.
    pub(crate) fn settle_pools(&self, max: usize, wishes: &mut Vec<Wished>) -> bool {
        let now = self.clock.now();
        for (number, shard) in self.shards.iter().enumerate() {
            if shard
                .lock()
                .pools()
                .settle(max, now, |wish| wishes.push((number, wish)))
            {
                return true;
            }
        }
        false
    }
}
