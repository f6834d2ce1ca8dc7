//! Cells: the counters of an entry, unpacked for one decision. A cell answers in terms of a limit what its algorithm
//! answers in its own.

#[cfg(test)]
mod tests;

use crate::factor::{Bearing, Factors, ONE, scaled};
use crate::limit::{Algorithm, CAPACITY_MAX, Limit, PoolMode, Role};
use crate::state::layout::Kind;
use crate::time::{Instant, Now, Period};
use crate::window::fixed_window::FixedWindow;
use crate::window::pool::{Pool, Refill};
use crate::window::sliding::{Log, STAMPS_MAX, stamps_for};
use crate::window::token_bucket::{Rate, TokenBucket};

/// The state of one counter.
// A log is large and nearly always what a cell is; boxing it would allocate on the decision path.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A sliding window.
    Log(Log),
    /// A token bucket.
    TokenBucket(TokenBucket),
    /// A fixed window.
    FixedWindow(FixedWindow),
    /// A burst pool.
    Pool(Pool),
}

/// A limit as it stands in one request: with the factors that bear on it.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'p> {
    /// The limit.
    pub limit: &'p Limit,
    /// The factors of the request.
    pub factors: Factors<'p>,
    /// Which of them bear on the limit.
    pub bearing: Bearing,
    /// What the limit's algorithm keeps: every look at a counter asks.
    kind: Kind,
}

impl<'p> Rule<'p> {
    /// A limit with the factors of a request, and which of them bear on it.
    #[must_use]
    pub fn new(limit: &'p Limit, factors: Factors<'p>, bearing: Bearing) -> Self {
        Self {
            limit,
            factors,
            bearing,
            kind: Kind::of(&limit.algorithm),
        }
    }

    /// The factor in force at `at`, in hundredths. Never on allowances, nor on pools that only add.
    #[must_use]
    pub fn factor(&self, at: Instant) -> u32 {
        // Every look at a counter asks, and hardly any request has factors.
        if self.factors.is_empty() {
            return ONE;
        }
        self.factors().at(self.bearing, at)
    }

    /// The factors that bear on the limit at any time.
    #[must_use]
    pub fn factors(&self) -> Factors<'p> {
        let bears = match (self.limit.role, self.limit.algorithm) {
            (Role::Allowance, _) => false,
            (Role::Pool, Algorithm::Pool { mode, .. }) => mode == PoolMode::Ceiling,
            _ => true,
        };
        if !bears {
            return Factors::default();
        }
        Factors {
            org: self.factors.org,
            key: if self.bearing.key { self.factors.key } else { &[] },
            endpoint: if self.bearing.endpoint {
                self.factors.endpoint
            } else {
                &[]
            },
        }
    }

    /// The limit in force at `at`: ⌊capacity × factor⌋, at most [`CAPACITY_MAX`].
    #[must_use]
    pub fn capacity(&self, at: Instant) -> u64 {
        scaled(self.limit.capacity, self.factor(at)).min(CAPACITY_MAX)
    }

    /// The largest limit in force at any instant from `at` on, under the factors known now.
    #[must_use]
    pub fn capacity_ever(&self, at: Instant) -> u64 {
        let mut most = self.capacity(at);
        let mut edge = at;
        let factors = self.factors();
        while let Some(next) = factors.next_change(edge) {
            most = most.max(self.capacity(next));
            edge = next;
        }
        most
    }

    /// The refill of a pool; `None` of another limit.
    #[must_use]
    pub fn refill(&self) -> Option<Refill<'p>> {
        let Algorithm::Pool { refill, every, .. } = self.limit.algorithm else {
            return None;
        };
        let org = self.factors().org;
        Some(Refill {
            units: refill,
            every,
            factors: Factors {
                org,
                key: &[],
                endpoint: &[],
            },
        })
    }

    fn rate(&self, at: Instant) -> Option<Rate> {
        let Algorithm::TokenBucket { refill, every } = self.limit.algorithm else {
            return None;
        };
        Some(Rate {
            capacity: self.limit.capacity,
            refill,
            every,
            hundredths: self.factor(at),
        })
    }

    fn stamps_max(&self) -> usize {
        match self.limit.algorithm {
            Algorithm::SlidingWindow { precision, .. } => stamps_for(self.limit.capacity, precision),
            _ => STAMPS_MAX,
        }
    }
}

