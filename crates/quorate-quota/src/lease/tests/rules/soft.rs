//! Soft quotas: what passes beyond, and what is booked afterwards.

use quorate_core::grant::GrantOutcome;

use crate::lease::tests::desk::Desk;
use crate::lease::{Event, Kind};

#[test]
fn a_soft_quota_goes_on_and_says_which_units_lie_beyond() {
    let mut desk = Desk::new(10, Kind::soft(10), &[]);
    assert!(desk.ask(8));
    assert_eq!(desk.overage, 0);
    assert!(desk.ask(5));
    assert_eq!(desk.overage, 3);
    assert!(desk.ask(4));
    assert_eq!(desk.overage, 7);
    assert_eq!(desk.store.granted() - 10, 7);
    assert_eq!(desk.known.ungranted(), 0);
}

#[test]
fn a_soft_quota_lets_a_little_through_while_the_store_is_away_and_books_it() {
    let mut desk = Desk::new(1_000, Kind::Soft { overdraft: 25 }, &[]);
    assert!(desk.ask(1));
    assert_eq!(desk.known.overdraft, 0);
    desk.need(50);
    desk.answer_with(GrantOutcome::NotTried);
    assert_eq!(desk.known.overdraft, 25);
    desk.spent += 25;
    desk.report();
    desk.wake();
    desk.settle();
    assert_eq!(desk.known.overdraft, 0);
    assert!(
        desk.credited >= 26 && desk.store.granted() >= 26,
        "{} {}",
        desk.credited,
        desk.store.granted()
    );
}

#[test]
fn a_soft_quota_notices_that_the_store_does_not_answer() {
    let mut desk = Desk::new(1_000, Kind::soft(1_000), &[]);
    desk.need(1);
    assert_eq!(desk.known.overdraft, 0);
    desk.wake();
    assert_eq!(desk.known.overdraft, 10);
}

#[test]
fn amounts_known_only_afterwards_are_booked_as_far_as_the_limit_goes() {
    let mut desk = Desk::hard(100);
    assert!(desk.ask(90));
    desk.spent += 15;
    desk.report();
    desk.settle();
    assert_eq!((desk.store.granted(), desk.balance()), (100, 0));
    desk.tell(Event::Stop);
    desk.settle();
    assert!(desk.lease.is_closed());
    assert_eq!(desk.store.granted(), 100);
}
