//! What a load counts: answers, errors by kind, and how long each call took.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The shortest and longest time that is told apart, in nanoseconds, and with how many digits: 1 µs to 100 s.
const SHORTEST_NS: u64 = 1_000;
const LONGEST_NS: u64 = 100_000_000_000;
const DIGITS: u8 = 3;

/// One thread's counts.
#[derive(Debug)]
pub struct Tally {
    pub allowed: u64,
    pub denied: u64,
    /// Calls that brought no answer, by what went wrong.
    pub errors: BTreeMap<&'static str, u64>,
    /// Calls that were due but not sent when the time was over.
    pub unsent: u64,
    times: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            allowed: 0,
            denied: 0,
            errors: BTreeMap::new(),
            unsent: 0,
            times: Histogram::new_with_bounds(SHORTEST_NS, LONGEST_NS, DIGITS).expect("the bounds are constants"),
        }
    }
}

impl Tally {
    /// Counts decisions of one answered call.
    pub fn answered(&mut self, allowed: u64, denied: u64, took: Duration) {
        self.allowed += allowed;
        self.denied += denied;
        self.times
            .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(LONGEST_NS));
    }

    /// Counts a call that brought no answer.
    pub fn failed(&mut self, kind: &'static str) {
        *self.errors.entry(kind).or_default() += 1;
    }

    /// All decisions.
    pub fn decisions(&self) -> u64 {
        self.allowed + self.denied
    }

    /// All calls that brought no answer.
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Adds another thread's counts.
    pub fn merge(&mut self, other: &Self) {
        self.allowed += other.allowed;
        self.denied += other.denied;
        self.unsent += other.unsent;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.times.add(&other.times).expect("all have the same bounds");
    }

    /// The time within which this share of the calls was answered, in nanoseconds; 0 when none was.
    pub fn at(&self, quantile: f64) -> u64 {
        self.times.value_at_quantile(quantile)
    }

    /// The longest time, in nanoseconds.
    pub fn longest(&self) -> u64 {
        self.times.max()
    }
}

#[cfg(test)]
mod tests;
