//! What state costs, as the allocator counts it, at a million keys of 33 bytes; and that a decision on known keys
//! allocates nothing. Figures are printed: `cargo test -p quorate-core --test memory -- --nocapture`.

use std::alloc::System;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Clock};

use quorate_core::answer::{DecisionId, Reason};
use quorate_core::factor::Factors;
use quorate_core::limit::{Algorithm, Counts, Group, Limit, MeterId, Mode, Per, PoolMode, Precision, Role, Scope};
use quorate_core::pools::PoolWish;
use quorate_core::pools::ledger::Wish;
use quorate_core::request::ChargeMode;
use quorate_core::shard::{Ask, Decision, Shard};
use quorate_core::state::fingerprint::Account;
use quorate_core::state::layout::Layouts;
use quorate_core::state::memory::Memory;
use quorate_core::terms::{Amounts, Terms};
use quorate_core::time::{Instant, Now, Period, SECOND};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One test at a time: all of them count the allocations of the whole process.
static COUNTING: Mutex<()> = Mutex::new(());

const KEYS: u32 = 1_000_000;
const START: u64 = 1_760_000_000 * SECOND;

fn sliding(seconds: u64) -> Algorithm {
    Algorithm::SlidingWindow {
        window: Period::from_secs(seconds).expect("not zero"),
        precision: Precision::Standard,
    }
}

fn limit(name: &str, role: Role, algorithm: Algorithm, capacity: u64) -> Limit {
    Limit {
        name: name.into(),
        role,
        algorithm,
        capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: "requests".into(),
        mode: Mode::Enforce,
        warn_at: Some(80),
        order: 0,
    }
}

/// A shard and the limits of its keys.
struct World {
    layouts: Layouts,
    shard: Shard,
    groups: Vec<Group>,
}

impl World {
    /// One group of limits a key, and a second one that belongs to the org.
    fn new(of_key: Vec<Limit>, of_org: Vec<Limit>) -> Self {
        let mut layouts = Layouts::default();
        let lists = [(true, of_key), (false, of_org)];
        let groups = lists.into_iter().filter(|(_, limits)| !limits.is_empty());
        let groups = groups.map(|(key, limits)| Group {
            scope: Scope::Plan,
            per: Per { key, ..Per::default() },
            layout: layouts.intern(&limits).expect("few layouts"),
            limits: limits.into_boxed_slice(),
        });
        let groups = groups.collect();
        let memory = Arc::new(Memory::new(u64::MAX / 2));
        Self {
            shard: Shard::new([7; 16], memory, u64::MAX / 2),
            layouts,
            groups,
        }
    }

    /// Asks for `cost` of the key of that number.
    fn ask(&mut self, number: u32, cost: u64, mode: ChargeMode, nanos: u64) -> Decision<'_> {
        let key = key(number);
        let mut amounts = Amounts::default();
        amounts.0[0] = cost;
        let terms = Terms {
            plan_groups: &self.groups,
            endpoint_groups: &[],
            plan_quotas: &[],
            org_quotas: &[],
            factors: Factors::default(),
            slot: None,
            amounts,
            declared: false,
            org_declared: false,
        };
        let ask = Ask {
            org: "acme",
            account: Account::default(),
            key: core::str::from_utf8(&key).expect("digits"),
            endpoint: "GET /api/v1/things",
            attributes: &[],
            terms: &terms,
            mode,
            look: false,
            refund: false,
            decision_id: DecisionId(u128::from(number)),
        };
        self.shard.decide(&self.layouts, &ask, Now::at(nanos), None)
    }

    /// Every key asks for `cost` and gets it.
    fn all_ask(&mut self, cost: u64, mode: ChargeMode, nanos: u64) {
        for number in 0..KEYS {
            assert_eq!(self.ask(number, cost, mode, nanos).reason, Reason::Ok);
        }
    }

    /// Every key is refused.
    fn all_are_refused(&mut self, cost: u64, nanos: u64) {
        for number in (0..KEYS).step_by(1_001) {
            let decision = self.ask(number, cost, ChargeMode::AllOrNone, nanos);
            assert_eq!(decision.reason, Reason::RateLimited);
        }
    }
}

