//! The task that serves all durable pools of a node.

use std::collections::BTreeSet;
use std::fmt;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::pools::ledger::{Ledger, Wish};
use quorate_core::pools::{PoolId, PoolWish};
use quorate_store::StoreError;
use quorate_store::pool::{PoolLevel, Pools};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::sweep::Sweep;
use super::{Listener, Notice, level};
use crate::Node;
use crate::held::Held;

/// How often pools that run low are looked for. What a request waits for is heard of at once.
const ROUND: Duration = Duration::from_millis(25);

/// How long to wait after the store has failed before it is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest that the store may take over one operation: as long as a client of a database gives it.
const OPERATION_MAX: Duration = Duration::from_secs(3);

/// The most pools of one operation: some ten kilobytes.
const POOLS_MAX: usize = 1_000;

/// Of so many pools whose rows cannot be served a person hears by name: of a file that is damaged all over, enough.
const SPOILT_TOLD_MAX: usize = 100;

/// A wish, and the shard that it came from.
pub(crate) type Wished = (usize, PoolWish);

/// Keeps the pools of a node durable. Dropped, in whatever way, it leaves pools that lend what is deducted and no more.
pub struct PoolKeeper {
    node: Arc<Node>,
    store: Arc<dyn Pools>,
    listener: Listener,
    held: Held,
    away: bool,
    /// Pools whose rows the store cannot serve though it answers: asked alone, so that no other fails with them.
    spoilt: BTreeSet<PoolId>,
    /// The shard that is asked first in the next round.
    turn: usize,
    sweep: Sweep,
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
    pub fn new(node: Arc<Node>, store: Arc<dyn Pools>, listener: Listener) -> Self {
        node.make_pools_durable();
        Self {
            node,
            store,
            listener,
            held: Held::default(),
            away: false,
            spoilt: BTreeSet::new(),
            turn: 0,
            sweep: Sweep::new(),
        }
    }

    /// Asks the store only while it is before `until`: another server may lend afterwards, unless it moves on. What is
    /// known to be deducted by then is lent all the same; nobody else lends it.
    #[must_use]
    pub fn while_held(mut self, until: watch::Receiver<Instant>) -> Self {
        self.held = Held::until(until);
        self
    }

