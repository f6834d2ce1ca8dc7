//! Hours by the clock of a zone.
//!
//! A new hour begins when the zone's clock shows a full hour, which an offset from UTC by full hours does at the full
//! hours of UTC. A transition that keeps the minutes keeps the hours as they are: the hour that comes twice is two
//! periods of an hour each, the skipped one is none. A transition that changes the minutes (half an hour at Lord Howe)
//! ends an hour early. An hour is named by the instant it begins, which is unambiguous and the same in every zone whose
//! clocks show the same minutes.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Period, REPRESENTABLE, nanos};

const HOUR_S: i64 = 3_600;

/// The hour that holds an instant.
pub(super) fn period_at(zone: &TimeZone, at: Timestamp) -> Period {
    let minutes = |at: Timestamp| i64::from(zone.to_offset(at).seconds()).rem_euclid(HOUR_S);
    let full = at.as_nanosecond().div_euclid(1_000_000_000);
    let seconds = i64::try_from(full).expect(REPRESENTABLE);
    let of_clock = seconds + minutes(at);
    let starts = second(of_clock - of_clock.rem_euclid(HOUR_S) - minutes(at));
    let ends = second(starts.as_second() + HOUR_S);
    let just_before = |at: Timestamp| second(at.as_second() - 1);
    let cuts = |transition: &Timestamp| minutes(just_before(*transition)) != minutes(*transition);
    let cut_before = zone
        .preceding(second(seconds + 1))
        .map(|transition| transition.timestamp())
        .take_while(|transition| *transition > starts)
        .find(cuts);
    let cut_after = zone
        .following(second(seconds))
        .map(|transition| transition.timestamp())
        .take_while(|transition| *transition < ends)
        .find(cuts);
    let starts = cut_before.unwrap_or(starts);
    Period {
        id: Arc::from(format!("hour/{starts}")),
        starts_ns: nanos(starts),
        ends_ns: nanos(cut_after.unwrap_or(ends)),
    }
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect(REPRESENTABLE)
}
