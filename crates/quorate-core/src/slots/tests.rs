//! Laws of concurrency slots: against a plain list of who holds what until when, and the bounds.

use proptest::prelude::*;

use super::{
    Holder, Holding, SLOTS_MAX, SLOTS_PER_ORG_MAX, SLOTS_PER_UNDECLARED_ORG_MAX, SLOTS_UNDECLARED_MAX, Slots, Tenant,
};
use crate::answer::DecisionId;
use crate::time::Instant;

const KEY: [u8; 16] = [3; 16];
const TTL: u64 = 100;

const ORG: Tenant<'static> = declared("org");

const fn declared(org: &str) -> Tenant<'_> {
    Tenant { org, declared: true }
}

const fn invented(org: &str) -> Tenant<'_> {
    Tenant { org, declared: false }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(u8),
    Release(u8),
    Extend(u8),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u8..3).prop_map(Step::Take),
        (0_u8..40).prop_map(Step::Release),
        (0_u8..40).prop_map(Step::Extend),
        (0_u8..120).prop_map(Step::Wait),
    ]
}

fn holder(key: u8) -> Holder {
    Holder::of(&KEY, "org", &key.to_string(), "async")
}

proptest! {
    #[test]
    fn slots_are_those_of_a_plain_list(steps in prop::collection::vec(step(), 1..80)) {
        let mut slots = Slots::default();
        let mut list: Vec<(u128, u8, u64)> = Vec::new();
        let (mut now, mut count) = (1_000_u64, 0_u128);
        for step in steps {
            let live = |list: &[(u128, u8, u64)], now: u64| list.iter().filter(|held| held.2 > now).count();
            match step {
                Step::Take(key) => {
                    count += 1;
                    prop_assert!(slots.take(&KEY, ORG, holder(key), DecisionId(count), TTL, Instant(now)));
                    list.push((count, key, now + TTL));
                }
                Step::Release(id) => {
                    let held = list.iter().position(|held| held.0 == u128::from(id) && held.2 > now);
                    let released = slots.release(&KEY, "org", DecisionId(id.into()), Instant(now));
                    prop_assert_eq!(released, held.is_some());
                    held.map(|place| list.remove(place));
                }
                Step::Extend(id) => {
                    let held = list.iter_mut().find(|held| held.0 == u128::from(id) && held.2 > now);
                    let extended = slots.extend(&KEY, "org", DecisionId(id.into()), Instant(now));
                    prop_assert_eq!(extended.is_some(), held.is_some());
                    if let Some(held) = held {
                        held.2 = now + TTL;
                    }
                }
                Step::Wait(nanos) => now += u64::from(nanos),
            }
            for key in 0..3 {
                let of_key = list.iter().filter(|held| held.1 == key && held.2 > now).count();
                let Holding { used, bounded } = slots.holding(&KEY, ORG, holder(key), &[], Instant(now));
                prop_assert_eq!((usize::try_from(used).unwrap(), bounded), (of_key, false));
            }
            prop_assert_eq!(slots.len(), live(&list, now));
        }
    }
}

/// Takes slots for an org from decision `first` on until it gets no more: how many.
fn fill(slots: &mut Slots, tenant: Tenant<'_>, first: usize) -> usize {
    let mut taken = 0;
    let id = |taken: usize| DecisionId(u128::try_from(first + taken).unwrap());
    while slots.take(&KEY, tenant, holder(0), id(taken), TTL, Instant(0)) {
        taken += 1;
    }
    taken
}

fn is_bounded(slots: &mut Slots, tenant: Tenant<'_>) -> bool {
    slots.holding(&KEY, tenant, holder(1), &[], Instant(0)).bounded
}

#[test]
fn an_org_at_its_bound_gets_none_and_its_neighbour_does() {
    let mut slots = Slots::default();
    let taken = fill(&mut slots, ORG, 0);
    assert_eq!(u32::try_from(taken).unwrap(), SLOTS_PER_ORG_MAX);
    let full = slots.holding(&KEY, ORG, holder(1), &[], Instant(0));
    assert_eq!((full.used, full.bounded), (0, true));
    assert!(!is_bounded(&mut slots, declared("neighbour")));
    assert_eq!(slots.bounded(), 1);
    assert!(slots.release(&KEY, "org", DecisionId(7), Instant(0)));
    assert!(!is_bounded(&mut slots, ORG));
}

#[test]
fn invented_orgs_take_no_slot_of_a_declared_one() {
    let mut slots = Slots::default();
    let mut all = 0;
    for org in 0..100 {
        let taken = fill(&mut slots, invented(&org.to_string()), all);
        assert!(u32::try_from(taken).unwrap() <= SLOTS_PER_UNDECLARED_ORG_MAX);
        all += taken;
    }
    assert_eq!(all, SLOTS_UNDECLARED_MAX);
    assert!(is_bounded(&mut slots, invented("another")));
    assert!(!is_bounded(&mut slots, ORG));
    let more = fill(&mut slots, ORG, all) + fill(&mut slots, declared("neighbour"), SLOTS_MAX);
    assert_eq!(more, SLOTS_MAX - SLOTS_UNDECLARED_MAX);
    slots.release(&KEY, "0", DecisionId(0), Instant(0));
    assert!(!is_bounded(&mut slots, invented("another")));
}

#[test]
fn what_is_about_to_be_taken_counts_as_taken() {
    let mut slots = Slots::default();
    let bound = usize::try_from(SLOTS_PER_UNDECLARED_ORG_MAX).unwrap();
    let taking = vec![holder(0); bound];
    let holding =
        |slots: &mut Slots, taking: &[Holder]| slots.holding(&KEY, invented("org"), holder(0), taking, Instant(0));
    let last = holding(&mut slots, &taking[1..]);
    assert_eq!((last.used, last.bounded), (SLOTS_PER_UNDECLARED_ORG_MAX - 1, false));
    assert!(holding(&mut slots, &taking).bounded);
}

#[test]
fn expired_slots_go_in_steps_and_leave_nothing_behind() {
    let mut slots = Slots::default();
    for id in 0..2_000 {
        slots.take(&KEY, ORG, holder(0), DecisionId(id), TTL, Instant(0));
    }
    for _ in 0..4 {
        slots.step(Instant(TTL));
    }
    assert!(slots.is_empty() && slots.counts.is_empty() && slots.of_orgs.is_empty() && slots.by_end.is_empty());
}
