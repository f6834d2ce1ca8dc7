//! Laws of single counters: they count everything, each for itself, and end with their window.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::limit::{Algorithm, Counts, Group, MeterId, Per, Precision, Role, Scope};
use crate::shard::tests::fixture::limit;
use crate::shard::{Change, Shard, Tallied, Tally};
use crate::state::fingerprint::{Account, Fingerprint, Owner};
use crate::state::layout::Layouts;
use crate::state::memory::Memory;
use crate::time::{Instant, Now, Period, SECOND};

const START: u64 = 1_800_000_000 * SECOND;

struct Rig {
    shard: Shard,
    layouts: Layouts,
    groups: BTreeMap<&'static str, Group>,
}

impl Rig {
    fn new(memory_bytes: u64) -> Self {
        let mut layouts = Layouts::default();
        let period = |seconds| Period::from_secs(seconds).expect("a test's window is not zero");
        let fixed = |seconds| Algorithm::FixedWindow {
            window: period(seconds),
        };
        let sliding = Algorithm::SlidingWindow {
            window: period(3_600),
            precision: Precision::Standard,
        };
        let kinds = [("second", fixed(1)), ("hour", fixed(3_600)), ("any hour", sliding)];
        let groups = kinds.map(|(name, algorithm)| {
            let limits = [limit(
                name,
                Role::Plain,
                algorithm,
                0,
                Counts::Units(MeterId::REQUESTS),
                0,
            )];
            let group = Group {
                scope: Scope::Rule,
                per: Per {
                    key: true,
                    endpoint: true,
                    attributes: Box::default(),
                },
                layout: layouts.intern(&limits).expect("a test has few layouts"),
                limits: limits.into(),
            };
            (name, group)
        });
        Self {
            shard: Shard::new([7; 16], Arc::new(Memory::new(memory_bytes)), memory_bytes),
            layouts,
            groups: groups.into(),
        }
    }

    fn tally(&mut self, domain: &str, name: &str, window: &str, change: Change, at: u64) -> Tallied {
        let tally = Tally {
            domain,
            name,
            group: &self.groups[window],
            capacity: 10,
        };
        self.shard.tally(&self.layouts, &tally, change, Now::at(at))
    }
}

fn rig() -> Rig {
    Rig::new(64 << 20)
}

#[test]
fn a_count_goes_on_rising_beyond_its_limit() {
    let mut rig = rig();
    for total in 1..=25 {
        assert_eq!(rig.tally("d", "a", "hour", Change::Add(1), START).used, total);
    }
}

#[test]
fn a_look_changes_nothing_and_tells_the_window_even_of_a_fresh_counter() {
    let mut rig = rig();
    let fresh = rig.tally("d", "a", "hour", Change::Look, START + SECOND);
    assert_eq!(
        fresh,
        Tallied {
            used: 0,
            reset_after_ns: 3_599 * SECOND
        }
    );
    assert_eq!(rig.shard.size().0, 0, "a look leaves no entry behind");
    rig.tally("d", "a", "hour", Change::Add(3), START);
    assert_eq!(rig.tally("d", "a", "hour", Change::Look, START).used, 3);
}

#[test]
fn giving_back_ends_at_none_used() {
    let mut rig = rig();
    rig.tally("d", "a", "hour", Change::Add(5), START);
    assert_eq!(rig.tally("d", "a", "hour", Change::TakeBack(3), START).used, 2);
    assert_eq!(rig.tally("d", "a", "hour", Change::TakeBack(u64::MAX), START).used, 0);
    assert_eq!(rig.tally("d", "b", "hour", Change::TakeBack(9), START).used, 0);
}

#[test]
fn a_count_stays_at_the_largest_number() {
    let mut rig = rig();
    rig.tally("d", "a", "hour", Change::Add(u64::MAX - 1), START);
    assert_eq!(rig.tally("d", "a", "hour", Change::Add(u64::MAX), START).used, u64::MAX);
    assert_eq!(rig.tally("d", "a", "hour", Change::Look, START).used, u64::MAX);
}

