//! The charge by itself, on seats and cells made by hand: what each mode charges to limits that the fixture of
//! [`crate::shard`] has not, and the set of counters.

use super::{Evaluation, Marks, Seat, Table, commit, evaluate, index, refund};
use crate::factor::{Bearing, Factors};
use crate::limit::{Algorithm, Counts, Limit, MeterId, Mode, PoolMode, Precision, Role};
use crate::request::ChargeMode;
use crate::state::cell::{Cell, Rule};
use crate::state::layout::Kind;
use crate::time::{Now, Period, SECOND};

pub(super) const NOW: Now = Now::at(1_700_000_000 * SECOND);

pub(super) fn limit(role: Role, mode: Mode, capacity: u64) -> Limit {
    let minute = Period::from_secs(60).expect("a minute is not zero");
    let algorithm = match role {
        Role::Pool => Algorithm::Pool {
            refill: 1,
            every: minute,
            mode: PoolMode::Overflow,
        },
        _ => Algorithm::SlidingWindow {
            window: minute,
            precision: Precision::Standard,
        },
    };
    Limit {
        name: "limit".into(),
        role,
        algorithm,
        capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: "requests".into(),
        mode,
        warn_at: None,
        order: 0,
    }
}

pub(super) fn plain(capacity: u64) -> Limit {
    limit(Role::Plain, Mode::Enforce, capacity)
}

pub(super) fn lifted(capacity: u64) -> Limit {
    limit(Role::Lifted, Mode::Enforce, capacity)
}

pub(super) fn shadow(role: Role, capacity: u64) -> Limit {
    limit(role, Mode::Shadow, capacity)
}

pub(super) fn burst(allowance: u64, pool: u64) -> [Limit; 2] {
    [
        limit(Role::Allowance, Mode::Enforce, allowance),
        limit(Role::Pool, Mode::Enforce, pool),
    ]
}

pub(super) fn ceiling(mode: Mode, capacity: u64) -> Limit {
    let mut pool = limit(Role::Pool, mode, capacity);
    if let Algorithm::Pool { mode, .. } = &mut pool.algorithm {
        *mode = PoolMode::Ceiling;
    }
    pool
}

pub(super) fn seats(limits: &[Limit], cost: u64) -> Vec<Seat<'_>> {
    let bearing = Bearing {
        key: true,
        endpoint: false,
    };
    let factors = Factors::default();
    let rules = limits.iter().map(|limit| Rule::new(limit, factors, bearing));
    rules.map(|rule| Seat { rule, cost }).collect()
}

pub(super) fn fresh(limits: &[Limit]) -> Vec<Cell> {
    let kinds = limits.iter().map(|limit| Kind::of(&limit.algorithm));
    kinds.map(|kind| Cell::fresh(&kind)).collect()
}

