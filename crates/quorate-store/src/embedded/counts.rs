//! What the engine has done, in numbers: for metrics, and for tests that want to see commits shared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Lost;
use crate::{Operations, StoreError};

/// Numbers since the engine was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Changes that were answered as durable, or refused.
    pub changes: u64,
    /// Commits that they took.
    pub commits: u64,
    /// Time spent in commits, in nanoseconds.
    pub commit_ns: u64,
    /// The longest commit, in nanoseconds.
    pub commit_ns_max: u64,
    /// Changes that were lost with a commit that failed, or answered that the file is away.
    pub lost: u64,
    /// Operations that found a queue full.
    pub turned_away: u64,
    /// How often the file was opened anew after a failure.
    pub reopened: u64,
    /// Changes that wait now.
    pub waiting: usize,
    /// The last failure, if the engine is not well now.
    pub failure: Option<String>,
}

/// The numbers as they grow.
#[derive(Debug, Default)]
pub(super) struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
    changes: AtomicU64,
    commits: AtomicU64,
    commit_ns: AtomicU64,
    commit_ns_max: AtomicU64,
    lost: AtomicU64,
    turned_away: AtomicU64,
    reopened: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Counts {
    pub(super) fn committed(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_ns.fetch_add(took_ns, Ordering::Relaxed);
        self.commit_ns_max.fetch_max(took_ns, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, changes: usize, lost: Option<&Lost>) {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        let counter = if lost.is_some() { &self.lost } else { &self.changes };
        counter.fetch_add(changes, Ordering::Relaxed);
        *self.failure.lock() = lost.map(|lost| lost.error.to_string());
    }

    pub(super) fn asked_to_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asked_to_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn operations(&self) -> Operations {
        Operations {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reopened(&self, opened: &Result<(), StoreError>) {
        match opened {
            Ok(()) => {
                self.reopened.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => *self.failure.lock() = Some(error.to_string()),
        }
    }

    pub(super) fn stats(&self, waiting: usize) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            changes: of(&self.changes),
            commits: of(&self.commits),
            commit_ns: of(&self.commit_ns),
            commit_ns_max: of(&self.commit_ns_max),
            lost: of(&self.lost),
            turned_away: of(&self.turned_away),
            reopened: of(&self.reopened),
            waiting,
            failure: self.failure.lock().clone(),
        }
    }
}
