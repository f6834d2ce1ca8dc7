//! A database that is killed under load keeps every change that it acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_core::grant::{Grant, GrantKey, GrantMove, GrantOperation, GrantOutcome, HolderId};
use quorate_store::Grants as _;
use quorate_store_scylla::ScyllaStore;
use tokio::time::Instant;

use crate::cassandra::Node;
use crate::stores::{self, DEADLINE, PATIENT};

/// More than any writer takes.
const LIMIT: u64 = 1_000_000;
/// Rows with one writer each.
const ROWS: u64 = 6;
/// Writers of one more row.
const RIVALS: u64 = 3;
/// Changes of each writer between two kills.
const CHANGES: u64 = 15;
/// How often the node is killed.
const KILLS: u64 = 2;

/// Takes one unit after the other from a row, and knows which it was told it has.
struct Writer {
    store: Arc<ScyllaStore>,
    key: GrantKey,
    holder: HolderId,
    acknowledged: Arc<AtomicU64>,
}

impl Writer {
    /// Takes units until it was told that it has `goal`.
    async fn take(&self, goal: u64) {
        let until = Instant::now() + DEADLINE * 3;
        while self.acknowledged.load(Ordering::SeqCst) < goal {
            assert!(Instant::now() < until, "the database stays away");
            let Some(row) = self.look().await else {
                stores::pause().await;
                continue;
            };
            if self.store.grant(&self.key, take(&row, self.holder)).await == GrantOutcome::Applied {
                self.acknowledged
                    .fetch_max(row.holding(self.holder) + 1, Ordering::SeqCst);
            }
        }
    }

    /// The row, if the database answers: with all that was acknowledged to this writer.
    async fn look(&self) -> Option<Grant> {
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        match self.store.grant(&self.key, GrantOperation::Read).await {
            GrantOutcome::Row(Some(row)) => {
                assert!(
                    row.holding(self.holder) >= acknowledged,
                    "lost what was acknowledged: {row:?}"
                );
                assert_eq!(
                    row.granted,
                    row.holdings.values().sum::<u64>(),
                    "half a change: {row:?}"
                );
                Some(row)
            }
            GrantOutcome::Row(None) => panic!("the row is gone"),
            _ => None,
        }
    }
}

fn take(row: &Grant, holder: HolderId) -> GrantOperation {
    GrantOperation::Move(GrantMove {
        version: row.version,
        limit: row.limit,
        granted_before: row.granted,
        granted: row.granted + 1,
        holder,
        holding: row.holding(holder) + 1,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_kill_9() {
    let node = tokio::task::spawn_blocking(Node::start).await.expect("it starts");
    let mut node = Some(node);
    let address = node.as_ref().expect("just put there").address();
    let url = stores::url(address, &stores::own_keyspace(), PATIENT);
    let store = Arc::new(stores::connected(&url).await);
    let keys: Vec<GrantKey> = (0..=ROWS).map(|_| stores::row_of("crash")).collect();
    let mut writers = Vec::new();
    for (number, key) in (1_u128..).zip(&keys) {
        assert_eq!(
            store.grant(key, GrantOperation::Create { limit: LIMIT }).await,
            GrantOutcome::Applied
        );
        let rivals = if key == &keys[0] { u128::from(RIVALS) } else { 1 };
        writers.extend((1..=rivals).map(|rival| Writer {
            store: Arc::clone(&store),
            key: key.clone(),
            holder: HolderId(number << 64 | rival),
            acknowledged: Arc::default(),
        }));
    }
    let writers = Arc::new(writers);
    for kill in 1..=KILLS {
        let running: Vec<_> = (0..writers.len())
            .map(|index| {
                let writers = Arc::clone(&writers);
                tokio::spawn(async move { writers[index].take(kill * CHANGES).await })
            })
            .collect();
        // In the midst of it: when some have half of what they want.
        let until = Instant::now() + DEADLINE;
        let half = (2 * kill - 1) * CHANGES / 2;
        while !writers
            .iter()
            .any(|writer| writer.acknowledged.load(Ordering::SeqCst) >= half)
        {
            assert!(Instant::now() < until, "nothing goes on");
            stores::pause().await;
        }
        let mut killed = node.take().expect("it is put back");
        let killed = tokio::task::spawn_blocking(move || {
            killed.kill();
            killed.restart();
            killed
        });
        node = Some(killed.await.expect("it starts again"));
        for writer in running {
            writer.await.expect("no acknowledged change was lost");
        }
    }
    // A new session has no memory of the old node.
    let fresh = Arc::new(stores::connected(&url).await);
    for writer in writers.iter() {
        let row = stores::row(&fresh, &writer.key).await;
        assert!(
            row.holding(writer.holder) >= writer.acknowledged.load(Ordering::SeqCst),
            "{row:?}"
        );
        assert_eq!(row.granted, row.holdings.values().sum::<u64>(), "{row:?}");
        assert_eq!(
            row.version, row.granted,
            "every change takes one unit and counts one version: {row:?}"
        );
    }
}