#[test]
fn counters_are_apart_by_domain_name_and_window() {
    let mut rig = rig();
    rig.tally("d", "a", "hour", Change::Add(5), START);
    for (domain, name, window) in [
        ("e", "a", "hour"),
        ("d", "b", "hour"),
        ("d", "a", "second"),
        ("d", "a", "any hour"),
    ] {
        assert_eq!(
            rig.tally(domain, name, window, Change::Look, START).used,
            0,
            "{domain} {name} {window}"
        );
    }
}

#[test]
fn a_rules_counter_is_not_that_of_a_native_key_of_the_same_name() {
    let rig = rig();
    let mut native = rig.groups["hour"].clone();
    native.scope = Scope::Plan;
    let key = [7; 16];
    let owner = Owner {
        org: "d",
        account: Account::of(&key, "d"),
        key: "a",
        endpoint: "hour",
        attributes: &[],
    };
    assert_ne!(
        Fingerprint::of(&key, &owner, &rig.groups["hour"]),
        Fingerprint::of(&key, &owner, &native)
    );
}

#[test]
fn a_sliding_window_is_whole_again_when_its_last_unit_is_a_window_old() {
    let mut rig = rig();
    let fresh = rig.tally("d", "a", "any hour", Change::Look, START);
    assert_eq!(fresh, Tallied::default());
    rig.tally("d", "a", "any hour", Change::Add(4), START);
    let later = rig.tally("d", "a", "any hour", Change::Add(1), START + 600 * SECOND);
    assert_eq!(later.used, 5);
    assert!(
        (3_600 * SECOND..3_601 * SECOND).contains(&later.reset_after_ns),
        "{later:?}"
    );
    assert_eq!(
        rig.tally("d", "a", "any hour", Change::Look, START + 3_700 * SECOND)
            .used,
        1
    );
}

#[test]
fn wall_time_stepped_back_frees_nothing() {
    let mut rig = rig();
    rig.tally("d", "a", "second", Change::Add(5), START + 10 * SECOND);
    let back = Now {
        instant: Instant(START + 10 * SECOND),
        wall: Instant(START),
    };
    let tally = Tally {
        domain: "d",
        name: "a",
        group: &rig.groups["second"],
        capacity: 10,
    };
    assert_eq!(rig.shard.tally(&rig.layouts, &tally, Change::Look, back).used, 5);
}

#[test]
fn when_memory_is_short_new_names_share_a_counter_and_none_goes_uncounted() {
    let mut rig = Rig::new(256 << 10);
    let mut least = u64::MAX;
    for name in 0..40_000 {
        let name = name.to_string();
        least = rig.tally("d", &name, "hour", Change::Add(1), START).used.min(least);
    }
    assert!(rig.shard.table_stats().overflowed > 0, "the test fills the memory");
    let used = rig.tally("d", "39999", "hour", Change::Look, START).used;
    assert!(used > 10_000, "surplus names count together: {used}");
    assert_eq!(least, 1);
    let second = rig.tally("d", "39999", "second", Change::Look, START).used;
    assert_eq!(second, 0, "those of another window do not");
}

proptest! {
    /// Against sums over plain histories.
    #[test]
    fn a_fixed_window_counts_what_was_added_in_it(
        steps in prop::collection::vec((0_usize..3, 0_u64..4, 0_u64..1_500, prop::bool::weighted(0.2)), 1..60),
    ) {
        let mut rig = rig();
        let mut naive: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        let mut now = START;
        for (name, units, millis, back) in steps {
            now += millis * 1_000_000;
            let count = naive.entry((name, now / SECOND)).or_default();
            *count = if back { count.saturating_sub(units) } else { *count + units };
            let change = if back { Change::TakeBack(units) } else { Change::Add(units) };
            let found = rig.tally("d", &name.to_string(), "second", change, now);
            prop_assert_eq!(found.used, *count);
            prop_assert_eq!(found.reset_after_ns, SECOND - now % SECOND);
        }
    }
}
