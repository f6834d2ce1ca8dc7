//! The task that serves all durable pools of a node.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::pools::PoolWish;
use quorate_core::pools::ledger::Wish;
use quorate_store::StoreError;
use quorate_store::pool::{PoolLevel, Pools};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, timeout};

use super::level;
use crate::Node;

/// How often pools that run low are looked for. What a request waits for is heard of at once.
const ROUND: Duration = Duration::from_millis(25);

/// How long to wait after the store has failed before it is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest that the store may take over one operation: as long as a client of a database gives it.
const OPERATION_MAX: Duration = Duration::from_secs(3);

/// The most pools of one operation: some ten kilobytes.
const POOLS_MAX: usize = 1_000;

/// A wish, and the shard that it came from.
pub(crate) type Wished = (usize, PoolWish);

/// Keeps the pools of a node durable.
pub struct PoolKeeper {
    node: Arc<Node>,
    store: Arc<dyn Pools>,
    away: bool,
    /// The shard that is asked first in the next round.
    turn: usize,
}

impl fmt::Debug for PoolKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKeeper")
            .field("away", &self.away)
            .finish_non_exhaustive()
    }
}

impl PoolKeeper {
    /// A keeper; from now on pools lend only what the store lacks already. To be made before anything is decided.
    #[must_use]
    pub fn new(node: Arc<Node>, store: Arc<dyn Pools>) -> Self {
        node.make_pools_durable();
        Self {
            node,
            store,
            away: false,
            turn: 0,
        }
    }

    /// Keeps pools until `stop` says so, and then has the store say of each exactly what it lent, for at most `settle`.
    /// To be told to stop only when nothing is decided any more. Returns whether every pool was settled.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, settle: Duration) -> bool {
        let node = Arc::clone(&self.node);
        // Declared before anything that can panic: without a keeper nothing is deducted, and nothing may be lent.
        let abandoning = Abandoning(Arc::clone(&node));
        node.pool_counters().running.store(true, Ordering::Relaxed);
        let mut ticks = tokio::time::interval(ROUND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stop.borrow_and_update() {
            tokio::select! {
                () = node.pools_stirred() => {}
                _ = ticks.tick() => {}
                // A sender that is gone cannot say stop: then it is time to.
                changed = stop.changed() => if changed.is_err() { break },
            }
            if !self.round().await {
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    _ = stop.wait_for(|stop| *stop) => break,
                }
            }
        }
        let whole = timeout(settle, self.settle()).await.unwrap_or(false);
        drop(abandoning);
        whole
    }

    /// Asks the store what pools wish; false when it failed.
    pub(super) async fn round(&mut self) -> bool {
        let mut wishes = Vec::new();
        self.turn = self.turn.wrapping_add(1);
        self.node.pool_wishes(self.turn, POOLS_MAX, &mut wishes);
        if wishes.is_empty() {
            return true;
        }
        let (reads, writes): (Vec<Wished>, Vec<Wished>) = wishes
            .into_iter()
            .partition(|(_, wish)| matches!(wish.wish, Wish::Read));
        let written = writes.is_empty() || self.write(&writes).await;
        let read = reads.is_empty() || self.read(&reads).await;
        self.set_away(!(written && read));
        let shards: BTreeSet<usize> = reads.iter().chain(&writes).map(|(shard, _)| *shard).collect();
        for shard in shards {
            self.node.pools_arrived(shard);
        }
        written && read
    }

    async fn read(&mut self, wishes: &[Wished]) -> bool {
        let names: Vec<_> = wishes
            .iter()
            .map(|(_, wish)| (Arc::clone(&wish.org), Arc::clone(&wish.pool)))
            .collect();
        let answer = self.counted(names.len(), self.store.levels(&names)).await;
        let now = self.node.now();
        let Some(levels) = answer.filter(|levels| levels.len() == names.len()) else {
            for (shard, wish) in wishes {
                self.node.pool_told(*shard, wish.id, |_| {});
            }
            return false;
        };
        for ((shard, wish), level) in wishes.iter().zip(levels) {
            let row = level.map(|level| level::row(level, now));
            self.node
                .pool_told(*shard, wish.id, |ledger| ledger.learn(row, now.instant));
        }
        true
    }

    async fn write(&mut self, wishes: &[Wished]) -> bool {
        let levels = self.levels(wishes);
        let written = self
            .counted(levels.len(), self.store.write_pools(&levels))
            .await
            .is_some();
        for (shard, wish) in wishes {
            self.node.pool_told(*shard, wish.id, |ledger| {
                if written {
                    ledger.acknowledged();
                } else {
                    ledger.failed();
                }
            });
        }
        written
    }

    fn levels(&self, wishes: &[Wished]) -> Vec<(Arc<str>, Arc<str>, PoolLevel)> {
        let now = self.node.now();
        let rows = wishes.iter().filter_map(|(_, wish)| match &wish.wish {
            Wish::Read => None,
            Wish::Write(row) => Some((Arc::clone(&wish.org), Arc::clone(&wish.pool), level::level(row, now))),
        });
        rows.collect()
    }

    /// An operation on the store on so many levels, in bounded time, counted; `None` when it failed.
    async fn counted<T>(&self, levels: usize, operation: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        let counters = self.node.pool_counters();
        counters.operations.fetch_add(1, Ordering::Relaxed);
        let levels = u64::try_from(levels).unwrap_or(u64::MAX);
        counters.levels.fetch_add(levels, Ordering::Relaxed);
        let done = timeout(OPERATION_MAX, operation).await.ok().and_then(Result::ok);
        if done.is_none() {
            counters.failures.fetch_add(1, Ordering::Relaxed);
        }
        done
    }

    fn set_away(&mut self, away: bool) {
        if std::mem::replace(&mut self.away, away) != away {
            self.node.set_pools_away(away);
        }
    }

    /// Has the store say of each pool exactly what it lent.
    async fn settle(&mut self) -> bool {
        let mut whole = true;
        loop {
            let mut wishes = Vec::new();
            let more = self.node.settle_pools(POOLS_MAX, &mut wishes);
            if !wishes.is_empty() {
                let levels = self.levels(&wishes);
                whole &= self
                    .counted(levels.len(), self.store.write_pools(&levels))
                    .await
                    .is_some();
            }
            if !more {
                return whole;
            }
        }
    }
}

/// Lets no pool lend more than is deducted when the keeper ends, in whatever way.
struct Abandoning(Arc<Node>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        self.0.pool_counters().running.store(false, Ordering::Relaxed);
        self.0.set_pools_away(true);
    }
}
