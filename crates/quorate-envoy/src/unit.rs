//! Units of time as the reference has them, and how a limit counts within one.

use quorate_core::time::Period;

/// What a limit is counted per. Windows have fixed lengths and are aligned to the Unix epoch, so that a week begins on a
/// Thursday, a month has 30 days and a year 365.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// 30 days.
    Month,
    /// 365 days.
    Year,
}

impl Unit {
    /// All of them, the shortest first.
    pub const ALL: [Self; 7] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Year,
    ];

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
            Self::Year => 365 * 86_400,
        }
    }

    /// Its length.
    #[must_use]
    pub const fn period(self) -> Period {
        Period::from_secs(self.seconds()).expect("no unit is 0 seconds or 584 years long")
    }

    /// Its name in responses, `HOUR`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "SECOND",
            Self::Minute => "MINUTE",
            Self::Hour => "HOUR",
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Year => "YEAR",
        }
    }

    /// Its number on the wire: in `RateLimitResponse.RateLimit.Unit`, and in the override of a descriptor, whose
    /// enumeration does not name 7.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Second => 1,
            Self::Minute => 2,
            Self::Hour => 3,
            Self::Day => 4,
            Self::Month => 5,
            Self::Year => 6,
            Self::Week => 7,
        }
    }

    /// The unit of a number; `None` for 0 and for numbers that no unit has.
    #[must_use]
    pub fn of_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.number() == number)
    }

    /// The unit of a name, in letters of either case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.name().eq_ignore_ascii_case(name))
    }
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// A count per window aligned to the epoch, which goes on rising beyond the limit: the reference's.
    #[default]
    FixedWindow,
    /// No interval of the unit's length holds more than the limit. Ours. It counts what it passes: hits that it denies
    /// are not charged to it, or whoever goes on asking would never pass again.
    SlidingWindow,
}

/// The window that a counter counts in. A counter of another window is another counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Its length.
    pub unit: Unit,
    /// How it counts.
    pub algorithm: Algorithm,
}
