//! Tests of the waits.

use quorate_core::time::{Instant, SECOND};

use super::Retry;
use crate::bounds::{LATENCY_NS_MAX, LATENCY_NS_MIN, RACE_NS_MAX, RETRY_NS_MAX, RETRY_NS_MIN};

const NOW: Instant = Instant(1_000 * SECOND);

#[test]
fn waits_double_and_are_bounded() {
    let mut retry = Retry::new(3);
    let mut most = RETRY_NS_MIN;
    for _ in 0..100 {
        retry.failed(NOW);
        let wait = retry.not_before.since(NOW);
        assert!(wait >= most / 2 && wait <= most, "{wait} of {most}");
        most = (2 * most).min(RETRY_NS_MAX);
    }
    assert!(retry.is_failing());
    retry.applied(1);
    assert!(!retry.is_failing());
    retry.failed(NOW);
    assert!(retry.not_before.since(NOW) <= RETRY_NS_MIN);
}

#[test]
fn the_first_lost_race_costs_nothing_and_the_hundredth_little() {
    let mut retry = Retry::new(3);
    retry.raced(NOW);
    assert!(retry.not_before <= NOW);
    for _ in 0..100 {
        retry.raced(NOW);
    }
    let wait = retry.not_before.since(NOW);
    assert!((RACE_NS_MAX / 2..=RACE_NS_MAX).contains(&wait), "{wait}");
}

#[test]
fn holders_do_not_come_in_step() {
    let waits = |seed| {
        let mut retry = Retry::new(seed);
        (0..20).map(move |_| retry.jitter(1_000_000)).collect::<Vec<_>>()
    };
    assert_ne!(waits(1), waits(2));
    assert_eq!(waits(1), waits(1));
    assert!(waits(5).iter().all(|wait| (500_000..=1_000_000).contains(wait)));
    let mut retry = Retry::new(1);
    assert_eq!((retry.jitter(0), retry.jitter(1) <= 1), (0, true));
}

#[test]
fn slowness_is_believed_at_once_and_forgotten_slowly() {
    let mut retry = Retry::new(3);
    assert_eq!(retry.slow_ns(), LATENCY_NS_MIN);
    retry.answered(SECOND);
    assert_eq!(retry.slow_ns(), SECOND);
    retry.answered(1);
    assert!(retry.slow_ns() > SECOND * 9 / 10);
    for _ in 0..200 {
        retry.answered(1);
    }
    assert_eq!(retry.slow_ns(), LATENCY_NS_MIN);
    retry.answered(u64::MAX);
    assert_eq!(retry.slow_ns(), LATENCY_NS_MAX);
}