/// 33 bytes, written without an allocation.
fn key(number: u32) -> [u8; 33] {
    let mut key = *b"key-00000000000000000000000000000";
    let mut rest = number;
    for place in key.iter_mut().rev().take(10) {
        *place = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
    }
    key
}

/// Bytes that live since `region` began, per key in hundredths.
fn bytes_per_key(region: &Region<'_, System>) -> usize {
    let change = region.change();
    (change.bytes_allocated - change.bytes_deallocated) * 100 / usize::try_from(KEYS).expect("a small number")
}

fn report(what: &str, hundredths: usize) {
    println!("{what}: {}.{:02} bytes a key", hundredths / 100, hundredths % 100);
}

#[test]
fn one_limit_of_sixty_a_minute() {
    let _alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let region = Region::new(ALLOCATOR);
    let mut world = World::new(vec![limit("per-minute", Role::Lifted, sliding(60), 60)], Vec::new());
    world.all_ask(7, ChargeMode::AllOrNone, START);
    world.all_ask(5, ChargeMode::AllOrNone, START + SECOND);
    let few = bytes_per_key(&region);
    report("60/min, 12 units live", few);
    assert!(few <= 64 * 100, "{few} hundredths of a byte");

    world.all_ask(16, ChargeMode::AllOrNone, START + 2 * SECOND);
    let some = bytes_per_key(&region);
    report("60/min, 28 units live", some);
    world.all_ask(32, ChargeMode::AllOrNone, START + 3 * SECOND);
    let saturated = bytes_per_key(&region);
    report("60/min, saturated", saturated);
    world.all_are_refused(1, START + 60 * SECOND - 1);
    assert!(saturated <= 160 * 100, "{saturated} hundredths of a byte");
}

#[test]
fn a_minute_and_an_hour_saturated() {
    let _alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let region = Region::new(ALLOCATOR);
    let limits = vec![
        limit("per-minute", Role::Lifted, sliding(60), 60),
        limit("per-hour", Role::Plain, sliding(3_600), 1_000),
    ];
    let mut world = World::new(limits, Vec::new());
    world.all_ask(8, ChargeMode::AllOrNone, START);
    report("60/min and 1,000/h, 8 units live", bytes_per_key(&region));
    // More than a minute allows, recorded, so that the hour fills in few steps.
    world.all_ask(932, ChargeMode::Record, START + SECOND);
    world.all_ask(29, ChargeMode::AllOrNone, START + 90 * SECOND);
    world.all_ask(31, ChargeMode::AllOrNone, START + 100 * SECOND);
    let saturated = bytes_per_key(&region);
    report("60/min and 1,000/h, both saturated", saturated);
    world.all_are_refused(1, START + 101 * SECOND);
    // The minute's units are back, the hour's are not.
    world.all_are_refused(1, START + 200 * SECOND);
    assert!(saturated <= 300 * 100, "{saturated} hundredths of a byte");
}

/// Every insert does the same in each run, so that what is slow in only some was not the table's doing, but that of a
/// machine that is busy with other things: then it is run again.
#[test]
fn growing_to_a_million_keys_stops_nobody_for_a_millisecond() {
    const LONGEST: Duration = Duration::from_millis(1);
    const RUNS_MAX: u32 = 20;
    let _alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fastest = vec![Duration::MAX; usize::try_from(KEYS).expect("a small number")];
    let mut runs = 0;
    while runs < RUNS_MAX && fastest.iter().any(|fastest| *fastest >= LONGEST) {
        runs += 1;
        let mut world = World::new(vec![limit("per-minute", Role::Lifted, sliding(60), 60)], Vec::new());
        for (number, fastest) in (0..KEYS).zip(&mut fastest) {
            let begin = Clock::now();
            let reason = world.ask(number, 1, ChargeMode::AllOrNone, START).reason;
            *fastest = begin.elapsed().min(*fastest);
            assert_eq!(reason, Reason::Ok);
        }
    }
    let worst = fastest.iter().max().copied().unwrap_or_default();
    let all: Duration = fastest.iter().sum();
    println!(
        "growing to {KEYS} keys, {runs} times: worst insert {worst:?}, mean {:?}",
        all / KEYS
    );
    assert!(worst < LONGEST, "{worst:?}");
}

