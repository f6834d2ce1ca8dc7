//! Counting on the data plane: relaxed additions to counters of one's own thread.
//!
//! Nothing here waits for a lock, and an allowed answer allocates nothing. What is counted is read by `gather`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use quorate_core::answer::{Answer, Reason};

use super::door::Door;
use super::family::Distribution;
use super::latency::Latency;
use super::shadow::ShadowDenials;
use super::throttled::Throttled;
use crate::http::reason::{REASONS, told};

/// How many doors there are.
const DOORS: usize = Door::ALL.len();

/// The counters of one thread. Other threads only read them.
#[derive(Debug, Default)]
pub(super) struct Shard {
    doors: [DoorCounters; DOORS],
    unlimited: AtomicU64,
    degraded: AtomicU64,
    replayed: AtomicU64,
    warned: AtomicU64,
    pool_units: AtomicU64,
    throttled_missed: AtomicU64,
    throttled: Mutex<Throttled>,
}

#[derive(Debug, Default)]
struct DoorCounters {
    decisions: [AtomicU64; REASONS],
    latency: Latency,
    invalid: AtomicU64,
    refused: AtomicU64,
}

/// Counts for one data-plane thread. Clones count in the same place.
#[derive(Clone, Debug)]
pub struct Recorder {
    shard: Arc<Shard>,
    shadow: Arc<ShadowDenials>,
}

impl Recorder {
    pub(super) const fn new(shard: Arc<Shard>, shadow: Arc<ShadowDenials>) -> Self {
        Self { shard, shadow }
    }

    /// Counts one answer that took `elapsed_ns` to make, for the id of the key that asked; empty for a request that
    /// brought a credential. Never a credential itself.
    pub fn record(&self, door: Door, answer: &Answer<'_>, key: &str, elapsed_ns: u64) {
        let counters = &self.shard.doors[door.index()];
        add(&counters.decisions[told(answer.reason).index], 1);
        counters.latency.record(elapsed_ns);
        if answer.drawn > 0 {
            add(&self.shard.pool_units, answer.drawn);
        }
        if answer.degraded {
            add(&self.shard.degraded, 1);
        }
        if answer.replayed {
            add(&self.shard.replayed, 1);
        }
        if !answer.warnings.is_empty() {
            add(&self.shard.warned, 1);
        }
        for limit in answer.shadow_denied.iter() {
            self.shadow.count(limit);
        }
        if !answer.allowed() {
            self.denied(answer, key);
        } else if answer.binding.is_none() {
            add(&self.shard.unlimited, 1);
        }
    }

    /// Counts one answer of Envoy's rules that took `elapsed_ns` to make.
    pub fn rated(&self, door: Door, passes: bool, elapsed_ns: u64) {
        let reason = if passes { Reason::Ok } else { Reason::RateLimited };
        let counters = &self.shard.doors[door.index()];
        add(&counters.decisions[told(reason).index], 1);
        counters.latency.record(elapsed_ns);
    }

    /// Counts an answer `OVERLOADED`: nothing was looked at.
    pub fn overloaded(&self, door: Door) {
        let overloaded = told(Reason::Overloaded).index;
        add(&self.shard.doors[door.index()].decisions[overloaded], 1);
    }

    /// Counts a request that was malformed: nothing was decided.
    pub fn invalid(&self, door: Door) {
        add(&self.shard.doors[door.index()].invalid, 1);
    }

    /// Counts a request of a caller that is not known, or may not ask for that org: nothing was decided.
    pub fn refused(&self, door: Door) {
        add(&self.shard.doors[door.index()].refused, 1);
    }

    fn denied(&self, answer: &Answer<'_>, key: &str) {
        // Taken only while somebody reads the report, or an epoch ends.
        let Some(mut throttled) = self.shard.throttled.try_lock() else {
            add(&self.shard.throttled_missed, 1);
            return;
        };
        throttled.count(answer, key);
    }
}

fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Ordering::Relaxed);
}

/// What all shards counted, in sum.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) doors: [DoorTotals; DOORS],
    pub(super) unlimited: u64,
    pub(super) degraded: u64,
    pub(super) replayed: u64,
    pub(super) warned: u64,
    pub(super) pool_units: u64,
    pub(super) throttled_missed: u64,
}

/// What all shards counted at one door.
#[derive(Clone, Debug, Default)]
pub(super) struct DoorTotals {
    pub(super) decisions: [u64; REASONS],
    pub(super) latency: Distribution,
    pub(super) invalid: u64,
    pub(super) refused: u64,
}

impl Shard {
    pub(super) const fn throttled(&self) -> &Mutex<Throttled> {
        &self.throttled
    }

    /// Adds what was counted to `totals`.
    pub(super) fn add_to(&self, totals: &mut Totals) {
        for (total, counters) in totals.doors.iter_mut().zip(&self.doors) {
            for (sum, count) in total.decisions.iter_mut().zip(&counters.decisions) {
                *sum += read(count);
            }
            counters.latency.add_to(&mut total.latency);
            total.invalid += read(&counters.invalid);
            total.refused += read(&counters.refused);
        }
        totals.unlimited += read(&self.unlimited);
        totals.degraded += read(&self.degraded);
        totals.replayed += read(&self.replayed);
        totals.warned += read(&self.warned);
        totals.pool_units += read(&self.pool_units);
        totals.throttled_missed += read(&self.throttled_missed);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
