//! Calendar periods in an org's time zone: which one an instant lies in, how it is named, when it ends.
//!
//! Days, weeks, months and years begin at the first instant at which the clock on the wall of the zone shows their first
//! date or a later one. So a day has 23 or 25 hours where clocks are set, a day that a zone skipped has none, and when a
//! clock goes back over midnight the new day, once begun, is not left again. Hours are told in `hour`.
//!
//! A period is named by its first date, whatever the zone: after a change of zone the row of the same month is found
//! again, and nothing is forgotten.

mod hour;

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, ToSpan};

/// What a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarKind {
    /// An hour by the clock.
    Hour,
    /// A day from midnight.
    Day,
    /// A week from Monday.
    Week,
    /// A month from its anchor day.
    Month,
    /// A year from the first of January.
    Year,
    /// Once and for all.
    Lifetime,
}

impl FromStr for CalendarKind {
    type Err = CalendarError;

    /// Reads the word that a policy says.
    fn from_str(word: &str) -> Result<Self, CalendarError> {
        Ok(match word {
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            "lifetime" => Self::Lifetime,
            _ => return Err(CalendarError::UnknownKind(word.to_owned())),
        })
    }
}

impl fmt::Display for CalendarKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
            Self::Lifetime => "lifetime",
        })
    }
}

/// Why there is no such calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The word names no kind of period.
    #[error("`{0}` is no calendar period; known: hour, day, week, month, year, lifetime")]
    UnknownKind(String),
    /// The built-in IANA database does not have the zone.
    #[error("`{0}` is no time zone of the IANA database")]
    UnknownZone(String),
    /// An anchor day is from 1 to 31.
    #[error("{0} is no day of a month; an anchor day is from 1 to 31")]
    NoDay(u8),
    /// Only months have an anchor day.
    #[error("a period of kind `{0}` has no anchor day")]
    NoAnchor(CalendarKind),
}

/// One period. It holds the instants from `starts_ns` on and before `ends_ns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name: kind and first date (`month/2026-11-01`), of an hour the instant it begins
    /// (`hour/2026-11-01T05:00:00Z`), or `lifetime`.
    pub id: Arc<str>,
    /// When it begins, in nanoseconds since the Unix epoch; 0 when it began before.
    pub starts_ns: u64,
    /// When it ends, in nanoseconds since the Unix epoch; [`u64::MAX`] when never, or not before the year 2554.
    pub ends_ns: u64,
}

