//! Instants and durations, in integer nanoseconds. There is no clock here: `now` is always an argument.

use core::num::NonZeroU64;

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// An instant: nanoseconds since the Unix epoch. Reaches to the year 2554.
///
/// On the monotonic clock it is wall time as it was read once, at the start of the process, plus what has passed
/// since, so that a later step of the wall clock neither frees nor burns a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// The latest instant that can be told.
    pub const MAX: Self = Self(u64::MAX);

    /// This instant and `nanos` more, held at [`Instant::MAX`].
    #[must_use]
    pub const fn after(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this instant; 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The moment of a decision, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, anchored to wall time at the start of the process. Rate windows run on it.
    pub instant: Instant,
    /// Wall time, which may be stepped by its keeper. Fixed windows and calendar periods follow it.
    pub wall: Instant,
}

impl Now {
    /// A moment at which both clocks agree.
    #[must_use]
    pub const fn at(nanos: u64) -> Self {
        Self {
            instant: Instant(nanos),
            wall: Instant(nanos),
        }
    }
}

/// A length of time that is not zero, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub NonZeroU64);

impl Period {
    /// A period of so many nanoseconds; `None` for 0.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Option<Self> {
        match NonZeroU64::new(nanos) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// A period of so many seconds; `None` for 0 or more than 584 years.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Option<Self> {
        match seconds.checked_mul(SECOND) {
            Some(nanos) => Self::from_nanos(nanos),
            None => None,
        }
    }

    /// Its length in nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0.get()
    }
}
