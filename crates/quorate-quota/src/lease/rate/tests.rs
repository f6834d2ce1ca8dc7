//! Tests of the estimate.

use quorate_core::grant::GRANT_MAX;
use quorate_core::time::{Instant, SECOND};

use super::super::row::Row;
use super::Rate;

fn row(limit: u64, granted: u64, holders: u64) -> Row {
    Row {
        granted,
        sum: granted,
        holders,
        ..Row::made(limit, Instant(0))
    }
}

/// A rate that took so many chunks and was told of so many units in every one of ten seconds.
fn rate(chunks: u32, per_second: u64) -> Rate {
    let mut rate = Rate::default();
    for second in 0..=10 {
        rate.report(Instant(second * SECOND), second * per_second);
    }
    (0..chunks).for_each(|_| rate.took());
    rate
}

#[test]
fn a_chunk_is_the_least_of_what_bounds_it() {
    let chunk = |rate: &Rate, row: &Row| rate.chunk(row, false);
    // What a new process has worked up to.
    assert_eq!(chunk(&Rate::default(), &row(10_000_000, 0, 1)), 100);
    assert_eq!(chunk(&rate(3, 1_000_000), &row(10_000_000, 0, 1)), 800);
    // A thousandth of the limit.
    assert_eq!(chunk(&rate(50, 1_000_000), &row(10_000_000, 0, 1)), 10_000);
    // A minute's worth, rounded up.
    assert_eq!(chunk(&rate(50, 20), &row(10_000_000, 0, 1)), 1_201);
    // Half of one's share of what is left.
    assert_eq!(chunk(&rate(50, 1_000_000), &row(10_000_000, 9_999_000, 5)), 100);
    // But one unit at least.
    assert_eq!(chunk(&rate(50, 1_000_000), &row(10, 10, 5)), 1);
    assert_eq!(chunk(&rate(50, 0), &row(10_000_000, 0, 1)), 1);
}

#[test]
fn a_soft_quota_beyond_its_limit_still_has_chunks() {
    assert_eq!(rate(50, 1_000_000).chunk(&row(10_000_000, 20_000_000, 2), true), 10_000);
}

#[test]
fn the_low_water_mark_covers_two_operations_and_is_no_more_than_a_chunk() {
    let row = row(10_000_000, 0, 1);
    assert_eq!(rate(50, 1_000).low_water(&row, false, SECOND / 100), 21);
    assert_eq!(rate(50, 1_000_000).low_water(&row, false, SECOND), 10_000);
    assert_eq!(Rate::default().low_water(&row, false, SECOND), 0);
    assert_eq!(rate(50, 0).low_water(&row, false, SECOND), 0);
}

#[test]
fn the_estimate_rises_at_once_and_falls_by_quarters() {
    let row = row(GRANT_MAX, 0, 1);
    let mut rate = rate(50, 1_000);
    assert_eq!(rate.chunk(&row, false), 60_001);
    rate.report(Instant(11 * SECOND), 15_000);
    assert_eq!(rate.chunk(&row, false), 300_001);
    rate.report(Instant(12 * SECOND), 15_000);
    assert_eq!(rate.chunk(&row, false), 225_001);
    // Reports in between change nothing, and refunds are no use.
    rate.report(Instant(12 * SECOND + 1), 15_500);
    assert_eq!(rate.chunk(&row, false), 225_001);
    rate.report(Instant(13 * SECOND), 100);
    assert_eq!(rate.chunk(&row, false), 168_751);
}

#[test]
fn a_slow_spender_has_a_rate() {
    // One unit per hundred seconds.
    let mut rate = Rate::default();
    rate.report(Instant(0), 0);
    rate.report(Instant(100 * SECOND), 1);
    let row = row(10_000_000, 0, 1);
    assert_eq!(rate.chunk(&row, false), 1);
    assert_eq!(rate.low_water(&row, false, SECOND / 100), 1);
}

#[test]
fn a_successor_goes_on_at_the_same_rate() {
    let row = row(10_000_000, 0, 1);
    let rate = rate(50, 20);
    assert_eq!(rate.successor().chunk(&row, false), rate.chunk(&row, false));
}
