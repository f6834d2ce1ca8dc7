//! With memory to spare, what is stored is what was charged.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{HOUR, MINUTE, Policy, Who, World, admit, fits, limit, rules, sliding};
use crate::limit::Algorithm;
use crate::state::cell::Cell;
use crate::state::layout::{Kind, Layouts};
use crate::time::{Now, SECOND};
use crate::window::exact::{cases, period};

/// Policies that differ in every way that a reload may bring. The first two differ in limits only.
pub fn policies(layouts: &mut Layouts) -> Vec<Policy> {
    let fixed = Algorithm::FixedWindow { window: period(MINUTE) };
    let fixed_hour = Algorithm::FixedWindow { window: period(HOUR) };
    let bucket = |refill| Algorithm::TokenBucket {
        refill,
        every: period(MINUTE),
    };
    let keys = vec![
        vec![limit("minute", sliding(MINUTE), 5), limit("hour", sliding(HOUR), 12)],
        vec![limit("minute", sliding(MINUTE), 7), limit("hour", sliding(HOUR), 9)],
        vec![limit("hour", sliding(HOUR), 12), limit("minute", sliding(MINUTE), 5)],
        vec![
            limit("minute", sliding(10 * SECOND), 5),
            limit("hour", sliding(HOUR), 12),
        ],
        vec![limit("minute", sliding(HOUR), 30)],
        vec![limit("minute", fixed, 5), limit("hour", sliding(HOUR), 12)],
        vec![limit("minute", fixed_hour, 8), limit("bucket", bucket(3), 10)],
        vec![
            limit("minute", bucket(5), 9),
            limit("hour", bucket(2), 9),
            limit("bucket", bucket(7), 10),
        ],
        vec![
            limit("per-minute", sliding(MINUTE), 100),
            limit("hour", sliding(HOUR), 400),
        ],
    ];
    keys.into_iter().map(|key| Policy::new(layouts, key, 1_000)).collect()
}

/// What a counter of a policy starts with when the same key was last met under another.
fn carried(policy: &Policy, before: Option<&(Policy, Vec<Cell>)>, now: Now) -> Vec<Cell> {
    let counters = rules(policy).map(|rule| {
        let kind = Kind::of(&rule.limit.algorithm);
        let known = before.and_then(|(before, cells)| {
            let mut counters = rules(before).zip(cells);
            counters.find(|(old, _)| old.limit.name == rule.limit.name && old.limit.meter == rule.limit.meter)
        });
        known.map_or(Cell::fresh(&kind), |(old, cell)| {
            let before = Kind::of(&old.limit.algorithm);
            cell.carried(&before, &kind, now)
                .unwrap_or_else(|| cell.restarted(&before, &rule, now))
        })
    });
    counters.collect()
}

/// What is loaded may be fresh instead of what was stored only if that could change nothing any more.
fn forgotten_rightly(world: &World, before: Option<&(Policy, Vec<Cell>)>, at: usize, now: Now) -> bool {
    let Some((policy, cells)) = before else { return false };
    let mut counters = policy.groups.iter().flat_map(|group| {
        let kept = world.layouts.kept_for(group.layout).iter();
        group.limits.iter().zip(kept)
    });
    let spent = |cell: &Cell| {
        let (limit, kept_for) = counters.next().expect("a counter per cell");
        cell.is_spent(&Kind::of(&limit.algorithm), *kept_for, now)
    };
    let spent: Vec<bool> = cells.iter().map(spent).collect();
    let mut first = 0;
    for (place, group) in policy.groups.iter().enumerate() {
        let last = first + group.limits.len();
        if place == at {
            return spent[first..last].iter().all(|spent| *spent);
        }
        first = last;
    }
    false
}

