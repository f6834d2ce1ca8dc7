//! How fast units are spent, and how large a chunk that makes.

use quorate_core::time::{Instant, SECOND};

use super::row::Row;
use crate::bounds::{CHUNK_SHARE, CROWD_SHARE, FIRST_CHUNK_SHARE, HORIZON_NS, RATE_WINDOW_NS};

/// The rate is kept in this share of a unit per second, so that slow spenders have one.
const SHARES: u64 = 1_024;

/// After so many doublings a chunk is as large as the first is small: `FIRST_CHUNK_SHARE / CHUNK_SHARE`, rounded up.
const DOUBLINGS_MAX: u32 = 7;

/// The estimate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    /// Shares of a unit per second; `None` before there was anything to measure.
    shares: Option<u64>,
    /// What was spent in all at `since`, from which the next measurement counts.
    counted: u64,
    since: Option<Instant>,
    /// How many chunks were taken.
    chunks: u32,
}

impl Rate {
    /// The estimate as another lease of the same account goes on with.
    pub(super) const fn successor(&self) -> Self {
        Self {
            shares: self.shares,
            counted: 0,
            since: None,
            chunks: self.chunks,
        }
    }

    /// Learns what was spent in all.
    pub(super) fn report(&mut self, now: Instant, spent: u64) {
        if self.since.is_none() {
            self.since = Some(now);
        }
        let elapsed = now.since(self.since.unwrap_or(now));
        if elapsed < RATE_WINDOW_NS {
            return;
        }
        let units = spent.saturating_sub(self.counted);
        let measured = scaled(units, SECOND * SHARES, elapsed);
        // Up at once, down by quarters: a pause between two bursts is not the end.
        self.shares = Some(
            self.shares
                .map_or(measured, |shares| measured.max(shares - shares / 4 + measured / 4)),
        );
        self.counted = spent;
        self.since = Some(now);
    }

    /// Books that a chunk was taken.
    pub(super) fn took(&mut self) {
        self.chunks = self.chunks.saturating_add(1);
    }

    /// Units spent in so long at this rate, rounded up; `None` when it is not known.
    fn units_in(&self, ns: u64) -> Option<u64> {
        self.shares
            .map(|shares| scaled(shares, ns, SECOND * SHARES).saturating_add(u64::from(shares > 0)))
    }

    /// How many units a chunk wants to be when no cost asks for more:
    /// `min(rate × horizon, lim/1000, room/(2 × holders))`, and no more than what a new process has worked up to.
    pub(super) fn chunk(&self, row: &Row, soft: bool) -> u64 {
        let first = (row.limit / FIRST_CHUNK_SHARE).max(1);
        let ramp = first.saturating_mul(1 << self.chunks.min(DOUBLINGS_MAX));
        let share = row.room(soft) / row.holders.saturating_mul(2).max(1);
        self.units_in(HORIZON_NS)
            .unwrap_or(u64::MAX)
            .min(ramp)
            .min(row.limit / CHUNK_SHARE)
            .min(share)
            .max(1)
    }

    /// The most units that are taken at once for decisions that wait together, when each of them costs less.
    pub(super) fn crowd(row: &Row, soft: bool) -> u64 {
        let share = row.room(soft) / row.holders.saturating_mul(2).max(1);
        share.min(row.limit / CROWD_SHARE).max(1)
    }

    /// At this balance the next chunk is due: what is spent while two operations last, and no more than a chunk, so
    /// that a crash strands two at most.
    pub(super) fn low_water(&self, row: &Row, soft: bool, slow_ns: u64) -> u64 {
        self.units_in(slow_ns.saturating_mul(2))
            .unwrap_or(0)
            .min(self.chunk(row, soft))
    }
}

/// `number × times / by`, held at the largest number.
fn scaled(number: u64, times: u64, by: u64) -> u64 {
    let product = u128::from(number) * u128::from(times) / u128::from(by.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
