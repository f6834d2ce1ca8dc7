//! How long decisions take, counted in fixed buckets: three relaxed additions for each, no lock, no allocation.

use std::sync::atomic::{AtomicU64, Ordering};

use super::family::Distribution;

/// The upper bounds of the buckets in nanoseconds, inclusive: 500 ns to 1 s, in steps of 2 to 2.5. A decision takes
/// about a microsecond; what is above a millisecond waited for something.
pub(super) const BOUNDS_NS: [u64; 17] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    50_000_000,
    250_000_000,
    1_000_000_000,
];

/// The buckets, and one for what is above them all.
const BUCKETS: usize = BOUNDS_NS.len() + 1;

/// Durations, counted.
#[derive(Debug, Default)]
pub(super) struct Latency {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Latency {
    /// Counts one duration.
    pub(super) fn record(&self, elapsed_ns: u64) {
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < elapsed_ns);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(elapsed_ns, Ordering::Relaxed);
    }

    /// Adds what was counted to `sum`.
    pub(super) fn add_to(&self, sum: &mut Distribution) {
        sum.counts.resize(BUCKETS, 0);
        for (total, count) in sum.counts.iter_mut().zip(&self.counts) {
            *total += count.load(Ordering::Relaxed);
        }
        sum.sum_ns = sum.sum_ns.saturating_add(self.sum_ns.load(Ordering::Relaxed));
    }
}
