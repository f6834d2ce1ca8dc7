//! Usage: months of UTC against a plain walk over all days, and rows by meter.

use super::{DAY_S, month_of, wait_for};
use quorate_core::usage::Row;
use std::collections::BTreeMap;

fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

#[test]
fn months_are_those_of_the_calendar() {
    let (mut day, mut year) = (0, 1970);
    while year < 2401 {
        let february = if is_leap(year) { 29 } else { 28 };
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            let first = day * DAY_S;
            for within in 0..length {
                let at = (day + within) * DAY_S;
                assert_eq!(month_of(at), first, "{year}, day {day} and {within}");
                assert_eq!(month_of(at + DAY_S - 1), first);
            }
            day += length;
        }
        year += 1;
    }
}

#[test]
fn each_meter_has_a_row_and_calls_stand_with_requests() {
    let mut units = [0; quorate_core::limit::METERS_MAX];
    units[2] = 40;
    let row = Row {
        org: "o".into(),
        key: "k".into(),
        endpoint: "e".into(),
        hour_s: 7_200,
        calls: 3,
        units,
    };
    let mut waiting = BTreeMap::new();
    wait_for(&mut waiting, &row, |meter| meter.0.to_string().into());
    let rows: Vec<_> = waiting
        .iter()
        .map(|(key, used)| (&*key.meter, used.calls, used.units))
        .collect();
    assert_eq!(rows, [("0", 3, 0), ("2", 3, 40)]);
}
