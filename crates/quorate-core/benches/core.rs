//! What a decision costs without a wire: the sliding window by itself, and whole decisions on known keys, in the cache
//! and out of it. `cargo bench -p quorate-core`; compare lines of one run, not numbers of two machines.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use quorate_core::answer::DecisionId;
use quorate_core::factor::Factors;
use quorate_core::limit::{Algorithm, Counts, Group, Limit, MeterId, Mode, Per, PoolMode, Precision, Role, Scope};
use quorate_core::request::ChargeMode;
use quorate_core::shard::{Ask, Shard};
use quorate_core::state::fingerprint::Account;
use quorate_core::state::layout::Layouts;
use quorate_core::state::memory::Memory;
use quorate_core::terms::{Amounts, Terms};
use quorate_core::time::{Instant, Now, Period, SECOND};
use quorate_core::window::sliding::{Log, Tick};

const START: u64 = 1_700_000_000 * SECOND;

fn sliding(seconds: u64) -> Algorithm {
    Algorithm::SlidingWindow {
        window: Period::from_secs(seconds).unwrap(),
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

struct Fixture {
    layouts: Layouts,
    shard: Shard,
    plan: Vec<Group>,
}

impl Fixture {
    /// A key's minute and hour, and with `burst` its allowance and the org's pool.
    fn new(burst: bool) -> Self {
        let mut layouts = Layouts::default();
        let mut of_key = vec![
            limit("per-minute", Role::Lifted, sliding(60), 60),
            limit("per-hour", Role::Plain, sliding(3_600), 1_000),
        ];
        let mut plan = Vec::new();
        if burst {
            of_key.push(limit("burst", Role::Allowance, sliding(60), 10));
        }
        let mut group = |key, limits: Vec<Limit>| {
            let layout = layouts.intern(&limits).unwrap();
            let per = Per { key, ..Per::default() };
            plan.push(Group {
                scope: Scope::Plan,
                per,
                limits: limits.into(),
                layout,
            });
        };
        group(true, of_key);
        if burst {
            let every = Period::from_secs(3_600).unwrap();
            let pool = Algorithm::Pool {
                refill: 200,
                every,
                mode: PoolMode::Overflow,
            };
            group(false, vec![limit("pool", Role::Pool, pool, 200)]);
        }
        let shard = Shard::new([7; 16], Arc::new(Memory::new(u64::MAX / 2)), u64::MAX / 2);
        Self { layouts, shard, plan }
    }

    fn ask(&mut self, key: &str, cost: u64, now: u64) -> bool {
        let mut amounts = Amounts::default();
        amounts.0[0] = cost;
        let terms = Terms {
            plan_groups: &self.plan,
            endpoint_groups: &[],
            plan_quotas: &[],
            org_quotas: &[],
            factors: Factors::default(),
            slot: None,
            amounts,
            declared: false,
            org_declared: true,
        };
        let ask = Ask {
            org: "acme",
            account: Account::default(),
            key,
            endpoint: "other",
            attributes: &[],
            terms: &terms,
            mode: ChargeMode::AllOrNone,
            look: false,
            refund: false,
            decision_id: DecisionId(0),
        };
        self.shard.decide(&self.layouts, &ask, Now::at(now), None).reason == quorate_core::answer::Reason::Ok
    }
}

fn windows(criterion: &mut Criterion) {
    let tick = Tick::of(Period::from_secs(60).unwrap());
    let mut log = Log::default();
    let mut now = START;
    criterion.bench_function("sliding window: admit at saturation, 60/min", |bench| {
        bench.iter(|| {
            now += SECOND;
            let at = Instant(black_box(now));
            if log.used(&tick, at) < 60 {
                log.admit(&tick, 1, 60, 60, at);
            }
        });
    });
}

fn decisions(criterion: &mut Criterion) {
    for (name, burst) in [("two limits", false), ("two limits, allowance and pool", true)] {
        let mut fixture = Fixture::new(burst);
        let mut now = START;
        criterion.bench_function(&format!("decide: one known key, {name}"), |bench| {
            bench.iter(|| {
                now += 4 * SECOND;
                black_box(fixture.ask("ak_0123456789abcdef0123456789abcd", 1, now))
            });
        });
        let mut fixture = Fixture::new(burst);
        while fixture.ask("k", 1, START) {}
        criterion.bench_function(&format!("decide: denied, {name}"), |bench| {
            bench.iter(|| black_box(fixture.ask("k", 1, START + SECOND)));
        });
    }
    let keys: Vec<String> = (0..1_000_000).map(|key| format!("ak_{key:030}")).collect();
    let mut fixture = Fixture::new(false);
    for key in &keys {
        fixture.ask(key, 1, START);
    }
    let (mut place, mut now) = (0, START);
    criterion.bench_function("decide: a million known keys at random, two limits", |bench| {
        bench.iter_batched(
            || {
                place = (place * 6_364_136_223 + 1_442_695_041) % keys.len();
                now += SECOND / 100_000;
                (&keys[place], now)
            },
            |(key, now)| black_box(fixture.ask(key, 1, now)),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, windows, decisions);
criterion_main!(benches);
