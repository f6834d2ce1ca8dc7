//! The sliding window as a grouped log: the recorded time of every g-th unit, g a power of two.
//!
//! Promise: no half-open interval of the window's length holds more units than the limit in force at its last
//! admission. It rests on one rule (admit `c` iff the units recorded after `now − window`, and `c`, are at most the
//! limit) and one invariant: **a unit's recorded time is never earlier than its admission.** Everything here that
//! changes a recorded time (rounding up to a tick, merging two groups into the later, carrying over to another tick)
//! raises it. `docs/ALGORITHMS.md` has the proofs.
//!
//! The state does not contain the limit, so a boost or a reload touches nothing. It is not a ring of counters, and it
//! does not interpolate.

#[cfg(test)]
mod tests;

use crate::limit::Precision;
use crate::time::{Instant, Period};

/// The most recorded times of one log: what [`Precision::High`] asks for at most.
pub const STAMPS_MAX: usize = 128;

/// Limits up to this many units keep the time of every unit.
pub const EXACT_MAX: u64 = 64;

/// Recorded times that a log can always have, however short memory is. With groups of 2⁴⁸ units they hold every limit
/// up to [`crate::limit::CAPACITY_MAX`].
pub const STAMPS_MIN: usize = 4;

/// The largest exponent of a group's size: what is left of the partial group must fit 48 bits.
pub const EXPONENT_MAX: u8 = 48;

/// A stamp is kept in 16 bits, as an age before the newest: no live stamp may be older than this many ticks.
const AGE_TICKS_MAX: u64 = (1 << u16::BITS) - 1;

/// How a window of this length keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick {
    window: Period,
    shift: u8,
}

impl Tick {
    /// The tick of a window: the smallest power of two nanoseconds of which 65,533 cover the window. Two fewer than
    /// ages can tell: `now` is rounded up, and the oldest live stamp lies within the window.
    #[must_use]
    pub const fn of(window: Period) -> Self {
        const TICKS_MAX: u64 = AGE_TICKS_MAX - 2;
        let nanos = window.nanos();
        let bits = (u64::BITS - nanos.leading_zeros()).saturating_sub(u16::BITS);
        let covers = (nanos - 1) >> bits < TICKS_MAX;
        let shift = if covers { bits } else { bits + 1 };
        // Fewer than 64 bits.
        Self {
            window,
            shift: shift.to_le_bytes()[0],
        }
    }

    /// The same tick for a window at least as long as `longer`: under it, what is counted now counts until it could no
    /// longer matter to that window either.
    #[must_use]
    pub fn kept_for(&self, longer: Option<Period>) -> Self {
        Self {
            window: longer.map_or(self.window, |longer| longer.max(self.window)),
            shift: self.shift,
        }
    }

    /// The window's length.
    #[must_use]
    pub const fn window(&self) -> Period {
        self.window
    }

    /// The tick's length in nanoseconds.
    #[must_use]
    pub const fn nanos(&self) -> u64 {
        1 << self.shift
    }

    /// The number of the first tick that is not before `at`.
    #[must_use]
    pub const fn ceil(&self, at: Instant) -> u64 {
        // Like `div_ceil`, without a division.
        let whole = at.0 >> self.shift;
        if whole << self.shift == at.0 { whole } else { whole + 1 }
    }

    /// The last tick whose units no longer count at `now`; `None` when the window reaches back beyond time 0.
    fn last_dead(&self, now: Instant) -> Option<u64> {
        now.0
            .checked_sub(self.window.nanos())
            .map(|horizon| horizon >> self.shift)
    }

    /// When units recorded at `tick` stop counting.
    fn free_at(&self, tick: u64) -> Instant {
        let nanos = u128::from(tick) << self.shift;
        Instant(u64::try_from(nanos + u128::from(self.window.nanos())).unwrap_or(u64::MAX))
    }
}

/// How many recorded times a limit keeps at most: every unit's up to [`EXACT_MAX`], else between half of and the whole
/// of 64 (128 with high precision), so that a group's size is a power of two.
#[must_use]
pub fn stamps_for(capacity: u64, precision: Precision) -> usize {
    let most = match precision {
        Precision::Standard => EXACT_MAX,
        Precision::High => 2 * EXACT_MAX,
    };
    // The smallest power of two that gives so few groups, found by its number of bits.
    let bits = (u64::BITS - capacity.leading_zeros()).saturating_sub(most.ilog2() + 1);
    let groups = |shift: u32| (capacity >> shift) + u64::from(capacity & ((1 << shift) - 1) != 0);
    let groups = if groups(bits) <= most {
        groups(bits)
    } else {
        groups(bits + 1)
    };
    usize::try_from(groups.max(1)).unwrap_or(STAMPS_MAX)
}