/// How time is cut into periods, for one quota of one org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    kind: CalendarKind,
    anchor_day: i8,
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of a kind in an IANA time zone. `anchor_day` is the day on which a month begins, the last day of a
    /// shorter one; 1 for every other kind.
    ///
    /// # Errors
    /// The zone is not known, or the anchor day means nothing.
    pub fn new(kind: CalendarKind, anchor_day: u8, zone: &str) -> Result<Self, CalendarError> {
        if kind != CalendarKind::Month && anchor_day != 1 {
            return Err(CalendarError::NoAnchor(kind));
        }
        let day = i8::try_from(anchor_day).ok().filter(|day| (1..=31).contains(day));
        // The built-in database on purpose: every server cuts time in the same way, whatever its machine holds.
        let known = TimeZoneDatabase::bundled().get(zone);
        Ok(Self {
            kind,
            anchor_day: day.ok_or(CalendarError::NoDay(anchor_day))?,
            zone: known.map_err(|_| CalendarError::UnknownZone(zone.to_owned()))?,
        })
    }

    /// What its periods are.
    #[must_use]
    pub const fn kind(&self) -> CalendarKind {
        self.kind
    }

    /// The period that holds an instant of wall time, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn period_at(&self, wall_ns: u64) -> Period {
        match self.kind {
            CalendarKind::Lifetime => Period {
                id: Arc::from("lifetime"),
                starts_ns: 0,
                ends_ns: u64::MAX,
            },
            CalendarKind::Hour => hour::period_at(&self.zone, instant(wall_ns)),
            _ => self.dated_at(instant(wall_ns)),
        }
    }

    /// The period after one of this calendar; `None` after the last that can be told.
    #[must_use]
    pub fn next(&self, period: &Period) -> Option<Period> {
        (period.ends_ns < u64::MAX).then(|| self.period_at(period.ends_ns))
    }

    /// The period of a kind that is named by a date.
    fn dated_at(&self, at: Timestamp) -> Period {
        let mut first = self.first_of(self.zone.to_datetime(at).date());
        loop {
            let starts = self.begins(first);
            let next = self.first_after(first);
            let ends = self.begins(next);
            // The clock may show a date whose day has not begun or has ended: it was set over midnight.
            if at < starts {
                first = self.first_of(plus(first, (-1).day()));
            } else if at >= ends {
                first = next;
            } else {
                return Period {
                    id: format!("{}/{first}", self.kind).into(),
                    starts_ns: nanos(starts),
                    ends_ns: nanos(ends),
                };
            }
        }
    }

    /// The first date of the period that holds a date.
    fn first_of(&self, date: Date) -> Date {
        match self.kind {
            CalendarKind::Week => {
                let days = date.weekday().since(Weekday::Monday);
                plus(date, (-i64::from(days)).days())
            }
            CalendarKind::Month => {
                let this = self.anchored(date.first_of_month());
                if date >= this {
                    this
                } else {
                    self.anchored(plus(date.first_of_month(), (-1).month()))
                }
            }
            CalendarKind::Year => date.first_of_year(),
            CalendarKind::Hour | CalendarKind::Day | CalendarKind::Lifetime => date,
        }
    }

    /// The first date of the period after the one that begins on `first`.
    fn first_after(&self, first: Date) -> Date {
        match self.kind {
            CalendarKind::Week => plus(first, 1.week()),
            CalendarKind::Month => self.anchored(plus(first.first_of_month(), 1.month())),
            CalendarKind::Year => plus(first, 1.year()),
            CalendarKind::Hour | CalendarKind::Day | CalendarKind::Lifetime => plus(first, 1.day()),
        }
    }

    /// The anchor day in the month that begins on `first`.
    fn anchored(&self, first: Date) -> Date {
        let day = self.anchor_day.min(first.days_in_month());
        first.with().day(day).build().expect("the month has so many days")
    }

    /// The first instant at which the zone's clock shows a date or a later one.
    fn begins(&self, date: Date) -> Timestamp {
        let midnight = date.at(0, 0, 0, 0);
        let (offset, is_skipped) = match self.zone.to_ambiguous_timestamp(midnight).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, false),
            // Midnight comes twice: the first one counts.
            AmbiguousOffset::Fold { before, .. } => (before, false),
            AmbiguousOffset::Gap { before, .. } => (before, true),
        };
        let at = offset.to_timestamp(midnight).expect(REPRESENTABLE);
        if !is_skipped {
            return at;
        }
        // Midnight never comes: the clock was set over it at the latest transition.
        let after = at
            .saturating_add(1.nanosecond())
            .expect("a nanosecond is no calendar unit");
        self.zone
            .preceding(after)
            .next()
            .map_or(at, |transition| transition.timestamp())
    }
}

/// Why dates and instants of this module never leave jiff's range, the years −9999 to 9999.
const REPRESENTABLE: &str = "64 bits of nanoseconds end in 2554";

fn plus(date: Date, span: Span) -> Date {
    date.checked_add(span).expect(REPRESENTABLE)
}

fn instant(ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).expect(REPRESENTABLE)
}

/// Nanoseconds since the Unix epoch, held at both ends of what they can say.
fn nanos(at: Timestamp) -> u64 {
    let nanos = at.as_nanosecond();
    u64::try_from(nanos).unwrap_or(if nanos < 0 { 0 } else { u64::MAX })
}

#[cfg(test)]
mod tests;
