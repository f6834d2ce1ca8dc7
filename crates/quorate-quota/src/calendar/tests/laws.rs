//! Laws of every calendar: periods tile time, are named once, and begin where the walker says.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::super::{Calendar, CalendarKind, Period};
use super::walker::Walker;

const SECOND_NS: u64 = 1_000_000_000;
const YEAR_2200_NS: u64 = 7_258_118_400 * SECOND_NS;

/// Zones with something odd about them, and plain ones.
const ZONES: [&str; 24] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Asuncion",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/Caracas",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
];

const KINDS: [CalendarKind; 5] = [
    CalendarKind::Hour,
    CalendarKind::Day,
    CalendarKind::Week,
    CalendarKind::Month,
    CalendarKind::Year,
];

fn calendars() -> impl Strategy<Value = Calendar> {
    let zone = prop::sample::select(&ZONES[..]);
    (prop::sample::select(&KINDS[..]), 1..=31_u8, zone).prop_map(|(kind, anchor, zone)| {
        let anchor = if kind == CalendarKind::Month { anchor } else { 1 };
        Calendar::new(kind, anchor, zone).unwrap()
    })
}

/// The longest that a period of a kind lasts.
fn longest_ns(kind: CalendarKind) -> u64 {
    let hours = match kind {
        CalendarKind::Hour => 1,
        CalendarKind::Day => 26,
        CalendarKind::Week => 8 * 24,
        CalendarKind::Month => 33 * 24,
        CalendarKind::Year => 367 * 24,
        CalendarKind::Lifetime => u64::MAX / SECOND_NS / 3_600,
    };
    hours * 3_600 * SECOND_NS
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn every_instant_is_in_its_period_and_so_are_its_ends(calendar in calendars(), at in 0..YEAR_2200_NS) {
        let period = calendar.period_at(at);
        prop_assert!(period.starts_ns <= at && at < period.ends_ns);
        prop_assert_eq!(&calendar.period_at(period.starts_ns), &period);
        prop_assert_eq!(&calendar.period_at(period.ends_ns - 1), &period);
        prop_assert!(period.ends_ns - period.starts_ns <= longest_ns(calendar.kind()));
    }

    #[test]
    fn periods_tile_time_and_are_named_once(calendar in calendars(), at in 0..YEAR_2200_NS) {
        let mut period = calendar.period_at(at);
        let mut names = BTreeSet::from([period.id.clone()]);
        for _ in 0..100 {
            let next = calendar.next(&period).unwrap();
            prop_assert_eq!(next.starts_ns, period.ends_ns);
            prop_assert!(next.ends_ns > next.starts_ns);
            prop_assert!(names.insert(next.id.clone()), "{} comes twice", next.id);
            period = next;
        }
    }

}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn periods_begin_where_the_clock_says(
        kind in prop::sample::select(&KINDS[..]),
        anchor in 1..=31_u8,
        zone in prop::sample::select(&ZONES[..]),
        near in 0..1_000_usize,
        at in 259_200..7_258_118_400_i64,
    ) {
        let anchor = if kind == CalendarKind::Month { anchor } else { 1 };
        // Mostly near a transition, since that is where it is hard.
        let middle = transition(zone, near).unwrap_or(at);
        compare(kind, anchor, zone, middle, 1);
    }
}

/// One of the transitions of a zone; `None` in one of eight cases, or when it has fewer.
fn transition(zone: &str, number: usize) -> Option<i64> {
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
    let from = Timestamp::from_second(4 * 86_400).unwrap();
    let mut transitions = zone.following(from).take(200);
    let seconds = transitions.nth(number / 4)?.timestamp().as_second();
    (!number.is_multiple_of(8)).then_some(seconds)
}

/// Compares the beginnings of periods in the hours around an instant with the walker's.
fn compare(kind: CalendarKind, anchor: u8, zone: &str, middle: i64, step: usize) {
    let (from, to) = (middle - 4_000, middle + 4_000);
    let walker = Walker::new(kind, i8::try_from(anchor).unwrap(), zone);
    let calendar = Calendar::new(kind, anchor, zone).unwrap();
    let ns = |second: i64| u64::try_from(second).unwrap() * SECOND_NS;
    let first = calendar.period_at(ns(from) - 1);
    let periods = std::iter::successors(Some(first), |period: &Period| calendar.next(period));
    let begins = periods.map(|period| i64::try_from(period.ends_ns / SECOND_NS).unwrap());
    let begins: Vec<i64> = begins.take_while(|second| *second < to).collect();
    assert_eq!(
        begins,
        walker.beginnings(from, to, step),
        "{kind} {anchor} {zone} around {middle}"
    );
}

/// Every midnight that a zone's clock was set over or back to, in every zone there is, from 1970 to 2037.
#[test]
fn days_begin_where_the_clock_says_around_every_transition_of_every_zone() {
    let database = TimeZoneDatabase::bundled();
    let mut compared = 0;
    for name in database.available() {
        let zone = database.get(name.as_str()).unwrap();
        let from = Timestamp::from_second(4 * 86_400).unwrap();
        let until = Timestamp::from_second(2_145_916_800).unwrap();
        for transition in zone
            .following(from)
            .take_while(|transition| transition.timestamp() < until)
        {
            let at = transition.timestamp();
            let just_before = Timestamp::from_second(at.as_second() - 1).unwrap();
            let near_midnight = [at, just_before].into_iter().any(|at| {
                let hour = zone.to_datetime(at).hour();
                hour == 23 || hour == 0
            });
            if near_midnight {
                // No clock was set to odd seconds since 1970.
                compare(CalendarKind::Day, 1, name.as_str(), at.as_second(), 10);
                compared += 1;
            }
        }
    }
    assert!(compared > 1_000, "only {compared} transitions near midnight");
}
