//! Which rates are tried, and how they are told.

use super::{Step, next, table};

/// A step of 10 s in which so many were not decided.
fn step(rate: u64, errors: u64) -> Step {
    Step {
        rate,
        sent: rate * 10,
        answered: rate * 10,
        errors,
        timeouts: errors,
        times_ns: [400_000, 1_250_000, 19_990_000],
        elapsed_ns: 10_000_000_000,
        envoy_ns: 2_500_000_000,
        asked_ns: 300_000_000,
        ..Step::default()
    }
}

/// The rates that are tried when everything above `held` bends.
fn tried(held: u64) -> Vec<u64> {
    let (mut steps, mut rates) = (Vec::new(), Vec::new());
    while let Some(rate) = next(&steps) {
        steps.push(step(rate, if rate > held { rate } else { 0 }));
        rates.push(rate);
    }
    rates
}

#[test]
fn rates_double_until_one_bends_twice_and_then_close_in() {
    assert_eq!(
        tried(1_000),
        [250, 500, 1_000, 2_000, 2_000, 1_500, 1_500, 1_250, 1_250]
    );
    assert_eq!(tried(1_600), [250, 500, 1_000, 2_000, 2_000, 1_500, 1_750, 1_750]);
    assert_eq!(tried(0), [250, 250]);
}

#[test]
fn what_bends_once_is_tried_again() {
    let steps = [step(250, 0), step(500, 6)];
    assert_eq!(next(&steps), Some(500));
    let steps = [step(250, 0), step(500, 6), step(500, 5)];
    assert_eq!(next(&steps), Some(1_000), "one of 1,000 may be late");
}

#[test]
fn a_sender_that_is_late_or_without_answers_bends_too() {
    let late = Step {
        unsent: 30,
        ..step(250, 0)
    };
    let silent = Step {
        answered: 2_497,
        ..step(250, 0)
    };
    assert_eq!(next(&[late]), Some(250));
    assert_eq!(next(&[silent]), Some(250));
}

#[test]
fn the_table_has_every_step_by_rate() {
    let text = table(&[("quorate", vec![step(250, 0), step(500, 6), step(500, 7), step(375, 1)])]);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(
        lines[0],
        "| quorate | 250 | 2500 | 2500 | 0 | 0 | 0.000 % | 0.40 ms | 1.25 ms | 19.99 ms | 25 % | 3 % | holds |"
    );
    assert!(
        lines[1].starts_with("| quorate | 375 | 3750 | 3750 | 1 | 1 | 0.026 % |"),
        "{text}"
    );
    assert!(lines[2].ends_with("| **bends** |"), "{text}");
    assert_eq!(lines[5], "Asking quorate, 375 a second held, 500 a second did not.");
}
