//! For tests only: a history of admissions that forgets nothing, and times chosen to hurt. Slow and obvious, so that
//! what is fast can be held against it.

use proptest::prelude::*;
use proptest::sample::Index;

use super::sliding::Tick;
use crate::time::{Instant, Period, SECOND};

/// Units admitted in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// When.
    pub at: Instant,
    /// How many.
    pub units: u64,
    /// The step of the history that admitted them.
    pub step: usize,
}

/// Every admission of a history, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    admissions: Vec<Admission>,
}

impl Exact {
    /// Adds an admission.
    pub fn admit(&mut self, units: u64, at: Instant, step: usize) {
        if units > 0 {
            self.admissions.push(Admission { at, units, step });
        }
    }

    /// Takes `units` back, the newest first.
    pub fn refund(&mut self, mut units: u64) {
        while let Some(newest) = self.admissions.last_mut().filter(|_| units > 0) {
            let taken = newest.units.min(units);
            newest.units -= taken;
            units -= taken;
            if newest.units == 0 {
                self.admissions.pop();
            }
        }
    }

    /// All of them.
    pub fn admissions(&self) -> &[Admission] {
        &self.admissions
    }

    /// Units admitted after `horizon`; all of them for `None`.
    pub fn after(&self, horizon: Option<Instant>) -> u128 {
        let counted = self
            .admissions
            .iter()
            .filter(|admission| horizon.is_none_or(|horizon| admission.at > horizon));
        counted.map(|admission| u128::from(admission.units)).sum()
    }

    /// Units admitted in (`now` − `length`, `now`].
    pub fn within(&self, length: u64, now: Instant) -> u128 {
        self.after(now.0.checked_sub(length).map(Instant))
    }

    /// When the unit was admitted that `newer` units are newer than.
    pub fn time_of_newest(&self, newer: u64) -> Option<Instant> {
        let mut rest = newer;
        let mut newest_first = self.admissions.iter().rev();
        let found = newest_first.find(|admission| {
            let here = rest < admission.units;
            rest = rest.saturating_sub(admission.units);
            here
        });
        found.map(|admission| admission.at)
    }

    /// The step that admitted the oldest of the newest `units`.
    pub fn step_of_oldest(&self, units: u64) -> Option<usize> {
        let mut rest = units;
        let mut newest_first = self.admissions.iter().rev();
        newest_first
            .find(|admission| {
                rest = rest.saturating_sub(admission.units);
                rest == 0
            })
            .or(self.admissions.first())
            .map(|admission| admission.step)
    }
}

/// How time goes on, told relative to what hurts: when units fall out of the window, and where ticks begin.
#[derive(Clone, Debug)]
pub enum Pace {
    /// Not at all.
    Stay,
    /// By a few nanoseconds.
    Creep(u64),
    /// To where an earlier admission falls out of the window, by its own or by its rounded time, or one off.
    Expiry {
        /// Which of the admissions.
        which: Index,
        /// By its time rounded up to a tick.
        rounded: bool,
        /// Nanoseconds more, less one.
        off: u64,
    },
    /// To the beginning of a tick to come, or one off.
    Edge {
        /// How many ticks on.
        ticks: u64,
        /// Nanoseconds more, less one.
        off: u64,
    },
    /// By so many thousandths of the window.
    Jump(u64),
    /// By so many times the ticks that 16 bits tell apart, or a few more or less.
    Wrap {
        /// How many times.
        times: u64,
        /// Ticks more, less two.
        off: u64,
    },
    /// Back by so many thousandths of the window.
    Back(u64),
}

/// Any pace, the hurtful ones more often.
pub fn paces() -> impl Strategy<Value = Pace> {
    prop_oneof![
        3 => Just(Pace::Stay),
        2 => (1_u64..4).prop_map(Pace::Creep),
        6 => (any::<Index>(), any::<bool>(), 0_u64..3)
            .prop_map(|(which, rounded, off)| Pace::Expiry { which, rounded, off }),
        3 => (1_u64..4, 0_u64..3).prop_map(|(ticks, off)| Pace::Edge { ticks, off }),
        4 => (0_u64..700).prop_map(Pace::Jump),
        1 => (0_u64..4_000).prop_map(Pace::Jump),
        1 => (1_u64..3, 0_u64..5).prop_map(|(times, off)| Pace::Wrap { times, off }),
        1 => (0_u64..1_500).prop_map(Pace::Back),
    ]
}

impl Pace {
    /// The instant that follows `now`. It may be earlier.
    pub fn follow(&self, tick: &Tick, exact: &Exact, now: Instant) -> Instant {
        let window = tick.window().nanos();
        let thousandths = |share: u64| {
            let nanos = u128::from(window) * u128::from(share) / 1_000;
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        let edge = |number: u64| Instant(number.saturating_mul(tick.nanos()));
        match self {
            Self::Stay => now,
            Self::Creep(nanos) => now.after(*nanos),
            Self::Expiry { which, rounded, off } => {
                // Among the newest: older ones have expired long since.
                let newest = &exact.admissions[exact.admissions.len().saturating_sub(8)..];
                if newest.is_empty() {
                    return now;
                }
                let at = which.get(newest).at;
                let at = if *rounded { edge(tick.ceil(at)) } else { at };
                Instant(at.after(window).after(*off).0.saturating_sub(1)).max(now)
            }
            Self::Edge { ticks, off } => {
                let begin = edge((now.0 / tick.nanos()).saturating_add(*ticks));
                Instant(begin.after(*off).0.saturating_sub(1)).max(now)
            }
            Self::Jump(share) => now.after(thousandths(*share)),
            Self::Wrap { times, off } => {
                let ticks = times * 65_536 + off - 2;
                now.after(ticks.saturating_mul(tick.nanos()))
            }
            Self::Back(share) => Instant(now.0.saturating_sub(thousandths(*share))),
        }
    }
}

/// Windows with every kind of tick: of one nanosecond and of many, with the window a whole number of ticks and not,
/// and with exactly as many ticks as 16 bits allow for.
pub fn windows() -> impl Strategy<Value = Period> {
    prop_oneof![
        Just(7_u64),
        Just(600),
        Just(65_533),
        Just(65_534),
        Just(65_533 << 4),
        Just((65_533 << 4) + 1),
        Just(1_000_003),
        Just(SECOND / 10),
        Just(60 * SECOND),
        Just(3_600 * SECOND),
        Just(crate::limit::WINDOW_MAX_NS),
    ]
    .prop_map(period)
}

/// Where histories begin: at the epoch, today, around multiples of 2^48 ticks, and shortly before the end of time.
pub fn beginnings(tick: Tick) -> impl Strategy<Value = Instant> {
    let window = tick.window().nanos();
    let wrap = u64::try_from((1_u128 << 48) * u128::from(tick.nanos())).ok();
    let wrap = wrap.map_or(window, |wrap| wrap.saturating_sub(window));
    prop_oneof![
        Just(0),
        0..=window,
        Just(1_760_000_000 * SECOND + 123_456_789),
        Just(wrap),
        Just(wrap.saturating_mul(2)),
        Just(u64::MAX - window.saturating_mul(4).min(u64::MAX / 2)),
    ]
    .prop_map(Instant)
}

/// A period of so many nanoseconds, not 0.
pub fn period(nanos: u64) -> Period {
    Period::from_nanos(nanos).expect("tests use no empty period")
}

/// So many cases; nothing is written next to the sources when one fails: the shrunk input is printed.
pub fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(count)
    }
}
