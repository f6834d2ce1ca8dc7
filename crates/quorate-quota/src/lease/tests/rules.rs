//! The rules of a lease, one by one.

use quorate_core::grant::{GrantCap, GrantOperation, GrantOutcome, HolderId};
use quorate_core::time::SECOND;

use super::super::{Effect, Event, Kind, Terms};
use super::desk::{Desk, ME};
use crate::bounds::{FRESH_NS, IDLE_NS, OUTCOME_NS_MAX, RETRY_NS_MAX};

fn terms(limit: u64) -> Event {
    Event::Terms(Terms::new(limit, Kind::Hard, [].into()))
}

#[test]
fn a_limit_of_one_is_served_once() {
    let mut desk = Desk::hard(1);
    assert!(desk.ask(1));
    assert!(!desk.ask(1));
    assert_eq!(desk.exhausted(), 1);
    assert_eq!(desk.store.granted(), 1);
}

#[test]
fn a_cost_larger_than_a_chunk_is_served_up_to_the_limit() {
    let mut desk = Desk::hard(1_000_000);
    assert!(desk.ask(1));
    assert!(desk.ask(400_000));
    let left = 1_000_000 - 400_001;
    assert!(!desk.ask(left + 1));
    assert!(desk.ask(left));
    assert_eq!(desk.spent, 1_000_000);
}

#[test]
fn a_cost_takes_only_what_the_balance_lacks() {
    let mut desk = Desk::hard(100);
    desk.need(60);
    desk.settle();
    assert_eq!(desk.balance(), 60);
    // 40 are not granted: 100 fits with the balance, and 101 does not.
    assert!(desk.ask(100));
    assert_eq!(desk.takes(), [60, 40]);
    assert_eq!(desk.exhausted(), 0);
}

#[test]
fn a_new_process_begins_small_and_doubles() {
    let mut desk = Desk::hard(1_000_000);
    for _ in 0..10 {
        let balance = desk.balance();
        desk.need(balance + 1);
        desk.settle();
    }
    assert_eq!(desk.takes(), [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000]);
}

#[test]
fn a_steady_spender_never_waits_once_its_rate_is_known() {
    let mut desk = Desk::hard(1_000_000);
    assert!(desk.ask(1));
    let mut waits = 0;
    for step in 0..100_000 {
        // 100 per second; the row answers before the next decision.
        desk.after(SECOND / 100);
        desk.settle();
        waits += u64::from(desk.balance() == 0);
        assert!(desk.ask(1));
        if step % 10 == 0 {
            desk.report();
        }
    }
    assert!(waits < 8, "{waits} decisions waited");
    // A thousand seconds in chunks of ten seconds at most.
    assert!(desk.operations.len() < 150, "{} operations", desk.operations.len());
}

#[test]
fn exhausted_is_said_only_after_a_read() {
    let mut desk = Desk::hard(10);
    assert!(desk.ask(4));
    desk.after(2 * FRESH_NS);
    desk.need(7);
    assert_eq!(desk.exhausted(), 0);
    assert_eq!(desk.sent.map(|sent| sent.1), Some(GrantOperation::Read));
    desk.settle();
    assert_eq!(desk.exhausted(), 1);
    // What was just seen is not read again.
    desk.need(7);
    assert_eq!((desk.exhausted(), desk.sent), (2, None));
    // What fits is served.
    assert!(desk.ask(6));
}

#[test]
fn exhausted_is_said_by_a_slow_store_whose_callers_never_tire() {
    let mut desk = Desk::hard(10);
    assert!(desk.ask(10));
    for _ in 0..20 {
        desk.after(FRESH_NS);
        desk.need(1);
    }
    desk.answer();
    assert_eq!(desk.exhausted(), 1);
}

#[test]
fn a_refused_take_looks_again_and_takes_what_is_left() {
    let mut desk = Desk::hard(1_000);
    assert!(desk.ask(1));
    desk.take_elsewhere(9, 500);
    assert!(desk.ask(100));
    assert_eq!(desk.store.granted(), 601);
    assert_eq!(desk.known.granted, 601);
}