impl Cell {
    /// The cell of a counter that nothing was charged to.
    #[must_use]
    pub fn fresh(kind: &Kind) -> Self {
        match kind {
            Kind::Log(_) => Self::Log(Log::default()),
            Kind::TokenBucket(..) => Self::TokenBucket(TokenBucket::default()),
            Kind::FixedWindow(_) => Self::FixedWindow(FixedWindow::default()),
            Kind::Pool(..) => Self::Pool(Pool::default()),
        }
    }

    /// Units used at `now`, as far as the algorithm can tell.
    #[must_use]
    pub fn used(&self, rule: &Rule<'_>, now: Now) -> u64 {
        match (self, rule.kind) {
            (Self::Log(log), Kind::Log(tick)) => log.used(&tick, now.instant),
            (Self::FixedWindow(fixed), Kind::FixedWindow(window)) => fixed.used(window, now.wall),
            (Self::Pool(pool), Kind::Pool(..)) => {
                rule.refill().map_or(0, |refill| pool.at(&refill, now.instant).missing)
            }
            _ => rule.capacity(now.instant).saturating_sub(self.free(rule, now)),
        }
    }

    /// The largest amount that fits at `now`.
    #[must_use]
    pub fn free(&self, rule: &Rule<'_>, now: Now) -> u64 {
        match (self, &rule.kind) {
            // Nearly always, and asked several times for each decision.
            (Self::Log(log), Kind::Log(tick)) => rule.capacity(now.instant).saturating_sub(log.used(tick, now.instant)),
            (Self::TokenBucket(bucket), _) => rule.rate(now.instant).map_or(0, |rate| bucket.free(&rate, now.instant)),
            _ => rule.capacity(now.instant).saturating_sub(self.used(rule, now)),
        }
    }

    /// The earliest instant from `now` on at which `cost` fits, if nothing else happens and the factor in force at
    /// `now` stays. `None` when it never does.
    #[must_use]
    pub fn fits_at(&self, rule: &Rule<'_>, cost: u64, now: Now) -> Option<Instant> {
        let capacity = rule.capacity(now.instant);
        if cost > capacity {
            return None;
        }
        match (self, rule.kind) {
            (Self::Log(log), Kind::Log(tick)) => log.fits_at(&tick, cost, capacity, now.instant),
            (Self::TokenBucket(bucket), _) => bucket.fits_at(&rule.rate(now.instant)?, cost, now.instant),
            (Self::FixedWindow(fixed), Kind::FixedWindow(window)) => {
                let fits = cost <= capacity.saturating_sub(fixed.used(window, now.wall));
                let wait = if fits { 0 } else { fixed.ends_after(window, now.wall) };
                Some(now.instant.after(wait))
            }
            (Self::Pool(pool), _) => Some(pool.refilled_to(capacity - cost, &rule.refill()?, now.instant)),
            _ => Some(now.instant),
        }
    }

    /// Nanoseconds until the counter is whole again if nothing else happens; 0 when it is.
    #[must_use]
    pub fn whole_after(&self, rule: &Rule<'_>, now: Now) -> u64 {
        let at = match (self, rule.kind) {
            (Self::Log(log), Kind::Log(tick)) => log.whole_at(&tick, now.instant),
            (Self::TokenBucket(bucket), _) => bucket.whole_again(now.instant),
            (Self::FixedWindow(fixed), Kind::FixedWindow(window)) => {
                (fixed.used(window, now.wall) > 0).then(|| now.instant.after(fixed.ends_after(window, now.wall)))
            }
            (Self::Pool(pool), _) => rule.refill().map(|refill| pool.refilled_to(0, &refill, now.instant)),
            _ => None,
        };
        at.map_or(0, |at| at.since(now.instant))
    }

    /// Charges `cost`, whether it fits or not.
    pub fn admit(&mut self, rule: &Rule<'_>, cost: u64, now: Now) {
        match (self, rule.kind) {
            (Self::Log(log), Kind::Log(tick)) => {
                log.admit(&tick, cost, rule.capacity(now.instant), rule.stamps_max(), now.instant);
            }
            (Self::TokenBucket(bucket), _) => {
                if let Some(rate) = rule.rate(now.instant) {
                    bucket.admit(&rate, cost, now.instant);
                }
            }
            (Self::FixedWindow(fixed), Kind::FixedWindow(window)) => fixed.admit(window, cost, now.wall),
            (Self::Pool(pool), _) => {
                if let Some(refill) = rule.refill() {
                    pool.draw(&refill, cost, now.instant);
                }
            }
            _ => {}
        }
    }

