//! The rules of a lease, one by one.

mod caps;
mod soft;
mod thresholds;

use quorate_core::grant::{GrantOperation, GrantOutcome, HolderId};
use quorate_core::time::SECOND;

use super::super::{Effect, Event, Kind, Terms};
use super::desk::{Desk, ME};
use crate::bounds::{AMPLE_NS, CROWD_SHARE, FRESH_NS, IDLE_NS, OUTCOME_NS_MAX, REFRESH_NS, RETRY_NS_MAX};

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
fn exhausted_is_told_for_as_long_as_the_row_is_fresh() {
    let mut desk = Desk::hard(10);
    assert!(desk.ask(10));
    let told = |desk: &Desk| match desk.said.last() {
        Some(Effect::Exhausted { until, .. }) => *until,
        other => panic!("{other:?}"),
    };
    // By the row as it was after the take, a little later.
    desk.after(FRESH_NS / 2);
    desk.need(1);
    assert!(desk.sent.is_none());
    assert!(
        told(&desk).0 < desk.now.0 + FRESH_NS,
        "the row was seen before they asked"
    );
    desk.after(FRESH_NS);
    desk.need(1);
    // However long the store takes.
    desk.after(5 * FRESH_NS);
    desk.settle();
    assert_eq!(told(&desk), desk.now.after(FRESH_NS));
}

#[test]
fn a_look_takes_nothing_and_learns_whether_it_fits() {
    let mut desk = Desk::new(1_000, Kind::Hard, &[80]);
    let look = |desk: &mut Desk, cost| {
        let spent = desk.spent;
        desk.tell(Event::Need { cost, queued: 0, spent });
        desk.settle();
    };
    look(&mut desk, 1_000);
    assert_eq!((desk.store.granted(), desk.known.ungranted()), (0, 1_000));
    assert_eq!((desk.exhausted(), desk.known.until > desk.now), (0, true));
    desk.take_elsewhere(9, 600);
    desk.after(REFRESH_NS);
    look(&mut desk, 1_000);
    assert_eq!((desk.exhausted(), desk.known.ungranted()), (1, 400));
    assert_eq!(desk.alerts(), [], "nobody was denied");
    assert_eq!(desk.takes(), []);
}

#[test]
fn a_crowd_takes_no_more_than_its_share_at_once() {
    let mut desk = Desk::hard(100_000);
    desk.tell(Event::Need {
        cost: 100,
        queued: 100_000,
        spent: 0,
    });
    desk.settle();
    assert_eq!(desk.takes(), [100_000 / CROWD_SHARE]);
    // What one of them costs is taken whole.
    desk.need(60_000);
    desk.settle();
    assert_eq!(desk.balance(), 60_000);
}

#[test]
fn what_was_asked_for_and_not_spent_goes_back_soon() {
    let mut desk = Desk::hard(100_000);
    desk.need(20_000);
    desk.settle();
    desk.spend(50);
    let begin = desk.now;
    while desk.store.granted() > 1_000 {
        desk.spend(1);
        desk.report();
        desk.wake();
        desk.settle();
    }
    assert!(desk.now.since(begin) <= 2 * AMPLE_NS);
    assert!(desk.balance() > 0, "a chunk stays");
    let operations = desk.operations.len();
    for _ in 0..5 {
        desk.after(SECOND);
        desk.spend(1);
        desk.report();
    }
    assert_eq!(desk.operations.len(), operations);
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
