//! Tests of the calendar: known days, and laws against a walker that knows nothing of time zones but what the clock
//! on the wall shows.

mod laws;
mod walker;

use jiff::Timestamp;

use super::{Calendar, CalendarError, CalendarKind, Period};

const HOUR_NS: u64 = 3_600_000_000_000;

/// Nanoseconds of an instant in RFC 3339.
fn at(text: &str) -> u64 {
    let instant: Timestamp = text.parse().unwrap();
    u64::try_from(instant.as_nanosecond()).unwrap()
}

fn calendar(kind: CalendarKind, zone: &str) -> Calendar {
    Calendar::new(kind, 1, zone).unwrap()
}

/// A period in readable form: name, beginning, end.
fn shown(period: &Period) -> String {
    let instant = |ns: u64| Timestamp::from_nanosecond(i128::from(ns)).unwrap();
    format!(
        "{} {} {}",
        period.id,
        instant(period.starts_ns),
        instant(period.ends_ns)
    )
}

fn check(kind: CalendarKind, zone: &str, instant: &str, expected: &str) {
    assert_eq!(
        shown(&calendar(kind, zone).period_at(at(instant))),
        expected,
        "{zone} at {instant}"
    );
}

fn check_month(anchor: u8, zone: &str, instant: &str, expected: &str) {
    let calendar = Calendar::new(CalendarKind::Month, anchor, zone).unwrap();
    assert_eq!(
        shown(&calendar.period_at(at(instant))),
        expected,
        "{anchor} {zone} at {instant}"
    );
}

