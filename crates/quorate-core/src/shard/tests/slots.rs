//! What answers say of slots: as they stand after the decision, and at the bounds on their number.

use super::fixture::{Org, START, Shape};
use crate::answer::{Reason, StatusKind};
use crate::request::ChargeMode;
use crate::shard::Ask;
use crate::slots::SLOTS_PER_ORG_MAX;
use crate::terms::SlotTerms;

const fn slot(depth: u32) -> SlotTerms<'static> {
    SlotTerms {
        name: "async",
        depth,
        ttl_ns: u64::MAX / 2,
        shadow: false,
    }
}

/// What is answered to a call of a key: the reason, slots used and remaining, and whether they deny.
fn told(
    org: &mut Org,
    key: &str,
    slot: SlotTerms<'static>,
    change: impl FnOnce(&mut Ask<'_, '_>),
) -> (Reason, u64, u64, bool) {
    let mut statuses = Vec::new();
    let reason = org
        .ask_all(key, [0, 0], Some(slot), change, START, Some(&mut statuses))
        .reason;
    let slots = statuses.iter().find(|status| status.kind == StatusKind::Slots).unwrap();
    (reason, slots.used, slots.remaining, slots.denied)
}

fn unlimited() -> Org {
    Org::new(Shape {
        calls: u64::from(u32::MAX),
        ..Shape::default()
    })
}

#[test]
fn a_slot_is_told_of_as_it_is_after_the_decision() {
    let mut org = unlimited();
    let ok = Reason::Ok;
    assert_eq!(told(&mut org, "k", slot(2), |ask| ask.look = true), (ok, 0, 2, false));
    assert_eq!(told(&mut org, "k", slot(2), |_| {}), (ok, 1, 1, false));
    assert_eq!(told(&mut org, "k", slot(2), |_| {}), (ok, 2, 0, false));
    let denied = told(&mut org, "k", slot(2), |_| {});
    assert_eq!(denied, (Reason::ConcurrencyExceeded, 2, 0, true));
    let record = told(&mut org, "k", slot(2), |ask| ask.mode = ChargeMode::Record);
    assert_eq!(record, (ok, 3, 0, true));
    let refund = told(&mut org, "k", slot(2), |ask| ask.refund = true);
    assert_eq!(refund, (ok, 3, 0, false));
}

#[test]
fn an_org_at_its_bound_is_told_what_its_key_holds() {
    let mut org = unlimited();
    for _ in 0..SLOTS_PER_ORG_MAX {
        assert!(
            org.ask_slot("greedy", [0, 0], Some(slot(u32::MAX)), |_| {}, START)
                .slot_held
        );
    }
    let denied = (Reason::ConcurrencyExceeded, 0, 0, true);
    assert_eq!(told(&mut org, "k", slot(500), |_| {}), denied);
    let record = |ask: &mut Ask<'_, '_>| ask.mode = ChargeMode::Record;
    assert_eq!(
        told(&mut org, "k", slot(500), record),
        (Reason::Ok, 0, 0, true),
        "none is to be had"
    );
    assert_eq!(org.shard.slots().bounded(), 2);
}
