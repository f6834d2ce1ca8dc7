//! Laws of concurrency slots: against a plain list of who holds what until when, and the bounds.

use proptest::prelude::*;

use super::{Holder, SLOTS_PER_ORG_MAX, Slots};
use crate::answer::DecisionId;
use crate::time::Instant;

const KEY: [u8; 16] = [3; 16];
const TTL: u64 = 100;

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
                    prop_assert!(slots.take(&KEY, "org", holder(key), DecisionId(count), TTL, Instant(now)));
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
                let used = slots.used(&KEY, "org", holder(key), Instant(now));
                prop_assert_eq!(usize::try_from(used).unwrap(), of_key);
            }
            prop_assert_eq!(slots.len(), live(&list, now));
        }
    }
}

#[test]
fn an_org_at_its_bound_gets_none_and_its_neighbour_does() {
    let mut slots = Slots::default();
    for id in 0..u128::from(SLOTS_PER_ORG_MAX) {
        assert!(slots.take(&KEY, "org", holder(0), DecisionId(id), TTL, Instant(0)));
    }
    assert_eq!(slots.used(&KEY, "org", holder(1), Instant(0)), u32::MAX);
    assert_eq!(slots.used(&KEY, "neighbour", holder(2), Instant(0)), 0);
}

#[test]
fn expired_slots_go_in_steps_and_leave_nothing_behind() {
    let mut slots = Slots::default();
    for id in 0..2_000 {
        slots.take(&KEY, "org", holder(0), DecisionId(id), TTL, Instant(0));
    }
    for _ in 0..4 {
        slots.step(Instant(TTL));
    }
    assert!(slots.is_empty() && slots.counts.is_empty() && slots.of_orgs.is_empty() && slots.by_end.is_empty());
}
