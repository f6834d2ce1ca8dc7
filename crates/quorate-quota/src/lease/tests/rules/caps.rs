//! A cap that a policy, or another server, changes.

use quorate_core::grant::{GrantCap, GrantOperation, GrantOutcome};

use super::terms;
use crate::bounds::FRESH_NS;
use crate::lease::Event;
use crate::lease::tests::desk::Desk;

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
fn a_cap_of_unknown_outcome_is_not_left_to_apply_when_nobody_wants_it() {
    for stops in [false, true] {
        let mut desk = Desk::hard(100);
        assert!(desk.ask(1));
        desk.tell(terms(200));
        let (_, late) = desk.sent.expect("a cap");
        desk.answer_with(GrantOutcome::Unknown);
        desk.tell(terms(100));
        if stops {
            desk.tell(Event::Stop);
        }
        desk.wake();
        desk.settle();
        assert_eq!(desk.store.apply(&late), Ok(GrantOutcome::Refused));
        assert_eq!(desk.store.row.clone().expect("a row").limit, 100);
        assert_eq!(desk.lease.is_closed(), stops);
    }
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
