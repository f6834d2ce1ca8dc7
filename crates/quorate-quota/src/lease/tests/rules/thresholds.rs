//! Thresholds, told once.

use crate::lease::tests::desk::Desk;
use crate::lease::{Effect, Kind};

#[test]
fn thresholds_are_told_once_and_by_the_very_decision_that_reaches_them() {
    let mut desk = Desk::new(100, Kind::Hard, &[50, 80, 100]);
    desk.need(90);
    desk.settle();
    assert_eq!(desk.alerts(), []);
    for spent in 1..=90_u64 {
        desk.spend(1);
        let due = [50, 80, 100].into_iter().filter(|percent| u64::from(*percent) <= spent);
        assert_eq!(desk.alerts(), due.collect::<Vec<u8>>(), "after {spent}");
    }
}

#[test]
fn thresholds_count_what_others_hold_as_used() {
    let mut desk = Desk::new(100, Kind::Hard, &[50, 80]);
    assert!(desk.ask(1));
    desk.take_elsewhere(9, 60);
    desk.need(2);
    desk.settle();
    assert_eq!(desk.alerts(), [50]);
}

#[test]
fn a_denial_that_skips_thresholds_tells_them_first() {
    let mut desk = Desk::new(100, Kind::Hard, &[50, 80, 100]);
    assert!(desk.ask(10));
    assert!(!desk.ask(101));
    assert_eq!(desk.alerts(), [], "no such cost is ever served");
    assert!(!desk.ask(95));
    assert_eq!(desk.alerts(), [50, 80, 100]);
    assert!(matches!(
        desk.said.last(),
        Some(Effect::Exhausted { ungranted: 90, .. })
    ));
}
