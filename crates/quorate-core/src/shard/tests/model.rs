//! A naive model of the charge: exact histories, nothing clever. Written from `docs/semantics.md`, not from the code.

use super::fixture::Shape;
use crate::limit::PoolMode;
use crate::time::SECOND;

/// Admissions to one counter: when, and how many units.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<(u64, u64)>);

impl History {
    pub fn used(&self, window_s: u64, now: u64) -> u64 {
        let window = window_s * SECOND;
        self.0
            .iter()
            .filter(|(at, _)| at + window > now)
            .map(|(_, units)| units)
            .sum()
    }

    pub fn add(&mut self, now: u64, units: u64) {
        if units > 0 {
            self.0.push((now, units));
        }
    }

    /// The most units that any half-open interval of the window's length holds.
    pub fn most(&self, window_s: u64) -> u64 {
        let window = window_s * SECOND;
        let in_window = |from: u64| {
            self.0
                .iter()
                .filter(|(at, _)| from <= *at && *at < from + window)
                .map(|(_, units)| units)
                .sum()
        };
        self.0.iter().map(|(at, _)| in_window(*at)).max().unwrap_or(0)
    }
}

/// One key of the fixture, and its org's pool.
#[derive(Clone, Debug)]
pub struct Model {
    pub shape: Shape,
    pub minute: History,
    pub five: History,
    pub calls: History,
    pub allowance: History,
    /// Shares of an hour-hundredth of a unit that are in the pool: level × 3600e9 × 100.
    pool: u128,
    pool_at: u64,
    pub drawn: u64,
}

const UNIT: u128 = 3_600_000_000_000 * 100;

impl Model {
    pub fn new(shape: Shape, start: u64) -> Self {
        let pool = shape.pool.map_or(0, |(capacity, ..)| u128::from(capacity) * UNIT);
        Self {
            shape,
            minute: History::default(),
            five: History::default(),
            calls: History::default(),
            allowance: History::default(),
            pool,
            pool_at: start,
            drawn: 0,
        }
    }

    fn factor(&self, now: u64) -> u64 {
        let in_force = self
            .shape
            .factors
            .iter()
            .filter(|factor| factor.from.0 <= now && now < factor.until.0);
        in_force.map(|factor| u64::from(factor.hundredths)).max().unwrap_or(100)
    }

    /// The pool's level, with an unboosted (overflow) refill.
    pub fn level(&self, now: u64) -> u64 {
        let Some((capacity, refill, _)) = self.shape.pool else {
            return 0;
        };
        let accrued = u128::from(now - self.pool_at) * u128::from(refill) * 100;
        let level = (self.pool + accrued).min(u128::from(capacity) * UNIT) / UNIT;
        u64::try_from(level).unwrap()
    }

    fn draw(&mut self, now: u64, units: u64) {
        let Some((capacity, refill, _)) = self.shape.pool else {
            return;
        };
        let accrued = u128::from(now - self.pool_at) * u128::from(refill) * 100;
        self.pool = (self.pool + accrued).min(u128::from(capacity) * UNIT) - u128::from(units) * UNIT;
        self.pool_at = now;
        self.drawn += units;
    }

    /// Whether a request of `cost` passes at `now`, and its shortfall and draw.
    pub fn look(&self, cost: u64, now: u64) -> Option<(u64, u64)> {
        let factor = self.factor(now);
        let free = |history: &History, limit: u64, window: u64| {
            (limit * factor / 100).saturating_sub(history.used(window, now))
        };
        if cost > free(&self.five, self.shape.five, 300) || free(&self.calls, self.shape.calls, 60) < 1 {
            return None;
        }
        let short = cost.saturating_sub(free(&self.minute, self.shape.minute, 60));
        let ceiling = matches!(self.shape.pool, Some((_, _, PoolMode::Ceiling)));
        if short > 0 {
            let allowance = self.shape.allowance?.saturating_sub(self.allowance.used(60, now));
            self.shape.pool?;
            if short > allowance || (!ceiling && short > self.level(now)) {
                return None;
            }
        }
        let draw = if ceiling { cost } else { short };
        (draw <= self.level(now) || draw == 0).then_some((short, draw))
    }

    pub fn ask(&mut self, cost: u64, now: u64) -> bool {
        let Some((short, draw)) = self.look(cost, now) else {
            return false;
        };
        self.minute.add(now, cost - short);
        self.five.add(now, cost);
        self.calls.add(now, 1);
        self.allowance.add(now, short);
        if draw > 0 {
            self.draw(now, draw);
        }
        true
    }
}
