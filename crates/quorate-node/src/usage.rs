//! Writes behind what was used, lets go what is past its life, and sums up for whoever asks. A crash loses what was
//! counted since the last write: at most [`WRITE_EVERY`], and what a store that was away could not take.

mod report;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::grant::HolderId;
use quorate_core::time::SECOND;
use quorate_core::usage::Row;
use quorate_store::Store;
use quorate_store::usage::{FORGOTTEN_AT_ONCE, Life};
use tokio::sync::watch;

use crate::Node;

pub use report::report;
use waiting::Waiting;

/// How often what was counted is written: a busy server's usage costs the store an operation or two per org in that
/// time.
pub const WRITE_EVERY: Duration = Duration::from_secs(10);

/// Steps of forgetting after one write: together more than two rows a second for each that a full shard counts in an
/// hour, so that no heap is left behind.
const FORGETTING_STEPS: usize = 16;

/// Writes behind what a node counts.
#[derive(Debug)]
pub struct UsageWriter {
    node: Arc<Node>,
    kept: Option<Duration>,
    waiting: Waiting,
    rows: Vec<Row>,
}

impl UsageWriter {
    /// A writer; the node counts from now on. `writer` names this life of this process; rows are `kept` for so long after
    /// their hour, or for ever.
    #[must_use]
    pub fn new(node: Arc<Node>, writer: HolderId, kept: Option<Duration>) -> Self {
        node.count_usage();
        Self {
            node,
            kept,
            waiting: Waiting::new(writer),
            rows: Vec::new(),
        }
    }

    /// Writes from time to time until `stop` says so, and then once more.
    pub async fn run(mut self, store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.write(&*store).await;
            self.forget(&*store).await;
        }
        self.write(&*store).await;
    }

    pub(crate) async fn write(&mut self, store: &dyn Store) {
        let life = self.life();
        let counters = &self.node.quota_counters().usage;
        let mut shard = 0;
        while self.node.usage_rows(shard, &mut self.rows) {
            for row in self.rows.drain(..) {
                self.waiting.note(shard, &row);
            }
            shard += 1;
        }
        self.waiting.forget_shared_before(life.now_s);
        while let Some((writer, rows)) = self.waiting.next() {
            match store.write_usage(writer, &rows, life).await {
                Ok(operations) => {
                    self.waiting.written(writer);
                    counters.operations.fetch_add(operations, Ordering::Relaxed);
                }
                // They wait, and newer counts of the same hours take their place.
                Err(_) => {
                    counters.failures.fetch_add(1, Ordering::Relaxed);
                    counters.lost.fetch_add(self.waiting.bound(), Ordering::Relaxed);
                    return;
                }
            }
        }
    }

    /// What a store cannot forget now it forgets later.
    async fn forget(&self, store: &dyn Store) {
        for _ in 0..FORGETTING_STEPS {
            let forgotten = store.forget_usage(self.life()).await;
            if forgotten != Ok(FORGOTTEN_AT_ONCE) {
                break;
            }
        }
    }

    fn life(&self) -> Life {
        let now = self.node.now();
        Life {
            // The earlier of both: rows that are forgotten by a clock that was wrong do not come back.
            now_s: now.wall.min(now.instant).0 / SECOND,
            kept_s: self.kept.map(|kept| kept.as_secs()),
        }
    }
}