/// The state of one sliding window.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// The tick of the last admission: the recorded time of the partial group.
    top: u64,
    /// Units of the partial group; less than a group's size.
    partial: u64,
    /// A group has 2^exponent units.
    exponent: u8,
    /// How many groups there are.
    len: u8,
    /// The low 16 bits of each group's recorded tick, oldest first.
    stamps: [u16; STAMPS_MAX],
}

impl Default for Log {
    fn default() -> Self {
        Self {
            top: 0,
            partial: 0,
            exponent: 0,
            len: 0,
            stamps: [0; STAMPS_MAX],
        }
    }
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        // Behind the last stamp lies what was there before.
        self.parts() == other.parts()
    }
}

impl Eq for Log {}

impl Log {
    /// A log from its parts, as [`Log::parts`] gave them. `top` is whole, not cut to 48 bits.
    #[must_use]
    pub fn from_parts(top: u64, exponent: u8, partial: u64, stamps: &[u16]) -> Self {
        let mut log = Self::default();
        log.set_parts(top, exponent, partial, stamps);
        log
    }

    /// Becomes the log of these parts.
    pub fn set_parts(&mut self, top: u64, exponent: u8, partial: u64, stamps: &[u16]) {
        (self.top, self.partial, self.exponent) = (top, partial, exponent);
        let len = stamps.len().min(STAMPS_MAX);
        self.stamps[..len].copy_from_slice(&stamps[..len]);
        self.len = u8::try_from(len).unwrap_or(u8::MAX);
    }

    /// Its parts: newest tick, exponent, partial units, and stamps oldest first.
    #[must_use]
    pub fn parts(&self) -> (u64, u8, u64, &[u16]) {
        (self.top, self.exponent, self.partial, self.stamps())
    }