    /// Keeps pools until `stop` says so, and then has the store say of each exactly what it lent, for at most `settle`.
    /// To be told to stop only when nothing is decided any more. Returns whether every pool was settled.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, settle: Duration) -> bool {
        let node = Arc::clone(&self.node);
        node.pool_counters().running.store(true, Ordering::Relaxed);
        let mut ticks = tokio::time::interval(ROUND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stop.borrow_and_update() {
            tokio::select! {
                () = node.pools_stirred() => {}
                _ = ticks.tick() => {}
                () = tokio::time::sleep_until(self.sweep.due()) => self.sweep().await,
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
        timeout(settle, self.settle()).await.unwrap_or(false)
    }

    /// Forgets some rows that say nothing any more. What fails is tried again in the next turn: nothing hangs on it.
    pub(super) async fn sweep(&mut self) {
        let mut sweep = std::mem::replace(&mut self.sweep, Sweep::new());
        let forgotten = self.counted(0, sweep.step(&self.node, &*self.store)).await;
        self.sweep = sweep;
        let forgotten = u64::try_from(forgotten.unwrap_or(0)).unwrap_or(u64::MAX);
        let counters = self.node.pool_counters();
        counters.forgotten.fetch_add(forgotten, Ordering::Relaxed);
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
        let shards: BTreeSet<usize> = reads.iter().chain(&writes).map(|(shard, _)| *shard).collect();
        let written = self.serve(writes).await;
        let read = self.serve(reads).await;
        let answers = written.and(read);
        let well = answers.is_ok();
        self.set_away(answers.err());
        for shard in shards {
            self.node.pools_arrived(shard);
        }
        well
    }

    /// Serves wishes of one kind: all together, and where the store answers that it cannot, each alone. An error when it
    /// is away.
    async fn serve(&mut self, wishes: Vec<Wished>) -> Result<(), StoreError> {
        let (mut alone, together): (Vec<_>, Vec<_>) =
            wishes.into_iter().partition(|(_, wish)| self.spoilt.contains(&wish.id));
        match self.attempt(&together).await {
            Ok(()) => {}
            Err(error @ StoreError::Unavailable(_)) => {
                self.put_off(&together);
                self.put_off(&alone);
                return Err(error);
            }
            Err(_) => alone.extend(together),
        }
        for (place, wished) in alone.iter().enumerate() {
            match self.attempt(slice::from_ref(wished)).await {
                Ok(()) => {
                    self.spoilt.remove(&wished.1.id);
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    self.put_off(&alone[place..]);
                    return Err(error);
                }
                Err(error) => self.spoil(wished, &error),
            }
        }
        Ok(())
    }

    /// One operation for wishes of one kind; the pools hear of it if it was done.
    async fn attempt(&self, wishes: &[Wished]) -> Result<(), StoreError> {
        match wishes.first().map(|(_, wish)| &wish.wish) {
            None => Ok(()),
            Some(Wish::Read) => self.read(wishes).await,
            Some(Wish::Write(_)) => self.write(wishes).await,
        }
    }

    /// The store is away: the same is wished again.
    fn put_off(&self, wishes: &[Wished]) {
        for (shard, wish) in wishes {
            self.node.pool_told(*shard, wish.id, |ledger| match wish.wish {
                Wish::Read => {}
                Wish::Write(_) => ledger.failed(),
            });
        }
    }

    /// The store cannot serve the row of one pool. It is asked for again when it is needed again.
    fn spoil(&mut self, wished: &Wished, error: &StoreError) {
        let (_, wish) = wished;
        if self.spoilt.insert(wish.id) && self.spoilt.len() <= SPOILT_TOLD_MAX {
            (self.listener)(Notice::Spoilt {
                org: Arc::clone(&wish.org),
                pool: Arc::clone(&wish.pool),
                error: error.to_string(),
            });
        }
        if matches!(wish.wish, Wish::Write(_)) {
            self.put_off(slice::from_ref(wished));
        }
    }

    async fn read(&self, wishes: &[Wished]) -> Result<(), StoreError> {
        let names: Vec<_> = wishes
            .iter()
            .map(|(_, wish)| (Arc::clone(&wish.org), Arc::clone(&wish.pool)))
            .collect();
        let levels = self.counted(names.len(), self.store.levels(&names)).await?;
        if levels.len() != names.len() {
            return Err(StoreError::Corrupt("not as many levels as names".to_owned()));
        }
        let now = self.node.now();
        for ((shard, wish), level) in wishes.iter().zip(levels) {
            let row = level.map(|level| level::row(level, now));
            self.node
                .pool_told(*shard, wish.id, |ledger| ledger.learn(row, now.instant));
        }
        Ok(())
    }

    async fn write(&self, wishes: &[Wished]) -> Result<(), StoreError> {
        let levels = self.levels(wishes);
        self.counted(levels.len(), self.store.write_pools(&levels)).await?;
        for (shard, wish) in wishes {
            self.node.pool_told(*shard, wish.id, Ledger::acknowledged);
        }
        Ok(())
    }

    fn levels(&self, wishes: &[Wished]) -> Vec<(Arc<str>, Arc<str>, PoolLevel)> {
        let now = self.node.now();
        let rows = wishes.iter().filter_map(|(_, wish)| match &wish.wish {
            Wish::Read => None,
            Wish::Write(row) => Some((Arc::clone(&wish.org), Arc::clone(&wish.pool), level::level(row, now))),
        });
        rows.collect()
    }

    /// An operation on the store on so many levels, in bounded time, counted.
    async fn counted<T>(
        &self,
        levels: usize,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let counters = self.node.pool_counters();
        counters.operations.fetch_add(1, Ordering::Relaxed);
        let levels = u64::try_from(levels).unwrap_or(u64::MAX);
        counters.levels.fetch_add(levels, Ordering::Relaxed);
        let done = self.held.during(Some(OPERATION_MAX), operation).await;
        if done.is_err() {
            counters.failures.fetch_add(1, Ordering::Relaxed);
        }
        done
    }

    fn set_away(&mut self, why: Option<StoreError>) {
        let away = why.is_some();
        if std::mem::replace(&mut self.away, away) != away {
            self.node.set_pools_away(away);
            (self.listener)(why.map_or(Notice::Back, |why| Notice::Away(why.to_string())));
        }
    }

    /// Has the store say of each pool exactly what it lent.
    async fn settle(&mut self) -> bool {
        let mut whole = true;
        loop {
            let mut wishes = Vec::new();
            let more = self.node.settle_pools(POOLS_MAX, &mut wishes);
            if !wishes.is_empty() {
                whole &= self.settle_some(&wishes).await;
            }
            if !more {
                return whole;
            }
        }
    }

    /// Writes some; where the store answers that it cannot, each alone. Whether all were written.
    async fn settle_some(&self, wishes: &[Wished]) -> bool {
        let levels = self.levels(wishes);
        match self.counted(levels.len(), self.store.write_pools(&levels)).await {
            Ok(()) => true,
            Err(StoreError::Unavailable(_)) => false,
            Err(_) => {
                for level in &levels {
                    // What fails alone is lost, as after a crash.
                    let _refused = self.counted(1, self.store.write_pools(slice::from_ref(level))).await;
                }
                false
            }
        }
    }
}

impl Drop for PoolKeeper {
    fn drop(&mut self) {
        // Without a keeper nothing is deducted, and nothing may be lent.
        self.node.pool_counters().running.store(false, Ordering::Relaxed);
        self.node.set_pools_away(true);
    }
}