    /// Takes `units` back, the newest first, not below none used.
    pub fn refund(&mut self, rule: &Rule<'_>, units: u64, now: Now) {
        match (self, rule.kind) {
            (Self::Log(log), Kind::Log(tick)) => {
                log.refund(&tick, units, now.instant);
            }
            (Self::TokenBucket(bucket), _) => {
                if let Some(rate) = rule.rate(now.instant) {
                    bucket.refund(&rate, units, now.instant);
                }
            }
            (Self::FixedWindow(fixed), Kind::FixedWindow(window)) => fixed.refund(window, units, now.wall),
            (Self::Pool(pool), _) => {
                if let Some(refill) = rule.refill() {
                    pool.put_back(&refill, units, now.instant);
                }
            }
            _ => {}
        }
    }

    /// What a limit starts as whose algorithm was changed. Another algorithm cannot tell what was used: the counter is
    /// full, as of when something may last have been charged, so that it frees nothing early and does not stay full
    /// for as long as it is asked; or fresh when the old one has nothing left that counts.
    #[must_use]
    pub fn restarted(&self, from: &Kind, rule: &Rule<'_>, now: Now) -> Self {
        let mut cell = Self::fresh(&rule.kind);
        if self.is_spent(from, None, now) {
            return cell;
        }
        let age = match (self, from) {
            (Self::Log(log), Kind::Log(tick)) => now.instant.since(log.last_at(tick)),
            (Self::Pool(pool), _) => now.instant.since(pool.at),
            _ => 0,
        };
        let then = Now {
            instant: Instant(now.instant.0 - age),
            wall: Instant(now.wall.0.saturating_sub(age)),
        };
        let full = match cell {
            Self::TokenBucket(_) => cell.free(rule, then),
            _ => rule.capacity(now.instant),
        };
        cell.admit(rule, full, then);
        cell
    }

    /// Whether nothing charged so far can change a decision at `now` or later, whatever the factors, and whichever window
    /// up to `kept_for` it may yet be carried over to.
    #[must_use]
    pub fn is_spent(&self, kind: &Kind, kept_for: Option<Period>, now: Now) -> bool {
        match (self, kind) {
            (Self::Log(log), Kind::Log(tick)) => log.whole_at(&tick.kept_for(kept_for), now.instant).is_none(),
            (Self::TokenBucket(bucket), _) => bucket.whole_at <= now.instant,
            (Self::FixedWindow(fixed), Kind::FixedWindow(window)) => fixed.is_spent(*window, kept_for, now.wall),
            // A factor only makes it refill faster.
            (Self::Pool(pool), Kind::Pool(units, every)) => {
                pool.at(&Refill::steady(*units, *every), now.instant).missing == 0
            }
            _ => true,
        }
    }

    /// The same use under other parameters of the same algorithm; `None` when the algorithm is another.
    #[must_use]
    pub fn carried(&self, from: &Kind, to: &Kind, now: Now) -> Option<Self> {
        match (self, from, to) {
            _ if from == to => Some(*self),
            (Self::Log(log), Kind::Log(from), Kind::Log(to)) => Some(Self::Log(log.carried(from, to))),
            (Self::TokenBucket(bucket), Kind::TokenBucket(refill, every), Kind::TokenBucket(to_refill, to_every)) => {
                let carried = bucket.carried((*refill, *every), (*to_refill, *to_every), now.instant);
                Some(Self::TokenBucket(carried))
            }
            (Self::FixedWindow(fixed), Kind::FixedWindow(from), Kind::FixedWindow(to)) => {
                Some(Self::FixedWindow(fixed.carried(*from, *to)))
            }
            (Self::Pool(pool), Kind::Pool(units, every), Kind::Pool(to_units, to_every)) => {
                // A factor only makes it refill faster.
                let (from, to) = (Refill::steady(*units, *every), Refill::steady(*to_units, *to_every));
                Some(Self::Pool(pool.carried(&from, &to, now.instant)))
            }
            _ => None,
        }
    }
}