#[test]
fn plain_periods_in_utc() {
    use CalendarKind::{Day, Hour, Lifetime, Month, Week, Year};
    let cases = [
        (
            Hour,
            "hour/2026-11-21T14:00:00Z 2026-11-21T14:00:00Z 2026-11-21T15:00:00Z",
        ),
        (Day, "day/2026-11-21 2026-11-21T00:00:00Z 2026-11-22T00:00:00Z"),
        (Week, "week/2026-11-16 2026-11-16T00:00:00Z 2026-11-23T00:00:00Z"),
        (Month, "month/2026-11-01 2026-11-01T00:00:00Z 2026-12-01T00:00:00Z"),
        (Year, "year/2026-01-01 2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
        (Lifetime, "lifetime 1970-01-01T00:00:00Z 2554-07-21T23:34:33.709551615Z"),
    ];
    for (kind, expected) in cases {
        check(kind, "UTC", "2026-11-21T14:15:16.017Z", expected);
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
}

#[test]
fn a_month_has_the_same_name_in_every_zone() {
    for zone in [
        "UTC",
        "Asia/Tokyo",
        "America/Los_Angeles",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ] {
        let period = calendar(CalendarKind::Month, zone).period_at(at("2026-11-15T12:00:00Z"));
        assert_eq!(&*period.id, "month/2026-11-01", "{zone}");
    }
    // So has an hour where the clocks show the same minutes.
    for zone in ["UTC", "Asia/Tokyo", "America/Los_Angeles"] {
        let period = calendar(CalendarKind::Hour, zone).period_at(at("2026-11-15T12:34:00Z"));
        assert_eq!(&*period.id, "hour/2026-11-15T12:00:00Z", "{zone}");
    }
}

#[test]
fn days_of_23_and_25_hours() {
    use CalendarKind::Day;
    check(
        Day,
        "Europe/Berlin",
        "2026-03-29T12:00:00Z",
        "day/2026-03-29 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z",
    );
    check(
        Day,
        "Europe/Berlin",
        "2026-10-25T12:00:00Z",
        "day/2026-10-25 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z",
    );
    // Half an hour.
    check(
        Day,
        "Australia/Lord_Howe",
        "2026-10-04T06:00:00Z",
        "day/2026-10-04 2026-10-03T13:30:00Z 2026-10-04T13:00:00Z",
    );
}

#[test]
fn clocks_that_are_set_at_midnight() {
    use CalendarKind::{Day, Month};
    // Cairo 2024-04-26: 00:00 becomes 01:00. The day begins at one o'clock and has 23 hours.
    check(
        Day,
        "Africa/Cairo",
        "2024-04-26T12:00:00Z",
        "day/2024-04-26 2024-04-25T22:00:00Z 2024-04-26T21:00:00Z",
    );
    // Cairo 2024-10-31: 24:00 becomes 23:00. The day has 25 hours, and the month ends later.
    check(
        Day,
        "Africa/Cairo",
        "2024-10-31T12:00:00Z",
        "day/2024-10-31 2024-10-30T21:00:00Z 2024-10-31T22:00:00Z",
    );
    check(
        Month,
        "Africa/Cairo",
        "2024-10-31T21:30:00Z",
        "month/2024-10-01 2024-09-30T21:00:00Z 2024-10-31T22:00:00Z",
    );
    // Beirut 2024-03-31: 00:00 becomes 01:00.
    check(
        Day,
        "Asia/Beirut",
        "2024-03-31T12:00:00Z",
        "day/2024-03-31 2024-03-30T22:00:00Z 2024-03-31T21:00:00Z",
    );
    // Havana 2024-11-03: 01:00 becomes 00:00. Midnight comes twice; the first one counts.
    check(
        Day,
        "America/Havana",
        "2024-11-03T12:00:00Z",
        "day/2024-11-03 2024-11-03T04:00:00Z 2024-11-04T05:00:00Z",
    );
    // St. John's 1999-10-31: 00:01 becomes 23:01 of the day before. The new day, once begun, is not left again.
    let first = "1999-10-31T02:30:30Z";
    let again = "1999-10-31T03:15:00Z";
    for instant in [first, again] {
        check(
            Day,
            "America/St_Johns",
            instant,
            "day/1999-10-31 1999-10-31T02:30:00Z 1999-11-01T03:30:00Z",
        );
    }
}

#[test]
fn a_skipped_day_has_no_period() {
    use CalendarKind::{Day, Week};
    // Samoa had no 30 December 2011.
    let days = calendar(CalendarKind::Day, "Pacific/Apia");
    let before = days.period_at(at("2011-12-29T12:00:00Z"));
    assert_eq!(
        shown(&before),
        "day/2011-12-29 2011-12-29T10:00:00Z 2011-12-30T10:00:00Z"
    );
    let after = days.next(&before).unwrap();
    assert_eq!(
        shown(&after),
        "day/2011-12-31 2011-12-30T10:00:00Z 2011-12-31T10:00:00Z"
    );
    check(
        Week,
        "Pacific/Apia",
        "2011-12-31T12:00:00Z",
        "week/2011-12-26 2011-12-26T10:00:00Z 2012-01-01T10:00:00Z",
    );
    check(
        Day,
        "Pacific/Kwajalein",
        "1993-08-22T00:00:00Z",
        "day/1993-08-22 1993-08-21T12:00:00Z 1993-08-22T12:00:00Z",
    );
}

#[test]
fn hours_that_come_twice_or_never() {
    use CalendarKind::Hour;
    let shown_from = |zone: &str, from: &str, count: usize| {
        let hours = calendar(Hour, zone);
        let first = hours.period_at(at(from));
        let periods = std::iter::successors(Some(first), |period| hours.next(period));
        periods.take(count).map(|period| shown(&period)).collect::<Vec<_>>()
    };
    // Berlin, autumn: from two to three, twice.
    assert_eq!(
        shown_from("Europe/Berlin", "2026-10-25T00:30:00Z", 3),
        [
            "hour/2026-10-25T00:00:00Z 2026-10-25T00:00:00Z 2026-10-25T01:00:00Z",
            "hour/2026-10-25T01:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z",
            "hour/2026-10-25T02:00:00Z 2026-10-25T02:00:00Z 2026-10-25T03:00:00Z",
        ]
    );
    // Lord Howe, autumn: two o'clock becomes half past one, which lasts half an hour.
    assert_eq!(
        shown_from("Australia/Lord_Howe", "2026-04-04T14:30:00Z", 3),
        [
            "hour/2026-04-04T14:00:00Z 2026-04-04T14:00:00Z 2026-04-04T15:00:00Z",
            "hour/2026-04-04T15:00:00Z 2026-04-04T15:00:00Z 2026-04-04T15:30:00Z",
            "hour/2026-04-04T15:30:00Z 2026-04-04T15:30:00Z 2026-04-04T16:30:00Z",
        ]
    );
    // Lord Howe, spring: two o'clock becomes half past two, and the hour has half an hour left.
    assert_eq!(
        shown_from("Australia/Lord_Howe", "2026-10-03T15:00:00Z", 3),
        [
            "hour/2026-10-03T14:30:00Z 2026-10-03T14:30:00Z 2026-10-03T15:30:00Z",
            "hour/2026-10-03T15:30:00Z 2026-10-03T15:30:00Z 2026-10-03T16:00:00Z",
            "hour/2026-10-03T16:00:00Z 2026-10-03T16:00:00Z 2026-10-03T17:00:00Z",
        ]
    );
    check(
        Hour,
        "Asia/Kathmandu",
        "2026-11-21T14:20:00Z",
        "hour/2026-11-21T14:15:00Z 2026-11-21T14:15:00Z 2026-11-21T15:15:00Z",
    );
}

#[test]
fn anchored_months() {
    check_month(
        15,
        "UTC",
        "2026-11-14T23:59:59Z",
        "month/2026-10-15 2026-10-15T00:00:00Z 2026-11-15T00:00:00Z",
    );
    check_month(
        15,
        "UTC",
        "2026-11-15T00:00:00Z",
        "month/2026-11-15 2026-11-15T00:00:00Z 2026-12-15T00:00:00Z",
    );
    check_month(
        31,
        "UTC",
        "2026-01-30T12:00:00Z",
        "month/2025-12-31 2025-12-31T00:00:00Z 2026-01-31T00:00:00Z",
    );
    check_month(
        31,
        "UTC",
        "2026-02-27T12:00:00Z",
        "month/2026-01-31 2026-01-31T00:00:00Z 2026-02-28T00:00:00Z",
    );
    check_month(
        31,
        "UTC",
        "2026-02-28T12:00:00Z",
        "month/2026-02-28 2026-02-28T00:00:00Z 2026-03-31T00:00:00Z",
    );
    check_month(
        30,
        "UTC",
        "2028-02-29T12:00:00Z",
        "month/2028-02-29 2028-02-29T00:00:00Z 2028-03-30T00:00:00Z",
    );
    check_month(
        29,
        "Asia/Tokyo",
        "2027-02-27T15:00:00Z",
        "month/2027-02-28 2027-02-27T15:00:00Z 2027-03-28T15:00:00Z",
    );
}

#[test]
fn the_ends_of_time() {
    let years = calendar(CalendarKind::Year, "America/New_York");
    let first = years.period_at(0);
    assert_eq!((&*first.id, first.starts_ns), ("year/1969-01-01", 0));
    assert_eq!(first.ends_ns, at("1970-01-01T05:00:00Z"));
    let last = years.period_at(u64::MAX);
    assert_eq!((&*last.id, last.ends_ns), ("year/2554-01-01", u64::MAX));
    assert_eq!(years.next(&last), None);
    let hour = calendar(CalendarKind::Hour, "Asia/Kathmandu").period_at(0);
    assert_eq!((hour.starts_ns, hour.ends_ns), (0, HOUR_NS / 2));
}

#[test]
fn calendars_that_are_not() {
    use CalendarKind::{Day, Month};
    assert_eq!(
        Calendar::new(Day, 1, "Mars/Olympus"),
        Err(CalendarError::UnknownZone("Mars/Olympus".to_owned()))
    );
    assert_eq!(Calendar::new(Day, 2, "UTC"), Err(CalendarError::NoAnchor(Day)));
    assert_eq!(Calendar::new(Month, 0, "UTC"), Err(CalendarError::NoDay(0)));
    assert_eq!(Calendar::new(Month, 32, "UTC"), Err(CalendarError::NoDay(32)));
    assert_eq!(Calendar::new(Month, 200, "UTC"), Err(CalendarError::NoDay(200)));
    let error = "fortnight".parse::<CalendarKind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`fortnight` is no calendar period; known: hour, day, week, month, year, lifetime"
    );
}
