//! The one clock. Decisions run on a monotonic clock that was anchored to wall time once, at the start; fixed windows
//! follow wall time, which is read at most once a second.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use quanta::Clock as Source;
use quorate_core::time::{Instant, Now};

/// Where `now` comes from.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    start: u64,
    anchor: u64,
    /// Wall time less anchored time, in nanoseconds, as far as it is believed.
    wall_offset: AtomicI64,
    /// For how many readings running wall time has been somewhere else.
    doubted: AtomicU32,
}

/// A reading further off than this is a step. What is less is followed at once: drift, and what a time service slews.
const STEP_NS: i64 = 1_000_000_000;

/// A step is believed when it has lasted for so many readings: a minute. A period that began by a clock that was wrong
/// for a moment would last until its time came.
const STEP_READINGS: u32 = 60;

/// Wall time that is too late is corrected by so much per reading, so that it goes on at half its speed, for all alike.
/// Who saw it last waits for no longer than this.
const BACK_NS_MAX: i64 = 500_000_000;

impl Clock {
    /// A clock anchored to wall time now.
    #[must_use]
    pub fn start() -> Self {
        let source = Source::new();
        let (start, anchor) = read_together(&source);
        Self {
            source,
            start,
            anchor,
            wall_offset: AtomicI64::new(0),
            doubted: AtomicU32::new(0),
        }
    }

    /// Now, on both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let instant = self.instant(self.source.raw());
        // A single number that nothing else is read together with: no ordering is needed.
        let offset = self.wall_offset.load(Ordering::Relaxed);
        Now {
            instant,
            wall: Instant(instant.0.saturating_add_signed(offset)),
        }
    }

    /// Reads wall time anew; to be called once a second, by one caller.
    pub fn read_wall(&self) {
        let (raw, wall) = read_together(&self.source);
        let read = i64::try_from(i128::from(wall) - i128::from(self.instant(raw).0)).unwrap_or(0);
        // Nobody else writes them: no ordering is needed.
        let before = (
            self.wall_offset.load(Ordering::Relaxed),
            self.doubted.load(Ordering::Relaxed),
        );
        let (offset, doubted) = believe(before, read);
        self.doubted.store(doubted, Ordering::Relaxed);
        self.wall_offset.store(offset, Ordering::Relaxed);
    }

    fn instant(&self, raw: u64) -> Instant {
        Instant(self.anchor.saturating_add(self.source.delta_as_nanos(self.start, raw)))
    }
}

/// What to believe of the offset of wall time, and for how many readings it has been doubted, after it was `read`.
fn believe((offset, doubted): (i64, u32), read: i64) -> (i64, u32) {
    let ahead = read.saturating_sub(offset);
    let doubted = if ahead.saturating_abs() <= STEP_NS {
        0
    } else {
        doubted.saturating_add(1)
    };
    if (1..STEP_READINGS).contains(&doubted) {
        return (offset, doubted);
    }
    (offset.saturating_add(ahead.max(-BACK_NS_MAX)), doubted)
}

/// How often both clocks are read: a thread that loses its processor between the two reads would set them apart by as
/// long as that takes, and it seldom loses it several times in a row.
const READINGS: usize = 5;

/// Wall time between two readings of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    before: u64,
    wall: u64,
    after: u64,
}

/// The source and wall time, as near to one moment as can be had.
fn read_together(source: &Source) -> (u64, u64) {
    let read = |_| Reading {
        before: source.raw(),
        wall: unix_now(),
        after: source.raw(),
    };
    closest((0..READINGS).map(read)).map_or_else(|| (source.raw(), unix_now()), |read| (read.before, read.wall))
}

/// The reading that took the shortest time.
fn closest(readings: impl Iterator<Item = Reading>) -> Option<Reading> {
    readings.min_by_key(|reading| reading.after.saturating_sub(reading.before))
}

pub(crate) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offset after each of `readings`.
    fn offsets(readings: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut state = (0, 0);
        let next = |read| {
            state = believe(state, read);
            state.0
        };
        readings.into_iter().map(next).collect()
    }

    const HOUR: i64 = 3_600_000_000_000;
    const MINUTE: usize = 60;

    #[test]
    fn a_step_that_is_taken_back_was_none() {
        for step in [HOUR, -HOUR] {
            let readings = [vec![step; MINUTE - 1], vec![5], vec![step; MINUTE - 1], vec![7]].concat();
            let offsets = offsets(readings);
            assert!(offsets.iter().all(|offset| offset.abs() <= 7), "{offsets:?}");
        }
    }

    #[test]
    fn a_step_that_lasts_is_followed() {
        let forward = offsets([HOUR; MINUTE + 1]);
        assert_eq!(
            (forward[MINUTE - 2], forward[MINUTE - 1], forward[MINUTE]),
            (0, HOUR, HOUR)
        );
        let back = offsets([-HOUR; 3 * 3_600 * 2]);
        assert_eq!((back[MINUTE - 2], back.last()), (0, Some(&-HOUR)));
        // Readings are a second apart: time goes on.
        assert!(back.windows(2).all(|pair| pair[1] >= pair[0] - BACK_NS_MAX));
    }

    #[test]
    fn drift_is_followed_at_once() {
        assert_eq!(
            offsets([3, -4, STEP_NS - 4, 20]),
            [3, -4, STEP_NS - 4, STEP_NS - 4 - BACK_NS_MAX]
        );
    }

    #[test]
    fn a_reading_that_was_interrupted_is_not_taken() {
        let reading = |before, wall, after| Reading { before, wall, after };
        let whole = reading(2_000, 7_001_000, 2_040);
        let readings = [reading(0, 7_000_950, 1_000), whole, reading(3_000, 7_002_000, 9_000)];
        assert_eq!(closest(readings.into_iter()), Some(whole));
    }
}
