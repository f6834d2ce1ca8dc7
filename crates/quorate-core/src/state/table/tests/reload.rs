//! A change of policy lets nobody through: units of one old window before it still count after it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{HOUR, MINUTE, Policy, Who, World, limit, sliding};
use crate::time::{Instant, Now, SECOND};
use crate::window::exact::{Exact, cases};

#[derive(Clone, Debug)]
enum Step {
    Ask { key: usize, cost: u64 },
    Wait(u64),
    Reload { window: u64, limit: u64 },
    Sweep(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let waits = prop_oneof![0..SECOND, 0..MINUTE, Just(MINUTE + 1), Just(2 * MINUTE), 0..HOUR];
    let windows = prop_oneof![Just(MINUTE), Just(HOUR), Just(10 * SECOND), Just(24 * HOUR)];
    let step = prop_oneof![
        8 => (0_usize..3, 1_u64..4).prop_map(|(key, cost)| Step::Ask { key, cost }),
        4 => waits.prop_map(Step::Wait),
        1 => (windows, 1_u64..9).prop_map(|(window, limit)| Step::Reload { window, limit }),
        2 => (0_usize..100).prop_map(Step::Sweep),
    ];
    proptest::collection::vec(step, 1..100)
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn intervals_from_one_old_window_before_the_reload_obey_the_new_limit(steps in steps()) {
        let mut world = World::new(1 << 30, 1 << 30);
        let policy_of = |world: &mut World, window, most| {
            Policy::new(&mut world.layouts, vec![limit("rate", sliding(window), most)], 1_000_000)
        };
        let (mut window, mut most) = (MINUTE, 5);
        let mut policy = policy_of(&mut world, window, most);
        let mut now = Now::at(1_760_000_000 * SECOND);
        let mut exact: BTreeMap<usize, (Exact, Option<Instant>)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Wait(nanos) => now = Now::at(now.instant.0 + nanos),
                Step::Sweep(budget) => world.table.sweep(&world.layouts, now, budget),
                Step::Reload { window: next, limit } => {
                    for (_, forgotten) in exact.values_mut() {
                        *forgotten = (*forgotten).max(Some(Instant(now.instant.0 - window)));
                    }
                    (window, most) = (next, limit);
                    policy = policy_of(&mut world, window, most);
                }
                Step::Ask { key, cost } => {
                    let who = Who::invented("acme", &format!("key-{key}"));
                    let begin = Some(Instant(now.instant.0 - window));
                    let (exact, forgotten) = exact.entry(key).or_insert((Exact::default(), begin));
                    if world.ask(&policy, &who, cost, now) {
                        exact.admit(cost, now.instant, 0);
                        let units = exact.after(begin.max(*forgotten));
                        prop_assert!(units <= u128::from(most), "{units} units at limit {most}");
                    }
                }
            }
        }
    }
}

/// An entry that is idle under the window it was written for may yet matter to the longer window of a new policy.
#[test]
fn a_longer_window_finds_what_a_shorter_one_had_done_with() {
    let mut world = World::new(1 << 30, 1 << 30);
    let short = Policy::new(&mut world.layouts, vec![limit("rate", sliding(MINUTE), 60)], 1_000);
    let key = Who::invented("acme", "key");
    let begin = Now::at(1 << 60);
    assert!(world.ask(&short, &key, 60, begin));
    let long = Policy::new(&mut world.layouts, vec![limit("rate", sliding(HOUR), 60)], 1_000);
    let later = Now::at((1 << 60) + 2 * MINUTE);
    world.table.sweep(&world.layouts, later, 10_000);
    assert!(!world.ask(&long, &key, 1, later));
    let later = Now::at((1 << 60) + HOUR + SECOND);
    assert!(world.ask(&long, &key, 60, later));
    world.table.sweep(&world.layouts, Now::at((1 << 60) + 3 * HOUR), 10_000);
    assert!(world.table.is_empty());
}
