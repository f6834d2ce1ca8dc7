//! Laws of durable pools in a charge: where the store answers, decisions are those of a pool in memory; where it does
//! not, nothing is lent that it may not lack, and the answer says so.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{Org, START, Shape};
use crate::answer::{Reason, Retry};
use crate::limit::PoolMode;
use crate::pools::ledger::{PoolTerms, Wish};
use crate::pools::{POOLS_MAX, PoolId, PoolWish};
use crate::request::ChargeMode;
use crate::time::{Instant, Period, SECOND};
use crate::window::pool::{Pool, Refill};

/// An org with a durable pool, and its store.
struct Durable {
    org: Org,
    rows: BTreeMap<u128, Pool>,
}

impl Durable {
    fn new(shape: Shape) -> Self {
        let mut org = Org::new(shape);
        org.shard.pools().make_durable();
        Self {
            org,
            rows: BTreeMap::new(),
        }
    }

    /// The store answers one round of wishes; how many there were.
    fn round(&mut self, now: u64) -> usize {
        let mut wishes = Vec::new();
        self.org.shard.pools().wishes(10, |wish| wishes.push(wish));
        for PoolWish { id, wish, .. } in &wishes {
            let rows = &mut self.rows;
            self.org.shard.pools().told(*id, |ledger| match wish {
                Wish::Read => ledger.learn(rows.get(&id.0).copied(), Instant(now)),
                Wish::Write(row) => {
                    rows.insert(id.0, *row);
                    ledger.acknowledged();
                }
            });
        }
        wishes.len()
    }

    fn settle(&mut self, now: u64) {
        while self.round(now) > 0 {}
    }

    /// Asks, and again when the store has answered, if it waits for that.
    fn ask(&mut self, request: Asked, now: u64) -> (Reason, u64, u64) {
        for _ in 0..4 {
            let decision = request.of(&mut self.org, now);
            let awaits = decision.awaits_pool;
            let told = (decision.reason, decision.drawn, decision.burst_remaining);
            if !awaits {
                return told;
            }
            // One round only: what was read is to be known before more is asked.
            assert!(self.round(now) > 0, "it waits for nothing");
        }
        panic!("it waits for ever");
    }
}

/// A request.
#[derive(Clone, Copy, Debug)]
struct Asked {
    key: usize,
    cost: u64,
    look: bool,
    refund: bool,
}

impl Asked {
    fn of(self, org: &mut Org, now: u64) -> super::super::Decision<'_> {
        let change = |ask: &mut super::super::Ask<'_, '_>| (ask.look, ask.refund) = (self.look, self.refund);
        org.ask_as(["a", "b", "c"][self.key], [self.cost, 0], change, now)
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let what = prop_oneof![8 => Just((false, false)), 1 => Just((true, false)), 1 => Just((false, true))];
    (0_usize..3, 1_u64..12, what).prop_map(|(key, cost, (look, refund))| Asked {
        key,
        cost,
        look,
        refund,
    })
}

fn small(mode: PoolMode, capacity: u64, refill: u64) -> Shape {
    Shape {
        minute: 10,
        five: 10_000,
        allowance: Some(15),
        pool: Some((capacity, refill, mode)),
        calls: 10_000,
        ..Shape::default()
    }
}

