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
        let start = source.raw();
        Self {
            source,
            start,
            anchor: unix_now(),
            wall_offset: AtomicI64::new(0),
        }
    }

    /// Now, on both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let instant = Instant(
            self.anchor
                .saturating_add(self.source.delta_as_nanos(self.start, self.source.raw())),
        );
        // A single number that nothing else is read together with: no ordering is needed.
        let offset = self.wall_offset.load(Ordering::Relaxed);
        Now {
            instant,
            wall: Instant(instant.0.saturating_add_signed(offset)),
        }
    }

    /// Reads wall time anew.
    pub fn read_wall(&self) {
        let instant = self.now().instant.0;
        let offset = i64::try_from(i128::from(unix_now()) - i128::from(instant)).unwrap_or(0);
        self.wall_offset.store(offset, Ordering::Relaxed);
    }
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
