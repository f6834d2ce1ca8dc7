//! The burst pool: a bucket that starts full, lends units, and refills at a steady rate, exactly.
//!
//! The state is what is missing, not what is there, so that a change of capacity (a boost of a pool in ceiling mode, a
//! reload) keeps the use and touches no state. The refill's remainder is carried in integers: over any stretch
//! `capacity + accrued = drawn + spilled + level` holds to the last unit.

#[cfg(test)]
mod tests;

use crate::factor::{Bearing, Factors, ONE};
use crate::time::{Instant, Period};

/// The factors that bear on a pool are those of its org.
const ORG: Bearing = Bearing {
    key: false,
    endpoint: false,
};

/// How a pool refills.
#[derive(Clone, Copy, Debug)]
pub struct Refill<'p> {
    /// Units that come back every `every`.
    pub units: u64,
    /// The time in which `units` come back.
    pub every: Period,
    /// The factors on the refill: the org's for a pool in ceiling mode, else none.
    pub factors: Factors<'p>,
}

impl Refill<'_> {
    /// A refill without factors.
    #[must_use]
    pub fn steady(units: u64, every: Period) -> Self {
        Self {
            units,
            every,
            factors: Factors::default(),
        }
    }

    /// What accrues is told in shares of a unit: one unit is `every` × 100 shares.
    fn shares_per_unit(&self) -> u128 {
        u128::from(self.every.nanos()) * u128::from(ONE)
    }

    /// The shares that accrue from `from` to `to`, factor by factor.
    fn shares(&self, from: Instant, to: Instant) -> u128 {
        let mut shares = 0_u128;
        let mut at = from;
        while at < to {
            let edge = self.factors.next_change(at).map_or(to, |change| change.min(to));
            shares = shares.saturating_add(u128::from(edge.since(at)).saturating_mul(self.speed(at)));
            at = edge;
        }
        shares
    }

    /// Shares per nanosecond at `at`.
    fn speed(&self, at: Instant) -> u128 {
        u128::from(self.units).saturating_mul(u128::from(self.factors.at(ORG, at)))
    }
}

/// The state of one pool. The default is a full one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Units missing at `at`.
    pub missing: u64,
    /// Shares of a unit that had accrued beyond whole units at `at`; less than a unit's.
    pub shares: u64,
    /// When `missing` and `shares` were true.
    pub at: Instant,
}

impl Pool {
    /// The pool at `now`, refilled.
    #[must_use]
    pub fn at(&self, refill: &Refill<'_>, now: Instant) -> Self {
        if self.missing == 0 {
            return Self {
                missing: 0,
                shares: 0,
                at: self.at.max(now),
            };
        }
        let shares = refill.shares(self.at, now).saturating_add(u128::from(self.shares));
        let units = u64::try_from(shares / refill.shares_per_unit()).unwrap_or(u64::MAX);
        let at = self.at.max(now);
        if units >= self.missing {
            return Self {
                missing: 0,
                shares: 0,
                at,
            };
        }
        let rest = u64::try_from(shares % refill.shares_per_unit()).unwrap_or_default();
        Self {
            missing: self.missing - units,
            shares: rest,
            at,
        }
    }

    /// Units it holds at `now`.
    #[must_use]
    pub fn level(&self, capacity: u64, refill: &Refill<'_>, now: Instant) -> u64 {
        capacity.saturating_sub(self.at(refill, now).missing)
    }

    /// Draws `units` at `now`, whether it holds them or not.
    pub fn draw(&mut self, refill: &Refill<'_>, units: u64, now: Instant) {
        *self = self.at(refill, now);
        self.missing = self.missing.saturating_add(units);
    }

    /// Puts `units` back, not beyond full.
    pub fn put_back(&mut self, refill: &Refill<'_>, units: u64, now: Instant) {
        *self = self.at(refill, now);
        self.missing = self.missing.saturating_sub(units);
        if self.missing == 0 {
            self.shares = 0;
        }
    }

    /// The same use at another refill. Nobody knows when between `at` and `now` the refill was changed: units have come
    /// back at the slower of both.
    #[must_use]
    pub fn carried(&self, from: &Refill<'_>, to: &Refill<'_>, now: Instant) -> Self {
        // Shares of a unit are told in the refill's own time: less than one unit is given up.
        let before = self.at(from, now);
        let after = Self { shares: 0, ..*self }.at(to, now);
        Self {
            missing: before.missing.max(after.missing),
            shares: 0,
            at: before.at,
        }
    }

    /// The earliest instant from `now` on at which at most `missing` units are missing. [`Instant::MAX`] when that is
    /// never.
    #[must_use]
    pub fn refilled_to(&self, missing: u64, refill: &Refill<'_>, now: Instant) -> Instant {
        let pool = self.at(refill, now);
        let Some(units) = pool.missing.checked_sub(missing).filter(|units| *units > 0) else {
            return now;
        };
        let mut need = u128::from(units) * refill.shares_per_unit() - u128::from(pool.shares);
        let mut at = now;
        loop {
            let speed = refill.speed(at);
            let edge = refill.factors.next_change(at);
            let nanos = if speed == 0 { u128::MAX } else { need.div_ceil(speed) };
            let reached = u64::try_from(nanos)
                .ok()
                .and_then(|nanos| at.0.checked_add(nanos))
                .map(Instant);
            match (edge, reached) {
                (Some(edge), reached) if reached.is_none_or(|reached| reached > edge) => {
                    need -= u128::from(edge.since(at)).saturating_mul(speed);
                    at = edge;
                }
                (_, reached) => return reached.unwrap_or(Instant::MAX),
            }
        }
    }
}