fn mode() -> impl Strategy<Value = PoolMode> {
    prop_oneof![Just(PoolMode::Overflow), Just(PoolMode::Ceiling)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_store_that_answers_changes_no_decision(
        mode in mode(),
        capacity in 1_u64..60,
        refill in 1_u64..4_000,
        requests in prop::collection::vec((asked(), 0..20 * SECOND), 1..60),
    ) {
        let mut plain = Org::new(small(mode, capacity, refill));
        let mut durable = Durable::new(small(mode, capacity, refill));
        let mut now = START;
        // Known from the start: an unknown pool is told of as if it were full.
        let first = Asked { key: 0, cost: 1, look: true, refund: false };
        durable.ask(first, now);
        for (request, passes) in requests {
            now += passes;
            let expected = request.of(&mut plain, now);
            let expected = (expected.reason, expected.drawn, expected.burst_remaining);
            prop_assert_eq!(durable.ask(request, now), expected, "{:?}", request);
        }
    }
}

#[test]
fn what_is_not_deducted_is_not_lent_and_says_when_to_come_back() {
    for (mode, reason) in [
        (PoolMode::Overflow, Reason::RateLimited),
        (PoolMode::Ceiling, Reason::PoolExhausted),
    ] {
        let mut durable = Durable::new(small(mode, 100, 1));
        for _ in 0..2 {
            let denied = durable.org.ask("a", 12, START);
            assert_eq!((denied.reason, denied.retry), (reason, Retry::After(50_000_000)));
            assert!(denied.awaits_pool && !denied.degraded);
            durable.round(START);
        }
        let passed = durable.org.ask("a", 12, START);
        assert!(passed.reason == Reason::Ok && !passed.awaits_pool, "{passed:?}");
        assert_eq!(passed.drawn, if mode == PoolMode::Ceiling { 12 } else { 2 });
    }
}

#[test]
fn while_the_store_is_away_the_answer_says_so_and_nobody_waits() {
    let mut durable = Durable::new(small(PoolMode::Ceiling, 100, 1));
    durable.org.shard.pools().set_away(true);
    let denied = durable.org.ask("a", 1, START);
    assert_eq!(
        (denied.reason, denied.retry),
        (Reason::PoolExhausted, Retry::After(SECOND))
    );
    assert!(denied.degraded && !denied.awaits_pool);
    durable.org.shard.pools().set_away(false);
    for _ in 0..2 {
        durable.org.ask("a", 1, START);
        durable.settle(START);
    }
    durable.org.shard.pools().set_away(true);
    let passed = durable.org.ask("a", 1, START);
    assert!(
        passed.reason == Reason::Ok && passed.degraded,
        "it is lent what is deducted: {passed:?}"
    );
    durable.org.shard.pools().set_away(false);
    assert!(!durable.org.ask("a", 1, START).degraded);
}

#[test]
fn who_is_denied_while_the_store_is_away_is_not_deducted_for_afterwards() {
    let mut durable = Durable::new(small(PoolMode::Ceiling, 100, 1));
    durable.org.ask("a", 1, START);
    durable.settle(START);
    durable.org.shard.pools().set_away(true);
    for _ in 0..50 {
        durable.org.ask("a", 10, START);
    }
    durable.org.shard.pools().set_away(false);
    durable.settle(START);
    let (_, row) = durable.rows.first_key_value().expect("it was written");
    assert!(row.missing <= 10, "{row:?}");
}

#[test]
fn what_is_charged_whatever_there_is_borrows_only_what_the_row_lacks() {
    let mut durable = Durable::new(small(PoolMode::Overflow, 100, 1));
    let record = |durable: &mut Durable| {
        let told = durable
            .org
            .ask_as("a", [12, 0], |ask| ask.mode = ChargeMode::Record, START);
        assert!(told.reason == Reason::Ok && !told.awaits_pool, "{told:?}");
        told.drawn
    };
    assert_eq!(record(&mut durable), 0, "nobody knows the row");
    durable.settle(START);
    assert_eq!(
        durable.org.ask("a", 1, START).drawn,
        1,
        "its own limit was charged in full"
    );
}

#[test]
fn what_is_recorded_in_spite_of_a_quota_borrows_only_what_the_row_lacks() {
    let mut durable = Durable::new(small(PoolMode::Overflow, 100, 1));
    durable.org.quotas.push(super::quotas::quota_of(1));
    let told = durable
        .org
        .ask_as("a", [12, 0], |ask| ask.mode = ChargeMode::Record, START);
    assert_eq!((told.reason, told.drawn), (Reason::Ok, 0), "nobody knows the row");
}

#[test]
fn where_no_more_pools_can_be_kept_nobody_waits() {
    let mut durable = Durable::new(small(PoolMode::Ceiling, 100, 1));
    let refill = Refill::steady(1, Period::from_secs(1).expect("not zero"));
    let (terms, name) = (PoolTerms::new(1, 1, &refill), "pool".into());
    for id in (0..).take(POOLS_MAX) {
        assert!(durable.org.shard.pools().keep(PoolId(id), "o", &name, terms));
    }
    let denied = durable.org.ask("a", 1, START);
    assert_eq!(denied.reason, Reason::PoolExhausted);
    assert!(denied.degraded && !denied.awaits_pool, "{denied:?}");
    assert_eq!(durable.org.shard.pools().size(), (POOLS_MAX, 1));
}

#[test]
fn looks_have_a_chunk_deducted_and_no_more() {
    let mut durable = Durable::new(small(PoolMode::Ceiling, 100, 1));
    let look = Asked {
        key: 0,
        cost: 20,
        look: true,
        refund: false,
    };
    for _ in 0..3 {
        assert_eq!(durable.ask(look, START).0, Reason::Ok);
        durable.settle(START);
    }
    let (_, row) = durable.rows.first_key_value().expect("it was written");
    assert_eq!(row.missing, 5);
}

#[test]
fn what_denies_anyway_asks_the_store_for_nothing() {
    let shape = Shape {
        calls: 1,
        ..small(PoolMode::Ceiling, 100, 1)
    };
    let mut durable = Durable::new(shape);
    let one = Asked {
        key: 0,
        cost: 1,
        look: false,
        refund: false,
    };
    assert_eq!(durable.ask(one, START).0, Reason::Ok);
    durable.settle(START);
    let denied = durable.org.ask("a", 50, START);
    assert!(denied.reason != Reason::Ok && !denied.awaits_pool);
    assert_eq!(durable.round(START), 0);
}

#[test]
fn what_is_charged_whatever_there_is_is_deducted_behind() {
    let mut durable = Durable::new(small(PoolMode::Ceiling, 100, 1));
    // Before anything is known of the row, and after.
    for (recorded, used) in [(30, 30), (20, 50)] {
        let told = durable
            .org
            .ask_as("a", [recorded, 0], |ask| ask.mode = ChargeMode::Record, START);
        assert_eq!(told.reason, Reason::Ok);
        durable.settle(START);
        let (_, row) = durable.rows.first_key_value().expect("it was written");
        assert!((used..used + 10).contains(&row.missing), "{row:?}");
    }
}

#[test]
fn a_batch_asks_for_what_all_its_requests_draw() {
    // The nine units are more than a crowd is given at once.
    let mut durable = Durable::new(small(PoolMode::Ceiling, 20, 1));
    durable.settle(START);
    for expected in [false, false, true] {
        let (_, all) = super::cases::batch(&mut durable.org, &[3, 3, 3]);
        assert_eq!(all, expected);
        durable.round(START);
    }
    durable.settle(START);
    let (_, row) = durable.rows.first_key_value().expect("it was written");
    assert!(row.missing >= 9, "{row:?}");
}