fn used(seats: &[Seat<'_>], cells: &[Cell]) -> Vec<u64> {
    let pairs = seats.iter().zip(cells);
    pairs.map(|(seat, cell)| cell.used(&seat.rule, NOW)).collect()
}

/// What a request of `cost` is charged to each of `limits`, none of them used before; and what was found.
fn charged(limits: &[Limit], cost: u64, mode: ChargeMode) -> (Vec<u64>, Evaluation) {
    let (seats, mut cells) = (seats(limits, cost), fresh(limits));
    let (seats, cells) = (&seats[..], &mut cells[..]);
    let found = evaluate(&Table { seats, cells }, NOW);
    let marks = commit(seats, cells, &found, mode, NOW);
    let used = used(seats, cells);
    for (place, units) in used.iter().enumerate() {
        assert_eq!(marks.has(index(place)), *units > 0, "counter {place}");
    }
    (used, found)
}

#[test]
fn marks_are_found_where_they_were_added_and_nowhere_else() {
    let mut marks = Marks::default();
    assert!(marks.is_empty() && !marks.any(0, 32));
    marks.add(index(3));
    marks.add(index(31));
    marks.add(index(3));
    let found: Vec<usize> = (0..32).filter(|place| marks.has(index(*place))).collect();
    assert_eq!(found, [3, 31]);
    assert!(marks.any(3, 1) && marks.any(2, 2) && marks.any(30, 2));
    assert!(!marks.any(0, 3) && !marks.any(4, 27) && !marks.any(3, 0));
}

#[test]
fn a_plain_shadow_limit_is_not_charged_what_it_would_have_denied_not_even_the_part_it_has_room_for() {
    let (used, found) = charged(&[shadow(Role::Plain, 3), plain(10)], 5, ChargeMode::AllOrNone);
    assert!(found.passes() && found.shadowed.has(index(0)));
    assert_eq!(used, [0, 5]);
    let (used, found) = charged(&[shadow(Role::Lifted, 3), plain(10)], 5, ChargeMode::AllOrNone);
    assert!(found.shadowed.has(index(0)));
    assert_eq!(used, [0, 5]);
}

#[test]
fn the_other_modes_charge_a_shadow_limit_also_what_it_would_have_denied() {
    for mode in [ChargeMode::Each, ChargeMode::Record] {
        let (used, found) = charged(&[shadow(Role::Plain, 3), plain(10)], 5, mode);
        assert!(found.passes() && found.shadowed.has(index(0)));
        assert_eq!(used, [5, 5], "{mode:?}");
    }
}

#[test]
fn what_does_not_pass_is_charged_in_full_with_nothing_lent() {
    let [allowance, pool] = burst(10, 10);
    let limits = [lifted(3), shadow(Role::Lifted, 3), plain(4), allowance, pool];
    for mode in [ChargeMode::Each, ChargeMode::Record] {
        let (used, found) = charged(&limits, 5, mode);
        assert_eq!((found.short, found.passes()), (2, false));
        assert_eq!(used, [5, 5, 5, 0, 0], "{mode:?}");
    }
    let (used, _) = charged(&limits, 5, ChargeMode::AllOrNone);
    assert_eq!(used, [0; 5]);
}

#[test]
fn a_lifted_shadow_limit_is_charged_what_it_has_and_lends_nothing() {
    let [allowance, pool] = burst(10, 10);
    let (used, found) = charged(&[shadow(Role::Lifted, 3), allowance, pool], 5, ChargeMode::AllOrNone);
    assert_eq!((found.short, found.shadowed.is_empty()), (0, true));
    assert_eq!(used, [3, 0, 0]);
}

#[test]
fn a_refund_of_nothing_changes_nothing() {
    let [allowance, pool] = burst(10, 10);
    let limits = [lifted(3), plain(9), allowance, pool];
    let (all, mut cells) = (seats(&limits, 5), fresh(&limits));
    let found = evaluate(
        &Table {
            seats: &all,
            cells: &cells,
        },
        NOW,
    );
    commit(&all, &mut cells, &found, ChargeMode::AllOrNone, NOW);
    assert_eq!(used(&all, &cells), [3, 5, 2, 2]);
    assert!(refund(&seats(&limits, 0), &mut cells, NOW).is_empty());
    let marks = refund(&seats(&limits, 2), &mut cells, NOW);
    assert_eq!(used(&all, &cells), [3, 3, 0, 0]);
    let changed: Vec<usize> = (0..4).filter(|place| marks.has(index(*place))).collect();
    assert_eq!(changed, [1, 2, 3], "the lifted limit gets nothing back");
}

#[test]
fn a_pool_in_ceiling_mode_is_drawn_the_whole_cost_also_of_what_does_not_pass() {
    let limits = [plain(4), ceiling(Mode::Enforce, 10)];
    let (used, found) = charged(&limits, 5, ChargeMode::Each);
    assert!(found.failed.has(index(0)) && !found.failed.has(index(1)));
    assert_eq!(used, [5, 5]);
    let (used, _) = charged(&limits, 4, ChargeMode::AllOrNone);
    assert_eq!(used, [4, 4]);
}

#[test]
fn a_pool_in_ceiling_mode_denies_what_it_does_not_hold_and_in_shadow_mode_only_says_so() {
    let (used, found) = charged(&[plain(9), ceiling(Mode::Enforce, 4)], 5, ChargeMode::AllOrNone);
    assert!(found.failed.has(index(1)) && found.shadowed.is_empty());
    assert_eq!(used, [0, 0]);
    let (used, found) = charged(&[plain(9), ceiling(Mode::Shadow, 4)], 5, ChargeMode::AllOrNone);
    assert!(found.passes() && found.shadowed.has(index(1)));
    assert_eq!(used, [5, 0]);
}

#[test]
fn a_refund_pays_a_pool_in_ceiling_mode_the_whole_cost() {
    let limits = [plain(9), ceiling(Mode::Enforce, 10)];
    let (all, mut cells) = (seats(&limits, 5), fresh(&limits));
    let found = evaluate(
        &Table {
            seats: &all,
            cells: &cells,
        },
        NOW,
    );
    commit(&all, &mut cells, &found, ChargeMode::AllOrNone, NOW);
    refund(&seats(&limits, 3), &mut cells, NOW);
    assert_eq!(used(&all, &cells), [2, 2]);
}

#[test]
fn a_refund_gives_the_pool_no_more_than_the_key_drew_from_it() {
    let [allowance, pool] = burst(10, 10);
    let limits = [lifted(3), allowance, pool];
    let (all, mut cells) = (seats(&limits, 5), fresh(&limits));
    let found = evaluate(
        &Table {
            seats: &all,
            cells: &cells,
        },
        NOW,
    );
    commit(&all, &mut cells, &found, ChargeMode::AllOrNone, NOW);
    // What another key drew.
    cells[2].admit(&all[2].rule, 6, NOW);
    refund(&seats(&limits, 4), &mut cells, NOW);
    assert_eq!(used(&all, &cells), [1, 0, 6]);
}
