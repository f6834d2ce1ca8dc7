//! Laws of operation ids: what is kept, for how long, and that every bound holds.

use super::{KEPT_MAX, KEPT_NS, KEPT_PER_ORG_MAX, KEPT_UNDECLARED_MAX, Kept, Known, Operation, Replays};
use crate::answer::DecisionId;
use crate::time::Instant;

fn kept(decision: u128) -> Kept {
    Kept {
        decision_id: DecisionId(decision),
        binding: None,
        bound_by_quota: false,
        drawn: 0,
        overage: 0,
        burst_remaining: 0,
        warnings: Box::default(),
        org: "".into(),
        plan: "".into(),
        endpoint: "".into(),
        sequence: 1,
        content_hash: "".into(),
        slot_held: false,
    }
}

fn operation(id: u128, org: u128) -> Operation {
    Operation {
        id,
        org,
        declared: true,
        content: 9,
    }
}

#[test]
fn an_answer_is_given_again_until_its_time_and_only_to_the_same_content() {
    let mut replays = Replays::default();
    replays.keep(&operation(1, 1), kept(5), Instant(0));
    let last = Instant(KEPT_NS - 1);
    assert!(matches!(replays.find(&operation(1, 1), last), Known::Answered(kept) if kept.decision_id.0 == 5));
    assert!(matches!(
        replays.find(
            &Operation {
                content: 8,
                ..operation(1, 1)
            },
            last
        ),
        Known::OtherContent
    ));
    assert!(matches!(replays.find(&operation(1, 1), Instant(KEPT_NS)), Known::New));
    assert!(matches!(replays.find(&operation(2, 1), last), Known::New));
    replays.step(Instant(KEPT_NS));
    assert!(replays.is_empty());
}

#[test]
fn one_orgs_many_do_not_grow_without_bound_nor_push_out_anothers_one() {
    let mut replays = Replays::default();
    replays.keep(&operation(0, 0), kept(0), Instant(0));
    for id in 1..100_000 {
        replays.keep(&operation(id, 1), kept(id), Instant(1));
    }
    assert_eq!(replays.len(), KEPT_PER_ORG_MAX + 1);
    let share = &replays.declared;
    assert_eq!((share.order.len(), share.by_org.len()), (replays.len(), 2));
    assert_eq!(replays.evicted(), 99_999 - 8_192);
    assert!(matches!(replays.find(&operation(0, 0), Instant(1)), Known::Answered(_)));
    assert!(matches!(
        replays.find(&operation(99_999, 1), Instant(1)),
        Known::Answered(_)
    ));
    assert!(matches!(replays.find(&operation(1, 1), Instant(1)), Known::New));
}

#[test]
fn many_orgs_together_stay_within_the_bound() {
    let mut replays = Replays::default();
    for id in 0..100_000 {
        replays.keep(&operation(id, id % 1_000), kept(id), Instant(1));
    }
    assert_eq!((replays.len(), replays.declared.order.len()), (KEPT_MAX, KEPT_MAX));
}

#[test]
fn ids_of_invented_orgs_push_out_no_declared_ones() {
    let mut replays = Replays::default();
    replays.keep(&operation(0, 0), kept(0), Instant(0));
    for id in 1..100_000 {
        let invented = Operation {
            declared: false,
            ..operation(id, id)
        };
        replays.keep(&invented, kept(id), Instant(1));
    }
    assert_eq!(replays.len(), KEPT_UNDECLARED_MAX + 1);
    assert!(matches!(replays.find(&operation(0, 0), Instant(1)), Known::Answered(_)));
}

#[test]
fn an_answer_is_found_after_its_org_was_declared_and_kept_once() {
    let mut replays = Replays::default();
    let before = Operation {
        declared: false,
        ..operation(1, 1)
    };
    replays.keep(&before, kept(1), Instant(0));
    assert!(matches!(replays.find(&operation(1, 1), Instant(1)), Known::Answered(_)));
    replays.keep(&operation(1, 1), kept(2), Instant(KEPT_NS));
    assert_eq!(replays.len(), 1);
}

#[test]
fn an_id_that_comes_again_after_its_time_is_kept_once() {
    let mut replays = Replays::default();
    replays.keep(&operation(1, 1), kept(1), Instant(0));
    replays.keep(&operation(1, 1), kept(2), Instant(KEPT_NS));
    let share = &replays.declared;
    assert_eq!((share.answered.len(), share.order.len(), share.by_org.len()), (1, 1, 1));
    assert!(
        matches!(replays.find(&operation(1, 1), Instant(KEPT_NS)), Known::Answered(kept) if kept.decision_id.0 == 2)
    );
}
