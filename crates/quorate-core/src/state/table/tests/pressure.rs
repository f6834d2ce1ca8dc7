//! With memory short: bounds are kept, nobody is let through, and declared keys keep limits of their own.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{HOUR, MINUTE, Policy, Who, World};
use crate::state::table::INDEX_ENTRY_BYTES;
use crate::time::{Now, SECOND};
use crate::window::exact::{Exact, cases};

/// What may be taken beyond a bound too small for the overflow entries of a few declared orgs: a page of each class of
/// slots that they need, and the index, which grows with the last pages.
const BEYOND_BYTES: u64 = 6 * (16 << 10);

/// The same when not one page is allowed: any of these entries may need another.
const BEYOND_NOTHING_BYTES: u64 = 40 * (16 << 10);

impl World {
    /// The bytes that orgs are booked with are those of their entries.
    pub fn check_accounts(&self) {
        let (mut at, mut budget) = (crate::state::slab::SlotRef(0), usize::MAX);
        let (mut booked, mut entries, mut overflows) = (0, 0, 0);
        while let (found, Some(next)) = self.table.slab.scan(at, &mut budget) {
            if let Some(slot) = found {
                let words = self.table.slab.words(slot);
                booked += u64::try_from(size_of_val(words)).expect("small") + INDEX_ENTRY_BYTES;
                entries += 1;
                let fingerprint = crate::state::entry::fingerprint(words);
                overflows += usize::from(fingerprint.is_overflow());
                assert_eq!(self.table.find(fingerprint), Some(slot), "an entry that is not found");
            }
            at = next;
        }
        assert_eq!(self.table.accounts.iter().sum::<u64>(), booked);
        assert_eq!(self.table.len(), entries);
        assert_eq!(self.table.overflows, overflows);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask {
        who: usize,
        cost: u64,
    },
    Wait(u64),
    /// New keys of one org.
    SprayKeys(u32),
    /// New orgs.
    SprayOrgs(u32),
    Sweep(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let waits = prop_oneof![
        0..SECOND,
        0..MINUTE,
        Just(MINUTE),
        Just(MINUTE + 1),
        0..HOUR,
        Just(HOUR + SECOND)
    ];
    let step = prop_oneof![
        10 => (0_usize..8, 1_u64..5).prop_map(|(who, cost)| Step::Ask { who, cost }),
        4 => waits.prop_map(Step::Wait),
        2 => (0_u32..800).prop_map(Step::SprayKeys),
        2 => (0_u32..400).prop_map(Step::SprayOrgs),
        1 => (0_usize..2_000).prop_map(Step::Sweep),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Two declared keys of a declared org, two invented ones of the same, two of an org that nobody declared, and two that
/// are orgs of their own.
fn asker(number: usize) -> Who {
    let key = format!("key-{number}");
    match number / 2 {
        0 => Who::declared("acme", &key),
        1 => Who {
            org_declared: true,
            ..Who::invented("acme", &key)
        },
        2 => Who::invented("bolt", &key),
        _ => Who::invented(&key, &key),
    }
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn nobody_gets_more_than_the_limit_and_memory_stays_in_bounds(
        steps in steps(),
        bytes_max in prop_oneof![1 => Just(0_u64), 3 => 120_000_u64..400_000],
        org_bytes_max in prop_oneof![Just(u64::MAX / 2), 0_u64..60_000],
        (minute, hour) in prop_oneof![Just((6_u64, 12_u64)), Just((40, 200))],
    ) {
        let mut world = World::new(bytes_max, org_bytes_max);
        let policy = Policy::minute_and_hour(&mut world.layouts, minute, hour);
        let mut now = Now::at(1_760_000_000 * SECOND);
        let mut exact: BTreeMap<usize, Exact> = BTreeMap::new();
        let mut sprayed = 0;
        let beyond = if bytes_max == 0 { BEYOND_NOTHING_BYTES } else { BEYOND_BYTES };
        for step in steps {
            match step {
                Step::Wait(nanos) => now = Now::at(now.instant.0 + nanos),
                Step::Sweep(budget) => world.table.sweep(&world.layouts, now, budget),
                Step::SprayKeys(count) => for _ in 0..count {
                    sprayed += 1;
                    world.ask(&policy, &Who::invented("bolt", &format!("{sprayed}")), 1, now);
                },
                Step::SprayOrgs(count) => for _ in 0..count {
                    sprayed += 1;
                    let name = format!("{sprayed}");
                    world.ask(&policy, &Who::invented(&name, &name), 1, now);
                },
                Step::Ask { who, cost } => {
                    let exact = exact.entry(who).or_default();
                    if world.ask(&policy, &asker(who), cost * minute / 6, now) {
                        exact.admit(cost * minute / 6, now.instant, 0);
                        prop_assert!(exact.within(MINUTE, now.instant) <= u128::from(minute));
                        prop_assert!(exact.within(HOUR, now.instant) <= u128::from(hour));
                    }
                }
            }
            prop_assert_eq!(world.memory.taken(), world.table.bytes());
            prop_assert!(
                world.table.bytes() <= bytes_max + beyond,
                "{} bytes of {}, {} entries", world.table.bytes(), bytes_max, world.table.len()
            );
        }
        world.check_accounts();
    }
}

#[test]
fn declared_keys_keep_limits_of_their_own_under_a_spray() {
    let mut world = World::new(2 << 20, 1 << 30);
    let policy = Policy::minute_and_hour(&mut world.layouts, 5, 100);
    let now = Now::at(1 << 60);
    for number in 0..50_000_u32 {
        let who = Who {
            org_declared: true,
            ..Who::invented("acme", &format!("{number}"))
        };
        world.ask(&policy, &who, 1, now);
    }
    let (overflowed, entries) = (world.table.stats().overflowed, world.table.len());
    assert!(overflowed > 10_000, "{overflowed} overflowed, {entries} entries");
    for number in 0..100_u32 {
        let who = Who::declared("acme", &format!("declared {number}"));
        assert!(world.ask(&policy, &who, 5, now), "{number}");
        assert!(!world.ask(&policy, &who, 1, now), "{number}");
    }
    assert_eq!(world.table.stats().overflowed, overflowed);
    assert!(world.table.bytes() <= 2 << 20);
    // The invented ones share what one of them may have.
    assert!(!world.ask(
        &policy,
        &Who {
            org_declared: true,
            ..Who::invented("acme", "one more")
        },
        1,
        now
    ));
}

#[test]
fn a_spray_of_one_org_leaves_room_for_others() {
    let mut world = World::new(8 << 20, 1 << 20);
    let policy = Policy::minute_and_hour(&mut world.layouts, 5, 100);
    let now = Now::at(1 << 60);
    for number in 0..50_000_u32 {
        world.ask(&policy, &Who::invented("noisy", &format!("{number}")), 1, now);
    }
    let overflowed = world.table.stats().overflowed;
    assert!(overflowed > 0);
    for number in 0..1_000_u32 {
        assert!(world.ask(&policy, &Who::invented("quiet", &format!("{number}")), 5, now));
    }
    assert_eq!(world.table.stats().overflowed, overflowed);
}

#[test]
fn a_spray_of_orgs_stays_in_bounds_and_ends() {
    let bound = 1 << 20;
    let mut world = World::new(bound, 1 << 30);
    let policy = Policy::minute_and_hour(&mut world.layouts, 5, 100);
    let now = Now::at(1 << 60);
    for number in 0..100_000_u32 {
        let name = format!("{number}");
        world.ask(&policy, &Who::invented(&name, &name), 1, now);
    }
    assert!(world.table.bytes() <= bound, "{} bytes", world.table.bytes());
    let later = Now::at((1 << 60) + 2 * HOUR);
    // The first goes to the last page, the second to where the first began.
    world.table.sweep(&world.layouts, later, 1_000_000);
    world.table.sweep(&world.layouts, later, 1_000_000);
    assert!(world.ask(&policy, &Who::invented("late", "late"), 5, later));
    assert!(world.table.len() <= 3, "{} entries", world.table.len());
    assert!(world.table.bytes() < bound / 4, "{} bytes", world.table.bytes());
    world.check_accounts();
}

#[test]
fn a_log_that_may_not_grow_gets_coarser_and_finer_again_when_it_may() {
    let mut world = World::new(0, 1 << 30);
    let policy = Policy::minute_and_hour(&mut world.layouts, 60, 1_000);
    let who = Who::declared("acme", "key");
    let mut now = Now::at(1 << 60);
    let mut admitted = 0;
    for _ in 0..600 {
        now = Now::at(now.instant.0 + SECOND / 10);
        admitted += u32::from(world.ask(&policy, &who, 1, now));
    }
    assert!(world.table.stats().coarsened > 0);
    assert!((53..=60).contains(&admitted), "{admitted} admitted in one minute");

    let mut world = World {
        memory: std::sync::Arc::new(crate::state::memory::Memory::new(1 << 20)),
        ..world
    };
    world.table.memory = std::sync::Arc::clone(&world.memory);
    world
        .memory
        .take(world.table.bytes(), crate::state::memory::Claim::Unconditional);
    let coarsened = world.table.stats().coarsened;
    for _ in 0..1_200 {
        now = Now::at(now.instant.0 + SECOND / 10);
        world.ask(&policy, &who, 1, now);
    }
    assert_eq!(world.table.stats().coarsened, coarsened);
    let met = world.load(&policy, &who, now);
    let crate::state::cell::Cell::Log(minute) = met.cells[0] else {
        panic!("the minute is a log");
    };
    assert_eq!(minute.group(), 1);
    assert_eq!(world.memory.taken(), world.table.bytes());
}
