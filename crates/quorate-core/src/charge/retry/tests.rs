//! The earliest instant by example, where a boost starts or ends before the counters are whole. That no earlier instant
//! passes, the laws of [`crate::shard`] ask only of the nanosecond before.

use super::earliest;
use crate::charge::tests::{NOW, burst, ceiling, fresh, lifted, limit, plain, seats, shadow};
use crate::charge::{Seat, Table};
use crate::factor::{Factor, Factors};
use crate::limit::{Limit, Mode, Role};
use crate::state::cell::Cell;
use crate::time::{Instant, Now, SECOND};

/// So many seconds after [`NOW`].
fn second(seconds: u64) -> Now {
    Now::at(NOW.instant.0 + seconds * SECOND)
}

/// A factor of `hundredths` from one second to another.
fn factor(hundredths: u32, from: u64, until: u64) -> Factor {
    let (from, until) = (second(from).instant, second(until).instant);
    Factor {
        hundredths,
        from,
        until,
    }
}

fn boosted<'p>(limits: &'p [Limit], cost: u64, factors: &'p [Factor]) -> Vec<Seat<'p>> {
    let mut seats = seats(limits, cost);
    for seat in &mut seats {
        seat.rule.factors = Factors {
            org: factors,
            ..Factors::default()
        };
    }
    seats
}

fn admit(seats: &[Seat<'_>], cells: &mut [Cell], units: &[u64], now: Now) {
    for ((seat, cell), units) in seats.iter().zip(cells).zip(units) {
        cell.admit(&seat.rule, *units, now);
    }
}

/// Seconds after [`NOW`], and less than a tick of a minute more.
fn seconds(found: Option<Instant>) -> Option<u64> {
    let nanos = found?.since(NOW.instant);
    assert!(nanos % SECOND <= 1 << 20, "{nanos} ns");
    Some(nanos / SECOND)
}

#[test]
fn what_a_boost_lets_pass_shortly_before_its_end_passes_then_though_no_counter_is_whole() {
    let [allowance, pool] = burst(1, 10);
    let limits = [lifted(10), allowance, pool];
    let boost = [factor(200, 0, 65)];
    let seats = boosted(&limits, 8, &boost);
    let mut cells = fresh(&limits);
    admit(&seats, &mut cells, &[8], NOW);
    admit(&seats, &mut cells, &[9], second(20));
    let table = Table {
        seats: &seats,
        cells: &cells,
    };
    // At 60 the eight are gone and the boosted limit has eleven left; from 65 on it has one, and at 80 all.
    assert_eq!(seconds(earliest(&table, second(50))), Some(60));
    assert_eq!(seconds(earliest(&table, second(65))), Some(80));
}

/// The seconds after which a request of `cost` passes, when so much of each limit was used at [`NOW`].
fn without_boosts(limits: &[Limit], cost: u64, used: &[u64]) -> Option<u64> {
    let (seats, mut cells) = (seats(limits, cost), fresh(limits));
    admit(&seats, &mut cells, used, NOW);
    let (seats, cells) = (&seats[..], &cells[..]);
    seconds(earliest(&Table { seats, cells }, second(1)))
}

#[test]
fn what_cannot_deny_is_not_waited_for() {
    assert_eq!(without_boosts(&[plain(10)], 5, &[8]), Some(60));
    let never = shadow(Role::Plain, 3);
    assert_eq!(without_boosts(&[never, plain(10)], 5, &[0, 8]), Some(60));
    let small = limit(Role::Pool, Mode::Enforce, 3);
    assert_eq!(without_boosts(&[plain(10), small], 5, &[8]), Some(60), "it only adds");
}

#[test]
fn what_can_deny_is_waited_for() {
    // One unit comes back in a minute.
    assert_eq!(
        without_boosts(&[plain(10), ceiling(Mode::Enforce, 9)], 5, &[8, 6]),
        Some(120)
    );
    assert_eq!(without_boosts(&[plain(10), ceiling(Mode::Enforce, 3)], 5, &[8]), None);
    assert_eq!(without_boosts(&[plain(10), plain(3)], 5, &[8]), None);
}