#[test]
fn a_take_of_unknown_outcome_is_read_then_sent_again() {
    let mut desk = Desk::hard(1_000);
    assert!(desk.ask(1));
    desk.need(5);
    let (_, take) = desk.sent.unwrap();
    desk.answer_with(GrantOutcome::Unknown);
    assert_eq!(desk.balance(), 0);
    desk.wake();
    assert_eq!(desk.sent.unwrap().1, GrantOperation::Read);
    desk.answer();
    assert_eq!(desk.balance(), 0, "one read that shows nothing proves nothing");
    assert_eq!(desk.sent.unwrap().1, take);
    // The first one arrives after all, and this one is refused: the holding says what happened.
    assert_eq!(desk.store.apply(&take), Ok(GrantOutcome::Applied));
    desk.answer();
    desk.settle();
    assert_eq!(desk.balance(), 5);
    assert_eq!(desk.store.granted(), 6);
}

#[test]
fn a_take_that_is_no_longer_wanted_is_settled_by_a_move_of_nothing() {
    let mut desk = Desk::hard(1_000);
    assert!(desk.ask(1));
    desk.need(5);
    desk.answer_with(GrantOutcome::Unknown);
    desk.tell(Event::Stop);
    desk.answer();
    let Some((_, GrantOperation::Move(bump))) = desk.sent else {
        panic!("{:?}", desk.sent)
    };
    assert_eq!((bump.granted, bump.holding), (bump.granted_before, 1));
    desk.settle();
    assert!(desk.lease.is_closed());
    assert_eq!(desk.store.granted(), 1);
}

#[test]
fn a_return_is_withdrawn_first_and_happens_once() {
    let mut desk = Desk::hard(1_000);
    desk.need(100);
    desk.settle();
    desk.spend(30);
    desk.tell(Event::Stop);
    assert_eq!(desk.balance(), 0, "nothing may be spent that is on its way back");
    let (_, back) = desk.sent.unwrap();
    assert_eq!(desk.store.apply(&back), Ok(GrantOutcome::Applied));
    desk.answer_with(GrantOutcome::Unknown);
    desk.wake();
    desk.settle();
    assert!(desk.lease.is_closed());
    assert_eq!(desk.store.granted(), 30);
    assert_eq!(desk.said.last(), Some(&Effect::Closed));
}

#[test]
fn an_ended_period_returns_later_and_a_stop_at_once() {
    let mut desk = Desk::hard(1_000);
    desk.need(100);
    desk.settle();
    desk.tell(Event::Ends);
    assert_eq!((desk.balance(), desk.sent), (0, None));
    desk.tell(Event::Stop);
    assert!(desk.sent.is_some());
    desk.settle();
    assert_eq!(desk.store.granted(), 0);
}

#[test]
fn idle_units_go_back_and_the_lease_is_forgotten() {
    let mut desk = Desk::hard(1_000);
    desk.need(100);
    desk.settle();
    desk.spend(1);
    desk.report();
    while desk.said.is_empty() {
        desk.wake();
        desk.settle();
    }
    assert_eq!(desk.said, [Effect::Settled]);
    assert_eq!(desk.store.granted(), 1);
    assert!(desk.now.0 <= 1_000 * SECOND + 2 * IDLE_NS);
}

#[test]
fn a_lowered_cap_stops_takes_at_once_and_takes_back_what_it_can() {
    let mut desk = Desk::hard(1_000);
    desk.need(300);
    desk.settle();
    desk.spend(120);
    desk.tell(terms(200));
    desk.settle();
    let row = desk.store.row.clone().unwrap();
    assert_eq!((row.limit, row.granted), (200, 200));
    assert_eq!(desk.balance(), 80);
    assert!(!desk.ask(81));
    assert!(desk.ask(80));
}

#[test]
fn a_raised_cap_serves_what_waits() {
    let mut desk = Desk::hard(10);
    assert!(desk.ask(10));
    desk.tell(terms(20));
    desk.settle();
    assert!(desk.ask(10));
    assert_eq!(desk.store.limit_max, 20);
}