#[test]
fn a_decision_on_known_keys_allocates_nothing() {
    const KNOWN: u32 = 2_000;
    let _alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let hour = Period::from_secs(3_600).expect("not zero");
    let pool = Algorithm::Pool {
        refill: 200,
        every: hour,
        mode: PoolMode::Overflow,
    };
    let bucket = Algorithm::TokenBucket {
        refill: 1_000,
        every: hour,
    };
    let of_key = vec![
        limit("per-minute", Role::Lifted, sliding(60), 60),
        limit("per-hour", Role::Plain, sliding(3_600), 1_000),
        limit("smooth", Role::Plain, bucket, 1_000),
        limit("fixed", Role::Plain, Algorithm::FixedWindow { window: hour }, 1_000),
        limit("burst", Role::Allowance, sliding(60), 10),
    ];
    let mut world = World::new(of_key, vec![limit("pool", Role::Pool, pool, 200)]);
    // Grown: every key was saturated before.
    for second in 0..80 {
        for number in 0..KNOWN {
            world.ask(number, 1, ChargeMode::AllOrNone, START + second * SECOND);
        }
    }
    let mut fewest = usize::MAX;
    for round in 0..5 {
        let (mut allowed, mut denied) = (0_u32, 0_u32);
        let begin = START + (100 + 100 * round) * SECOND;
        let region = Region::new(ALLOCATOR);
        for step in 0..70 {
            for number in 0..KNOWN {
                let reason = world
                    .ask(number, 1, ChargeMode::AllOrNone, begin + step * SECOND / 10)
                    .reason;
                if reason == Reason::Ok {
                    allowed += 1;
                } else {
                    denied += 1;
                }
            }
        }
        let change = region.change();
        // The test's own thread is not the only one: another may have allocated in one of the rounds.
        fewest = fewest.min(change.allocations + change.reallocations);
        assert!(allowed > 0 && denied > 0, "{allowed} allowed, {denied} denied");
    }
    assert_eq!(fewest, 0, "allocations in 140,000 decisions");
}

#[test]
fn a_draw_from_a_known_durable_pool_allocates_nothing() {
    let _alone = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
    let pool = Algorithm::Pool {
        refill: 1,
        every: Period::from_secs(3_600).expect("not zero"),
        mode: PoolMode::Ceiling,
    };
    let of_key = vec![limit("per-minute", Role::Plain, sliding(60), 1_000_000)];
    let mut world = World::new(of_key, vec![limit("pool", Role::Pool, pool, 1_000_000)]);
    world.shard.pools().make_durable();
    let mut at = START;
    let mut ask = |world: &mut World| {
        at += SECOND / 1_000;
        world.ask(1, 1, ChargeMode::AllOrNone, at).reason
    };
    assert_eq!(ask(&mut world), Reason::PoolExhausted);
    settle(&mut world.shard);
    assert_eq!(ask(&mut world), Reason::PoolExhausted);
    settle(&mut world.shard);
    let mut fewest = usize::MAX;
    for _ in 0..5 {
        let region = Region::new(ALLOCATOR);
        for _ in 0..9_000 {
            assert_eq!(ask(&mut world), Reason::Ok);
        }
        fewest = fewest.min(region.change().allocations);
        // A chunk is 50,000, and half of it the low water.
        settle(&mut world.shard);
    }
    assert_eq!(fewest, 0);
}

/// The store does at once what pools wish.
fn settle(shard: &mut Shard) {
    let mut wishes = Vec::new();
    shard.pools().wishes(10, |wish| wishes.push(wish));
    for PoolWish { id, wish, .. } in wishes {
        shard.pools().told(id, |ledger| match wish {
            Wish::Read => ledger.learn(None, Instant(START)),
            Wish::Write(_) => ledger.acknowledged(),
        });
    }
}
