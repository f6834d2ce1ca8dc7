//! Hits rule by rule, counted as the reference counts them, under the keys that its statistics have.
//!
//! The keys come from rules that may be reloaded any number of times, and with `detailed_metric` from whoever sends
//! requests: their number and length are bounded, and what does not fit is counted together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use quorate_envoy::plan::{Counted, Item};
use quorate_envoy::{Hits, Outcome, Plan, Response};

/// The most keys that are told apart: a scrape of them all is a few hundred kilobytes.
pub(super) const KEYS_MAX: usize = 1_000;

/// The longest key that is told apart, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 256;

/// The key of what is not told apart.
pub(super) const OTHER: &str = "other";

/// The reference says near the limit from four fifths of it on.
const NEAR_FIFTHS: u64 = 4;

/// Hits rule by rule.
#[derive(Debug, Default)]
pub struct RuleCounts {
    // Replaced whole when a key is added, so that counting waits for nothing.
    by_key: ArcSwap<BTreeMap<Box<str>, Arc<Counters>>>,
    other: Counters,
    shadowed: AtomicU64,
    unknown_domain: AtomicU64,
}

#[derive(Debug, Default)]
struct Counters {
    total: AtomicU64,
    within: AtomicU64,
    near: AtomicU64,
    over: AtomicU64,
    shadow: AtomicU64,
}

/// What was counted for one key. The names are those of the reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// The key: `domain.key_value.key`.
    pub key: String,
    /// All hits: `total_hits`.
    pub total: u64,
    /// Hits that passed: `within_limit`.
    pub within: u64,
    /// Hits beyond four fifths of the limit that passed: `near_limit`.
    pub near: u64,
    /// Hits beyond the limit: `over_limit`.
    pub over: u64,
    /// Hits beyond the limit that passed in shadow mode: `shadow_mode`.
    pub shadow: u64,
}

impl RuleCounts {
    /// Counts what became of a request.
    pub(super) fn count(
        &self,
        plan: &Plan<'_, '_>,
        entries: &[quorate_envoy::Descriptor<'_>],
        response: &Response<'_>,
    ) {
        if response.shadowed {
            add(&self.shadowed, 1);
        }
        if plan.domain().is_none() {
            add(&self.unknown_domain, 1);
        }
        for ((item, descriptor), status) in plan.items().iter().zip(entries).zip(&response.statuses) {
            let (Item::Counted(counted), Some(outcome)) = (item, status.outcome) else {
                continue;
            };
            self.with(&counted.matched.metric_key(descriptor.entries), |counters| {
                counters.count(counted, &outcome);
            });
        }
    }

    /// Requests that were let pass only because of shadow mode for all.
    #[must_use]
    pub fn shadowed(&self) -> u64 {
        self.shadowed.load(Ordering::Relaxed)
    }

    /// Requests for a domain without rules.
    #[must_use]
    pub fn unknown_domain(&self) -> u64 {
        self.unknown_domain.load(Ordering::Relaxed)
    }

    /// What was counted for every key; for those that are not told apart last, if there are any.
    #[must_use]
    pub fn all(&self) -> Vec<RuleCount> {
        let by_key = self.by_key.load();
        let mut all: Vec<_> = by_key.iter().map(|(key, counters)| counters.read(key)).collect();
        let other = self.other.read(OTHER);
        if other.total > 0 {
            all.push(other);
        }
        all
    }

    fn with(&self, key: &str, count: impl Fn(&Counters)) {
        if let Some(counters) = self.by_key.load().get(key) {
            return count(counters);
        }
        // No key is `other`: each has a domain and a dot.
        if key.len() > KEY_BYTES_MAX || self.by_key.load().len() >= KEYS_MAX {
            return count(&self.other);
        }
        let new = Arc::new(Counters::default());
        self.by_key.rcu(|by_key| {
            let mut by_key = BTreeMap::clone(by_key);
            if by_key.len() < KEYS_MAX {
                by_key.entry(key.into()).or_insert_with(|| Arc::clone(&new));
            }
            by_key
        });
        match self.by_key.load().get(key) {
            Some(counters) => count(counters),
            None => count(&self.other),
        }
    }
}

impl Counters {
    fn count(&self, counted: &Counted<'_>, outcome: &Outcome) {
        // What is given back was counted when it came.
        let Hits::Add(hits) = counted.hits else { return };
        add(&self.total, hits);
        let limit = u64::from(counted.limit);
        let near = limit * NEAR_FIFTHS / 5;
        if !outcome.over {
            add(&self.within, hits);
            add(&self.near, outcome.after.saturating_sub(near.max(outcome.before)));
            return;
        }
        if outcome.before >= limit {
            add(&self.over, hits);
        } else {
            add(&self.over, outcome.after - limit);
            add(&self.near, limit - near.max(outcome.before));
        }
        if counted.matched.shadow_mode() {
            add(&self.shadow, hits);
        }
    }

    fn read(&self, key: &str) -> RuleCount {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RuleCount {
            key: key.to_owned(),
            total: read(&self.total),
            within: read(&self.within),
            near: read(&self.near),
            over: read(&self.over),
            shadow: read(&self.shadow),
        }
    }
}

fn add(counter: &AtomicU64, hits: u64) {
    // A client may say 2^64 - 1, and a counter that fell would be taken for a restart.
    let sum = |counted: u64| Some(counted.saturating_add(hits));
    let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
}
