//! The fixed window: a count per window aligned to the Unix epoch on wall time, for compatibility with Envoy's reference
//! service. Two neighbouring windows may together hold twice the limit within one window's length; a caller who minds
//! takes a sliding window.

#[cfg(test)]
mod tests;

use crate::time::{Instant, Period};

/// The state of one fixed window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FixedWindow {
    /// The number of the window since the epoch.
    pub index: u64,
    /// Units used in it.
    pub count: u64,
}

impl FixedWindow {
    /// Units used in the window of `wall`. When wall time is stepped back, the later window goes on.
    #[must_use]
    pub fn used(&self, window: Period, wall: Instant) -> u64 {
        if self.index >= wall.0 / window.nanos() {
            self.count
        } else {
            0
        }
    }

    /// Nanoseconds from `wall` to the end of the window in force.
    #[must_use]
    pub fn ends_after(&self, window: Period, wall: Instant) -> u64 {
        let index = self.index.max(wall.0 / window.nanos());
        index
            .saturating_add(1)
            .saturating_mul(window.nanos())
            .saturating_sub(wall.0)
    }

    /// Counts `cost` units, whether they fit or not.
    pub fn admit(&mut self, window: Period, cost: u64, wall: Instant) {
        let used = self.used(window, wall);
        self.index = self.index.max(wall.0 / window.nanos());
        self.count = used.saturating_add(cost);
    }

    /// Takes `units` back, not below none used.
    pub fn refund(&mut self, window: Period, units: u64, wall: Instant) {
        self.count = self.used(window, wall).saturating_sub(units);
        self.index = self.index.max(wall.0 / window.nanos());
    }

    /// Whether it counts no more at `wall`, and would not in any window up to `kept_for` that it is carried over to.
    #[must_use]
    pub fn is_spent(&self, window: Period, kept_for: Option<Period>, wall: Instant) -> bool {
        let last = Instant(self.last_nano(window));
        let carried_on = kept_for.is_some_and(|longer| longer > window && wall.since(last) <= longer.nanos());
        self.count == 0 || self.used(window, wall) == 0 && !carried_on
    }

    /// The same use in a window of another length: the one in which the old one ends, so that nothing is freed early.
    #[must_use]
    pub fn carried(&self, from: Period, to: Period) -> Self {
        Self {
            index: self.last_nano(from) / to.nanos(),
            count: self.count,
        }
    }

    /// The last nanosecond of the window in force.
    fn last_nano(&self, window: Period) -> u64 {
        let begin = self.index.saturating_mul(window.nanos());
        begin.saturating_add(window.nanos() - 1)
    }
}
