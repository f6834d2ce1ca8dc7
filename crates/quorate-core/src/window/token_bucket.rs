//! The token bucket as GCRA: one theoretical arrival time.
//!
//! The bucket holds `capacity` units and gets `refill` back every `every`. Its backlog is a time: how long until it is
//! whole. A cost adds the time in which it comes back; it fits as long as the backlog stays within the burst
//! tolerance (the time in which the whole capacity comes back). A window of length W may therefore hold up to
//! `capacity + refill × W / every − 1` units: this is not a sliding window. A factor speeds the bucket up: costs
//! shrink, the tolerance stays, so that the share of the bucket that is used stays as it is when a boost starts or
//! ends.
//!
//! Source: ITU-T I.371, annex A (generic cell rate algorithm), in integers and rounded against the caller.

#[cfg(test)]
mod tests;

use crate::factor::ONE;
use crate::time::{Instant, Period};

/// What a bucket is made of, with the factor in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Units it holds, before the factor.
    pub capacity: u64,
    /// Units that come back every `every`, before the factor.
    pub refill: u64,
    /// The time in which `refill` units come back.
    pub every: Period,
    /// The factor, in hundredths.
    pub hundredths: u32,
}

impl Rate {
    /// The time in which `units` come back, rounded up.
    fn nanos_for(&self, units: u64) -> u64 {
        nanos_for(units, self.refill, self.every, self.hundredths)
    }

    fn tolerance(&self) -> u64 {
        nanos_for(self.capacity, self.refill, self.every, ONE)
    }
}

fn nanos_for(units: u64, refill: u64, every: Period, hundredths: u32) -> u64 {
    let speed = u128::from(refill.max(1)) * u128::from(hundredths.max(1));
    let nanos = (u128::from(units) * u128::from(every.nanos()))
        .saturating_mul(u128::from(ONE))
        .div_ceil(speed);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// The state of one token bucket: the instant at which it is whole again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenBucket {
    /// The theoretical arrival time. In the past: the bucket is whole.
    pub whole_at: Instant,
}

impl TokenBucket {
    /// The largest cost that fits at `now`.
    #[must_use]
    pub fn free(&self, rate: &Rate, now: Instant) -> u64 {
        let room = rate.tolerance().saturating_sub(self.whole_at.since(now));
        let speed = u128::from(rate.refill.max(1)) * u128::from(rate.hundredths);
        // Saturates only where the room is worth more than any capacity.
        let units = u128::from(room).saturating_mul(speed) / (u128::from(rate.every.nanos()) * u128::from(ONE));
        u64::try_from(units)
            .unwrap_or(u64::MAX)
            .min(crate::factor::scaled(rate.capacity, rate.hundredths))
    }

    /// The earliest instant from `now` on at which `cost` fits. `None` when it never does.
    #[must_use]
    pub fn fits_at(&self, rate: &Rate, cost: u64, now: Instant) -> Option<Instant> {
        let slack = rate.tolerance().checked_sub(rate.nanos_for(cost))?;
        Some(Instant(self.whole_at.0.saturating_sub(slack)).max(now))
    }

    /// Takes `cost` units at `now`, whether they fit or not.
    pub fn admit(&mut self, rate: &Rate, cost: u64, now: Instant) {
        self.whole_at = self.whole_at.max(now).after(rate.nanos_for(cost));
    }

    /// Gives `units` back, not beyond whole. The time given back is rounded down.
    pub fn refund(&mut self, rate: &Rate, units: u64, now: Instant) {
        let speed = u128::from(rate.refill.max(1)) * u128::from(rate.hundredths.max(1));
        let nanos = (u128::from(units) * u128::from(rate.every.nanos())).saturating_mul(u128::from(ONE)) / speed;
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.whole_at = Instant(self.whole_at.0.saturating_sub(nanos)).max(now);
    }

    /// When it is whole; `None` when it is at `now`.
    #[must_use]
    pub fn whole_again(&self, now: Instant) -> Option<Instant> {
        (self.whole_at > now).then_some(self.whole_at)
    }

    /// The same units of use at another rate.
    #[must_use]
    pub fn carried(&self, from: (u64, Period), to: (u64, Period), now: Instant) -> Self {
        let backlog = u128::from(self.whole_at.since(now));
        let units = (backlog * u128::from(from.0.max(1))).div_ceil(u128::from(from.1.nanos()));
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        Self {
            whole_at: now.after(if units == 0 {
                0
            } else {
                nanos_for(units, to.0, to.1, ONE)
            }),
        }
    }
}