#[derive(Clone, Debug)]
enum Step {
    Ask { key: usize, cost: u64 },
    Wait(u64),
    Policy(usize),
    Sweep(usize),
    Spray(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let waits = prop_oneof![
        Just(1_u64),
        0..SECOND,
        0..2 * MINUTE,
        Just(MINUTE),
        Just(HOUR),
        0..2 * HOUR
    ];
    let step = prop_oneof![
        8 => (0_usize..5, 0_u64..4).prop_map(|(key, cost)| Step::Ask { key, cost }),
        4 => waits.prop_map(Step::Wait),
        1 => (0_usize..9).prop_map(Step::Policy),
        1 => (0_usize..600).prop_map(Step::Sweep),
        1 => (0_u32..40).prop_map(Step::Spray),
    ];
    proptest::collection::vec(step, 1..120)
}

fn who(key: usize) -> Who {
    let org = ["acme", "bolt"][key % 2];
    Who::invented(org, &format!("key-{key}"))
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_is_loaded_is_what_was_charged(steps in steps()) {
        let mut world = World::new(1 << 30, 1 << 30);
        let policies = policies(&mut world.layouts);
        let mut policy = &policies[0];
        let mut now = Now::at(1_760_000_000 * SECOND);
        // A key's own counters, and for each org those of the endpoint and the org.
        let mut known: BTreeMap<usize, (Policy, Vec<Cell>)> = BTreeMap::new();
        let mut sprayed = 0;
        for step in steps {
            match step {
                Step::Wait(nanos) => now = Now::at(now.instant.0 + nanos),
                Step::Policy(next) => policy = &policies[next],
                Step::Sweep(budget) => world.table.sweep(&world.layouts, now, budget),
                Step::Spray(count) => {
                    for _ in 0..count {
                        sprayed += 1;
                        world.ask(policy, &Who::invented("spray", &format!("{sprayed}")), 1, now);
                    }
                }
                Step::Ask { key, cost } => {
                    let mut met = world.load(policy, &who(key), now);
                    let own = met.loads[0].len;
                    let before = known.get(&key);
                    let expected = &carried(policy, before, now)[..own];
                    let fresh = &carried(policy, None, now)[..own];
                    let forgotten = &met.cells[..own] == fresh && forgotten_rightly(&world, before, 0, now);
                    prop_assert!(
                        &met.cells[..own] == expected || forgotten,
                        "{:?} instead of {:?}", &met.cells[..own], expected
                    );
                    if cost > 0 && fits(policy, &met.cells, cost, now) {
                        admit(policy, &mut met.cells, cost, now);
                        known.insert(key, (policy.clone(), met.cells.clone()));
                        world.store(&mut met, now);
                        let again = world.load(policy, &who(key), now);
                        prop_assert_eq!(&again.cells[..own], &known[&key].1[..own]);
                    }
                }
            }
            prop_assert_eq!(world.memory.taken(), world.table.bytes());
            world.check_accounts();
        }
        prop_assert_eq!(world.table.stats().coarsened, 0);
        prop_assert_eq!(world.table.stats().overflowed, 0);
    }

    #[test]
    fn the_same_history_gives_the_same_bytes(steps in steps()) {
        let live = || {
            let mut world = World::new(64 << 10, 16 << 10);
            let policies = policies(&mut world.layouts);
            let (mut policy, mut now, mut sprayed) = (&policies[0], Now::at(1 << 60), 0);
            for step in &steps {
                match step {
                    Step::Wait(nanos) => now = Now::at(now.instant.0 + nanos),
                    Step::Policy(next) => policy = &policies[*next],
                    Step::Sweep(budget) => world.table.sweep(&world.layouts, now, *budget),
                    Step::Spray(count) => {
                        for _ in 0..*count {
                            sprayed += 1;
                            world.ask(policy, &Who::invented("spray", &format!("{sprayed}")), 1, now);
                        }
                    }
                    Step::Ask { key, cost } => {
                        world.ask(policy, &who(*key), *cost, now);
                    }
                }
            }
            (world.bytes(), world.table.stats(), world.table.bytes())
        };
        prop_assert!(live() == live());
    }
}

/// Several entries of one request are loaded before any is stored: no idle one among them is swept away meanwhile.
#[test]
fn an_idle_entry_that_is_loaded_is_not_swept_away_by_its_neighbours() {
    let mut world = World::new(1 << 30, 1 << 30);
    let policy = Policy::minute_and_hour(&mut world.layouts, 60, 1_000);
    let begin = Now::at(1 << 60);
    assert!(world.ask(&policy, &Who::invented("acme", "first"), 1, begin));
    // The endpoint's entry is idle when the second key comes, which needs an entry of its own.
    let later = Now::at((1 << 60) + 2 * HOUR);
    for _ in 0..8 {
        assert!(world.ask(&policy, &Who::invented("acme", "second"), 1, later));
        world.check_accounts();
    }
    let met = world.load(&policy, &Who::invented("acme", "second"), later);
    let used: Vec<u64> = rules(&policy)
        .zip(&met.cells)
        .map(|(rule, cell)| cell.used(&rule, later))
        .collect();
    assert_eq!(used, [8, 8, 8, 8]);
}

/// A changed algorithm starts full as of the last charge: asking again and again does not keep it full.
#[test]
fn another_algorithm_starts_full_once() {
    let mut world = World::new(1 << 30, 1 << 30);
    let policies = policies(&mut world.layouts);
    let (sliding_minute, bucket) = (&policies[0], &policies[7]);
    let (key, begin) = (who(0), 1_u64 << 60);
    assert!(world.ask(sliding_minute, &key, 1, Now::at(begin)));
    // Of what the hour became, nine units at two a minute, the first is back after half a minute.
    let first = (1..3_600).find(|tenths| world.ask(bucket, &key, 1, Now::at(begin + tenths * SECOND / 10)));
    assert!(first.is_some_and(|tenths| (299..=302).contains(&tenths)), "{first:?}");
    assert!(!world.ask(bucket, &key, 1, Now::at(begin + 31 * SECOND)));
    // Nothing that counts is left after a long time, whether it was swept or not.
    let late = Now::at(begin + 100 * HOUR);
    assert!(world.ask(&policies[8], &key, 100, late));
    assert!(world.ask(&policies[5], &key, 5, Now::at(begin + 200 * HOUR)));
}
