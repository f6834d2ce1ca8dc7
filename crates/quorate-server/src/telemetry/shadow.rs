//! What limits in shadow mode would have denied, by their names.
//!
//! The names are the policy's, and a policy may be reloaded any number of times: their number is bounded here, and
//! what does not fit is counted together. Nobody waits for the lock on the data plane.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

/// The most names that are told apart. A dashboard cannot show more, and a policy on trial has a handful.
pub(super) const NAMES_MAX: usize = 128;

/// The label of what is not told apart.
pub(super) const OTHER: &str = "other";

/// Denials that were not made, counted by limit.
#[derive(Debug, Default)]
pub(super) struct ShadowDenials {
    by_limit: RwLock<BTreeMap<Box<str>, AtomicU64>>,
    other: AtomicU64,
}

impl ShadowDenials {
    /// Counts one. Never waits: when the lock is taken (a new name is being added), it counts as [`OTHER`].
    pub(super) fn count(&self, limit: &str) {
        if self.counted(limit) || self.added(limit) {
            return;
        }
        self.other.fetch_add(1, Ordering::Relaxed);
    }

    fn counted(&self, limit: &str) -> bool {
        let Some(by_limit) = self.by_limit.try_read() else {
            return false;
        };
        let known = by_limit.get(limit);
        known.map(|count| count.fetch_add(1, Ordering::Relaxed)).is_some()
    }

    fn added(&self, limit: &str) -> bool {
        let Some(mut by_limit) = self.by_limit.try_write() else {
            return false;
        };
        if by_limit.len() >= NAMES_MAX && !by_limit.contains_key(limit) {
            return false;
        }
        let count = by_limit.entry(Box::from(limit)).or_default();
        count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Every count, by name; [`OTHER`] last, when it is not 0.
    pub(super) fn counts(&self) -> Vec<(String, u64)> {
        let by_limit = self.by_limit.read();
        let mut counts: Vec<_> = by_limit
            .iter()
            .map(|(name, count)| (name.to_string(), count.load(Ordering::Relaxed)))
            .collect();
        drop(by_limit);
        let other = self.other.load(Ordering::Relaxed);
        // A limit may be called `other` itself: two samples with the same labels would be refused by whoever reads.
        match counts.iter_mut().find(|(name, _)| name == OTHER) {
            Some((_, count)) => *count += other,
            None if other > 0 => counts.push((OTHER.to_owned(), other)),
            None => {}
        }
        counts
    }
}
