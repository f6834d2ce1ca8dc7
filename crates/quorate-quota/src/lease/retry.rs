//! When to try again: soon after a lost race, later and later while the store is away.

use quorate_core::time::Instant;

use crate::bounds::{LATENCY_NS_MAX, LATENCY_NS_MIN, RACE_NS_MAX, RACE_NS_MIN, RETRY_NS_MAX, RETRY_NS_MIN};
use crate::mix::mix;

/// The doubling of a wait stops here, so that the shift stays within 64 bits.
const DOUBLINGS_MAX: u32 = 16;

/// Waits, and what they are reckoned from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    seed: u64,
    failures: u32,
    races: u32,
    slow_ns: u64,
    /// Nothing is sent before this.
    pub(super) not_before: Instant,
}

impl Retry {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            failures: 0,
            races: 0,
            slow_ns: LATENCY_NS_MIN,
            not_before: Instant(0),
        }
    }

    /// A number between half of `ns` and all of it, another one each time, so that holders do not come in step.
    pub(super) fn jitter(&mut self, ns: u64) -> u64 {
        self.seed = self.seed.wrapping_add(1);
        let half = ns / 2;
        half + mix(self.seed) % (ns - half).saturating_add(1)
    }

    /// The store did not do what it was asked, or nobody knows.
    pub(super) fn failed(&mut self, now: Instant) {
        let wait = doubled(RETRY_NS_MIN, self.failures, RETRY_NS_MAX);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.after(self.jitter(wait));
    }

    /// Somebody else changed the row first. The first time costs nothing.
    pub(super) fn raced(&mut self, now: Instant) {
        self.failures = 0;
        if self.races > 0 {
            let wait = doubled(RACE_NS_MIN, self.races - 1, RACE_NS_MAX);
            self.not_before = now.after(self.jitter(wait));
        }
        self.races = self.races.saturating_add(1);
    }

    /// The store did what it was asked, in so long.
    pub(super) fn applied(&mut self, took_ns: u64) {
        self.races = 0;
        self.answered(took_ns);
    }

    /// The store answered, in so long.
    pub(super) fn answered(&mut self, took_ns: u64) {
        self.failures = 0;
        // The slowest of late, forgotten by a sixteenth per answer: above the 99.9th percentile rather than below it,
        // which costs a little more refill ahead.
        self.slow_ns = took_ns
            .max(self.slow_ns - self.slow_ns / 16)
            .clamp(LATENCY_NS_MIN, LATENCY_NS_MAX);
    }

    /// Whether the last that was heard of the store was a failure.
    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// How long an operation may take.
    pub(super) const fn slow_ns(&self) -> u64 {
        self.slow_ns
    }
}

fn doubled(first: u64, times: u32, most: u64) -> u64 {
    (first << times.min(DOUBLINGS_MAX)).min(most)
}

#[cfg(test)]
mod tests;
