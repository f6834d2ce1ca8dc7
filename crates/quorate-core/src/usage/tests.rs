//! Usage: what is counted against a plain sum, hour by hour, and what is done when there is no room.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{OTHER, ROWS_IN_ALL_MAX, ROWS_MAX, Row, Usage, Whose};
use crate::terms::Amounts;
use crate::time::{Instant, SECOND};

const KEY: [u8; 16] = [5; 16];
const HOUR: u64 = 3_600 * SECOND;

fn amounts(units: u64) -> Amounts {
    let mut amounts = Amounts::default();
    amounts.0[0] = units;
    amounts
}

fn whose(key: &str) -> Whose<'_> {
    Whose {
        org: "o",
        key,
        endpoint: "GET /",
    }
}

fn enabled() -> Usage {
    let mut usage = Usage::default();
    usage.enable();
    usage
}

fn taken(usage: &mut Usage) -> Vec<Row> {
    let mut rows = Vec::new();
    usage.take_changed(&mut rows);
    rows
}

proptest! {
    #[test]
    fn rows_say_what_was_used_in_each_hour(
        steps in prop::collection::vec((0_u8..3, 0_u64..9, any::<bool>(), 0_u64..2, any::<bool>()), 0..60),
    ) {
        let mut usage = enabled();
        let (mut hour, mut wanted) = (7_u64, BTreeMap::<(u64, String), (u64, u64)>::new());
        let mut written = BTreeMap::new();
        for (key, units, refund, hours, writes) in steps {
            hour += hours;
            let (key, wall) = (key.to_string(), Instant(hour * HOUR + 5));
            let sum = wanted.entry((hour * 3_600, key.clone())).or_default();
            if refund {
                usage.refund(&KEY, whose(&key), &amounts(units), wall);
                sum.1 = sum.1.saturating_sub(units);
            } else {
                usage.charge(&KEY, whose(&key), &amounts(units), wall);
                *sum = (sum.0 + 1, sum.1 + units);
            }
            if writes {
                written.extend(taken(&mut usage).into_iter().map(|row| ((row.hour_s, row.key.to_string()), row)));
            }
        }
        written.extend(taken(&mut usage).into_iter().map(|row| ((row.hour_s, row.key.to_string()), row)));
        let found: BTreeMap<_, _> = written.into_iter().map(|(at, row)| (at, (row.calls, row.units[0]))).collect();
        prop_assert_eq!(found, wanted);
        prop_assert!(taken(&mut usage).is_empty(), "nothing changed since");
    }
}

#[test]
fn nothing_is_counted_where_nobody_writes_it() {
    let mut usage = Usage::default();
    usage.charge(&KEY, whose("k"), &amounts(1), Instant(HOUR));
    assert!(usage.is_empty());
}

#[test]
fn an_hour_that_is_over_is_forgotten_once_it_is_handed_over() {
    let mut usage = enabled();
    usage.charge(&KEY, whose("k"), &amounts(1), Instant(HOUR));
    usage.charge(&KEY, whose("k"), &amounts(1), Instant(2 * HOUR));
    assert_eq!(taken(&mut usage).len(), 2);
    assert_eq!(usage.len(), 1);
}

#[test]
fn where_there_is_no_room_keys_are_not_told_apart_and_nothing_is_lost() {
    let mut usage = enabled();
    let calls = u64::try_from(ROWS_MAX).unwrap() + 100;
    for key in 0..calls {
        usage.charge(&KEY, whose(&key.to_string()), &amounts(1), Instant(HOUR));
    }
    usage.charge(&KEY, whose("0"), &amounts(1), Instant(HOUR));
    let rows = taken(&mut usage);
    assert_eq!(rows.len(), ROWS_MAX + 1);
    assert_eq!(rows.iter().map(|row| row.calls).sum::<u64>(), calls + 1);
    let others = rows
        .iter()
        .find(|row| &*row.key == OTHER)
        .expect("there is one for all others");
    assert_eq!(others.calls, 100);
    let first = rows
        .iter()
        .find(|row| &*row.key == "0")
        .expect("known keys keep their own");
    assert_eq!(first.calls, 2);
}

#[test]
fn invented_orgs_take_a_bounded_number_of_rows_and_nothing_is_lost() {
    let mut usage = enabled();
    let calls = u64::try_from(ROWS_IN_ALL_MAX).unwrap() * 2;
    for org in 0..calls {
        let org = org.to_string();
        let whose = Whose {
            org: &org,
            ..whose("k")
        };
        usage.charge(&KEY, whose, &amounts(1), Instant(HOUR));
    }
    assert_eq!(usage.len(), ROWS_IN_ALL_MAX + 1);
    assert_eq!(taken(&mut usage).iter().map(|row| row.calls).sum::<u64>(), calls);
}
