//! The one clock. Decisions run on a monotonic clock that was anchored to wall time once, at the start; fixed windows
//! follow wall time, which is read at most once a second.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use quanta::Clock as Source;
use quorate_core::time::{Instant, Now};

/// Where `now` comes from.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    start: u64,
    anchor: u64,
    /// Wall time less anchored time when wall time was last read, in nanoseconds.
    wall_offset: AtomicI64,
}

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

    /// Reads wall time anew.
    pub fn read_wall(&self) {
        let (raw, wall) = read_together(&self.source);
        let offset = i64::try_from(i128::from(wall) - i128::from(self.instant(raw).0)).unwrap_or(0);
        self.wall_offset.store(offset, Ordering::Relaxed);
    }

    fn instant(&self, raw: u64) -> Instant {
        Instant(self.anchor.saturating_add(self.source.delta_as_nanos(self.start, raw)))
    }
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

    #[test]
    fn a_reading_that_was_interrupted_is_not_taken() {
        let reading = |before, wall, after| Reading { before, wall, after };
        let whole = reading(2_000, 7_001_000, 2_040);
        let readings = [reading(0, 7_000_950, 1_000), whole, reading(3_000, 7_002_000, 9_000)];
        assert_eq!(closest(readings.into_iter()), Some(whole));
    }
}