#[test]
fn a_cap_that_another_server_changed_is_left_alone() {
    let mut desk = Desk::hard(10);
    assert!(desk.ask(1));
    desk.elsewhere(|row| {
        GrantOperation::Cap(GrantCap {
            version: row.version,
            limit: 50,
        })
    });
    desk.after(2 * FRESH_NS);
    assert!(desk.ask(40));
    assert_eq!(desk.known.limit, 50);
    assert!(
        !desk
            .operations
            .iter()
            .any(|sent| matches!(sent, GrantOperation::Cap(_)))
    );
}

#[test]
fn a_policy_that_changed_while_nobody_ran_is_put_in_force() {
    let mut desk = Desk::hard(10);
    desk.store.apply(&GrantOperation::Create { limit: 5 }).unwrap();
    assert!(desk.ask(8));
    assert_eq!(desk.store.row.unwrap().limit, 10);
}

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

#[test]
fn a_lease_recovers_by_itself_within_a_minute() {
    let mut desk = Desk::hard(1_000);
    desk.need(1);
    let begin = desk.now;
    while desk.now.since(begin) < 3_600 * SECOND {
        if desk.sent.is_some() {
            desk.answer_with(GrantOutcome::NotTried);
        }
        let before = desk.now;
        desk.wake();
        assert!(desk.now.since(before) <= RETRY_NS_MAX || desk.sent.is_none());
    }
    let tries = desk.operations.len();
    assert!((360..900).contains(&tries), "{tries} tries in an hour");
    let back = desk.now;
    while desk.balance() == 0 {
        match desk.sent {
            Some(_) => desk.answer(),
            None => desk.wake(),
        }
    }
    assert!(desk.now.since(back) < 60 * SECOND);
}

#[test]
fn an_operation_that_nobody_answers_for_counts_as_unknown() {
    let mut desk = Desk::hard(1_000);
    desk.need(1);
    let (late, _) = desk.sent.take().unwrap();
    while desk.sent.is_none() {
        desk.wake();
    }
    assert!(desk.now.0 <= 1_000 * SECOND + OUTCOME_NS_MAX + SECOND);
    // Its own answer comes too late to mean anything.
    desk.tell(Event::Outcome {
        id: late,
        outcome: GrantOutcome::Applied,
    });
    desk.settle();
    assert_eq!(desk.balance(), 1);
}

#[test]
fn an_answer_to_another_question_says_nothing() {
    let mut desk = Desk::hard(1_000);
    desk.need(1);
    desk.answer_with(GrantOutcome::Applied);
    assert_eq!(desk.balance(), 0);
    desk.wake();
    desk.settle();
    assert_eq!(desk.balance(), 1);
}

#[test]
fn a_folded_holder_goes_on_from_what_the_row_lists() {
    let mut desk = Desk::hard(1_000);
    assert!(desk.ask(10));
    desk.elsewhere(|row| {
        GrantOperation::Fold(quorate_core::grant::GrantFold {
            version: row.version,
            gone: ME,
            folded: row.holding(ME),
        })
    });
    desk.need(5);
    desk.settle();
    let row = desk.store.row.clone().unwrap();
    assert_eq!(
        (row.granted, row.holding(ME), row.holding(HolderId::FOLDED)),
        (15, 5, 10)
    );
    // It returns what the row lists, and spends the rest of what it took.
    assert_eq!(desk.balance(), 5);
    desk.tell(Event::Stop);
    desk.settle();
    assert_eq!(desk.store.granted(), 10);
}

#[test]
fn a_row_that_does_not_add_up_grants_no_more_than_either_number() {
    let mut desk = Desk::hard(100);
    assert!(desk.ask(1));
    let row = desk.store.row.as_mut().unwrap();
    row.holdings.insert(HolderId(9), 95);
    row.version += 1;
    assert!(!desk.ask(5));
    assert_eq!(desk.exhausted(), 1);
}
