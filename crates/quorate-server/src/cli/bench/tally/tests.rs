//! Counts add up, and quantiles are those of all threads together.

use std::time::Duration;

use super::Tally;

#[test]
fn counts_and_times_add_up() {
    let (mut one, mut other) = (Tally::default(), Tally::default());
    for millis in 1..=50 {
        one.answered(1, 0, Duration::from_millis(millis));
        other.answered(0, 1, Duration::from_millis(50 + millis));
    }
    other.failed("DEADLINE");
    one.failed("DEADLINE");
    one.failed("UNAVAILABLE");
    one.merge(&other);
    assert_eq!(
        (one.allowed, one.denied, one.decisions(), one.failures()),
        (50, 50, 100, 3)
    );
    assert_eq!(one.errors["DEADLINE"], 2);
    let millis = |nanos: u64| nanos / 990_000;
    assert_eq!(
        (millis(one.at(0.5)), millis(one.at(0.99)), millis(one.longest())),
        (50, 100, 101)
    );
}

#[test]
fn a_time_out_of_range_is_kept_at_the_edge() {
    let mut tally = Tally::default();
    tally.answered(1, 0, Duration::ZERO);
    tally.answered(1, 0, Duration::from_secs(1_000_000));
    assert!(tally.at(0.1) < 2_000);
    assert!(tally.longest() >= 100_000_000_000);
}
