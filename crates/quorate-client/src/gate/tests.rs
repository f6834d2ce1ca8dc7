//! The gate as a function of the instants it is told.

use std::time::Duration;

use tokio::time::Instant;

use super::{Gate, PAUSE_MAX, PAUSE_MIN};

#[test]
fn it_is_open_until_a_connection_fails_and_again_once_one_succeeds() {
    let (gate, now) = (Gate::default(), Instant::now());
    gate.enter(now).expect("open at first").reached();
    let many: Vec<_> = (0..10).filter_map(|_| gate.enter(now)).collect();
    assert_eq!(many.len(), 10, "an open gate stops nobody");
    for pass in many {
        pass.failed(now);
    }
    assert!(gate.enter(now).is_none());
    assert!(gate.enter(now + PAUSE_MIN / 2 - Duration::from_nanos(1)).is_none());

    let later = now + PAUSE_MIN;
    let pass = gate.enter(later).expect("ten failures of one attempt pause once");
    assert!(gate.enter(later).is_none(), "one tries, the others do not wait");
    pass.reached();
    assert_eq!((0..10).filter_map(|_| gate.enter(later)).count(), 10);
}

#[test]
fn pauses_double_up_to_the_longest() {
    let (gate, mut now) = (Gate::default(), Instant::now());
    gate.failed(now);
    let mut pause = PAUSE_MIN;
    for _ in 0..20 {
        assert!(gate.enter(now + pause / 2 - Duration::from_nanos(1)).is_none());
        now += pause;
        gate.enter(now).expect("the pause is over").failed(now);
        pause = (pause * 2).min(PAUSE_MAX);
    }
    assert_eq!(pause, PAUSE_MAX);
}

#[test]
fn a_caller_that_gives_up_leaves_the_attempt_to_another() {
    let (gate, now) = (Gate::default(), Instant::now());
    gate.failed(now);
    let due = now + PAUSE_MIN;
    drop(gate.enter(due).expect("the pause is over"));
    assert!(gate.enter(due).is_none());
    assert!(gate.enter(Instant::now() + PAUSE_MIN).is_some());
}