    /// How many recorded times it keeps now.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether it holds no unit at all, live or dead.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0 && self.partial == 0
    }

    /// The size of a group.
    #[must_use]
    pub const fn group(&self) -> u64 {
        1 << self.exponent
    }

    /// Units that count at `now`.
    #[must_use]
    pub fn used(&self, tick: &Tick, now: Instant) -> u64 {
        if !self.is_live(self.top, tick, now) {
            return 0;
        }
        self.used_from(self.first_live(tick, now))
    }

    /// Units of the groups from the `first` on, and of the partial one.
    fn used_from(&self, first: usize) -> u64 {
        (wide(self.len() - first) << self.exponent) + self.partial
    }

    /// The earliest instant from `now` on at which `cost` fits `limit`, if nothing else is admitted. `None` when it
    /// never does.
    #[must_use]
    pub fn fits_at(&self, tick: &Tick, cost: u64, limit: u64, now: Instant) -> Option<Instant> {
        let room = limit.checked_sub(cost)?;
        let over = self.used(tick, now).saturating_sub(room);
        if over == 0 {
            return Some(now);
        }
        let groups = usize::try_from(over.div_ceil(self.group())).unwrap_or(usize::MAX);
        let freeing = self.first_live(tick, now).saturating_add(groups);
        let last = if freeing <= self.len() {
            self.tick_of(freeing - 1)
        } else {
            self.top
        };
        Some(tick.free_at(last))
    }

    /// When the window is whole again if nothing else is admitted; `None` when it is whole at `now`.
    #[must_use]
    pub fn whole_at(&self, tick: &Tick, now: Instant) -> Option<Instant> {
        (!self.is_empty() && self.is_live(self.top, tick, now)).then(|| tick.free_at(self.top))
    }

    /// The recorded time of the last admission.
    #[must_use]
    pub fn last_at(&self, tick: &Tick) -> Instant {
        let nanos = u128::from(self.top) << tick.shift;
        Instant(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Records `cost` units at `now`. Does not ask whether they fit: that is the charge's decision. `limit` and
    /// `stamps_max` say how fine the log may be; more than 2⁴⁸ units for each of at most five groups are not told
    /// apart.
    pub fn admit(&mut self, tick: &Tick, cost: u64, limit: u64, stamps_max: usize, now: Instant) {
        if cost == 0 {
            return;
        }
        let stamps_max = stamps_max.clamp(1, STAMPS_MAX);
        self.purge(tick, now);
        self.refine(limit, stamps_max);
        let cost = cost.min(used_max(stamps_max).saturating_sub(self.used_from(0)));
        // What nothing is recorded at says nothing: read from 48 bits it may even lie ahead.
        let newest = if self.is_empty() { 0 } else { self.top };
        let recorded = tick.ceil(now).max(newest);
        while wide(self.len()) + (self.partial + cost) / self.group() > wide(stamps_max) && self.coarsen() {}
        self.top = recorded;
        let units = self.partial + cost;
        for _ in 0..units / self.group() {
            self.push(recorded);
        }
        self.partial = units % self.group();
    }

    /// Takes `units` back, the newest first, not below none used. Returns how many were taken back.
    pub fn refund(&mut self, tick: &Tick, units: u64, now: Instant) -> u64 {
        self.purge(tick, now);
        let taken = units.min(self.used(tick, now));
        let mut rest = taken;
        while rest > self.partial && self.len > 0 {
            rest -= self.partial;
            // What is left of a group is recorded at the group's own time, which none of its units is later than.
            self.top = self.tick_of(self.len() - 1);
            self.len -= 1;
            self.partial = self.group();
        }
        self.partial -= rest;
        if self.partial == 0 && self.len > 0 {
            self.top = self.tick_of(self.len() - 1);
        }
        taken
    }

    /// Halves the precision: of each two groups the later time stands for both, and a newest odd group joins the
    /// partial one. Units used stay the same. False when the groups cannot get larger.
    pub fn coarsen(&mut self) -> bool {
        if self.exponent >= EXPONENT_MAX {
            return false;
        }
        let pairs = self.len() / 2;
        if self.len() % 2 == 1 {
            self.partial += self.group();
        }
        for pair in 0..pairs {
            self.stamps[pair] = self.stamps[2 * pair + 1];
        }
        self.len = u8::try_from(pairs).unwrap_or(u8::MAX);
        self.exponent += 1;
        true
    }

    /// The same units on another tick, each time rounded up. Times too far before the newest for 16 bits move later.
    #[must_use]
    pub fn carried(&self, from: &Tick, to: &Tick) -> Self {
        let convert = |tick: u64| {
            let nanos = u128::from(tick) << from.shift;
            u64::try_from(nanos.div_ceil(u128::from(to.nanos()))).unwrap_or(u64::MAX)
        };
        let mut log = Self {
            top: convert(self.top),
            ..*self
        };
        let oldest = log.top.saturating_sub(AGE_TICKS_MAX);
        for place in 0..self.len() {
            log.stamps[place] = low(convert(self.tick_of(place)).max(oldest));
        }
        log
    }

    fn stamps(&self) -> &[u16] {
        &self.stamps[..self.len()]
    }

    /// The whole tick of a stamp: its age before the newest is less than 2^16.
    fn tick_of(&self, place: usize) -> u64 {
        self.top
            .saturating_sub(u64::from(low(self.top).wrapping_sub(self.stamps[place])))
    }

    fn is_live(&self, recorded: u64, tick: &Tick, now: Instant) -> bool {
        tick.last_dead(now).is_none_or(|dead| recorded > dead)
    }

    fn first_live(&self, tick: &Tick, now: Instant) -> usize {
        let Some(dead) = tick.last_dead(now) else { return 0 };
        let Some(span) = self.top.checked_sub(dead) else {
            return self.len();
        };
        let is_dead = |stamp: &u16| u64::from(low(self.top).wrapping_sub(*stamp)) >= span;
        // Mostly the oldest lives: within the first window, and whenever dead ones were just forgotten.
        if self.stamps().first().is_none_or(|oldest| !is_dead(oldest)) {
            return 0;
        }
        self.stamps().partition_point(is_dead)
    }

    /// Forgets what no longer counts at `now`.
    fn purge(&mut self, tick: &Tick, now: Instant) {
        if !self.is_live(self.top, tick, now) {
            return self.set_parts(0, 0, 0, &[]);
        }
        let dead = self.first_live(tick, now);
        if dead > 0 {
            self.stamps.copy_within(dead..usize::from(self.len), 0);
            self.len -= u8::try_from(dead).unwrap_or(self.len);
        }
        if self.is_empty() {
            self.exponent = 0;
        }
    }

    /// Doubles the precision as long as the limit then fits in the stamps: both halves of a group keep its time.
    fn refine(&mut self, limit: u64, stamps_max: usize) {
        while self.exponent > 0 && limit.div_ceil(self.group() / 2) <= wide(stamps_max) && 2 * self.len() < stamps_max {
            for place in (0..self.len()).rev() {
                self.stamps[2 * place] = self.stamps[place];
                self.stamps[2 * place + 1] = self.stamps[place];
            }
            self.len *= 2;
            self.exponent -= 1;
            if self.partial >= self.group() {
                self.partial -= self.group();
                self.push(self.top);
            }
        }
    }

    fn push(&mut self, recorded: u64) {
        if let Some(place) = self.stamps.get_mut(usize::from(self.len)) {
            *place = low(recorded);
            self.len += 1;
        }
    }
}

/// The most units that a log of so many stamps tells apart, at its coarsest.
fn used_max(stamps_max: usize) -> u64 {
    ((wide(stamps_max.min(STAMPS_MIN)) + 1) << EXPONENT_MAX) - 1
}

/// The low 16 bits.
fn low(tick: u64) -> u16 {
    u16::try_from(tick & AGE_TICKS_MAX).unwrap_or_default()
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
