//! A small org for tests: a key's minute (lifted by the burst) and five minutes, the burst allowance, the org's pool, an
//! endpoint's own calls, and a second meter.

use std::sync::Arc;

use crate::answer::DecisionId;
use crate::factor::{Factor, Factors};
use crate::limit::{Algorithm, Counts, Group, Limit, MeterId, Mode, Per, PoolMode, Precision, Role, Scope};
use crate::quota::Quota;
use crate::request::ChargeMode;
use crate::shard::{Ask, Decision, Shard, Statuses};
use crate::state::layout::Layouts;
use crate::state::memory::Memory;
use crate::terms::{Amounts, SlotTerms, Terms};
use crate::time::{Now, Period, SECOND};

/// The tick of a five-minute window: instants on it are exact for every limit of the fixture.
pub const TICK: u64 = 1 << 23;

/// What the fixture's limits are.
#[derive(Clone, Debug)]
pub struct Shape {
    pub minute: u64,
    pub five: u64,
    pub allowance: Option<u64>,
    pub pool: Option<(u64, u64, PoolMode)>,
    pub calls: u64,
    pub tokens: u64,
    pub factors: Vec<Factor>,
    pub shadow_minute: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            minute: 60,
            five: 250,
            allowance: Some(10),
            pool: Some((200, 200, PoolMode::Overflow)),
            calls: 20,
            tokens: 1_000,
            factors: Vec::new(),
            shadow_minute: false,
        }
    }
}

pub struct Org {
    pub shard: Shard,
    pub layouts: Layouts,
    pub plan: Vec<Group>,
    pub endpoint: Vec<Group>,
    pub quotas: Vec<Quota>,
    pub shape: Shape,
    pub decisions: u128,
}

pub fn window(seconds: u64) -> Algorithm {
    let window = Period::from_secs(seconds).expect("a test's window is not zero");
    Algorithm::SlidingWindow {
        window,
        precision: Precision::Standard,
    }
}

pub fn limit(name: &str, role: Role, algorithm: Algorithm, capacity: u64, counts: Counts, order: u16) -> Limit {
    let meter = match counts {
        Counts::Calls => "calls".into(),
        Counts::Units(MeterId(meter)) => ["requests", "tokens"][usize::from(meter)].into(),
    };
    let mode = Mode::Enforce;
    Limit {
        name: name.into(),
        role,
        algorithm,
        capacity,
        counts,
        meter,
        mode,
        warn_at: Some(80),
        order,
    }
}

pub fn group(layouts: &mut Layouts, scope: Scope, key: bool, limits: Vec<Limit>) -> Group {
    let layout = layouts.intern(&limits).expect("a test has few layouts");
    let per = Per {
        key,
        endpoint: scope == Scope::Endpoint,
        attributes: Box::new([]),
    };
    Group {
        scope,
        per,
        limits: limits.into(),
        layout,
    }
}

impl Org {
    pub fn new(shape: Shape) -> Self {
        let units = Counts::Units(MeterId::REQUESTS);
        let mut layouts = Layouts::default();
        let mut minute = limit("per-minute", Role::Lifted, window(60), shape.minute, units, 0);
        if shape.shadow_minute {
            minute.mode = Mode::Shadow;
        }
        let mut of_key = vec![
            minute,
            limit("per-five", Role::Plain, window(300), shape.five, units, 1),
        ];
        of_key.push(limit(
            "tokens",
            Role::Plain,
            window(60),
            shape.tokens,
            Counts::Units(MeterId(1)),
            2,
        ));
        if let Some(allowance) = shape.allowance {
            of_key.push(limit("burst", Role::Allowance, window(60), allowance, units, 10));
        }
        let mut plan = vec![group(&mut layouts, Scope::Plan, true, of_key)];
        if let Some((capacity, refill, mode)) = shape.pool {
            let every = Period::from_secs(3_600).expect("an hour is not zero");
            let pool = limit(
                "pool",
                Role::Pool,
                Algorithm::Pool { refill, every, mode },
                capacity,
                units,
                11,
            );
            plan.push(group(&mut layouts, Scope::Plan, false, vec![pool]));
        }
        let calls = limit("calls", Role::Plain, window(60), shape.calls, Counts::Calls, 12);
        let endpoint = vec![group(&mut layouts, Scope::Endpoint, true, vec![calls])];
        let shard = Shard::new([7; 16], Arc::new(Memory::new(u64::MAX / 2)), u64::MAX / 2);
        Self {
            shard,
            layouts,
            plan,
            endpoint,
            quotas: Vec::new(),
            shape,
            decisions: 0,
        }
    }

    /// Decides a request of `cost` of one key on the endpoint.
    pub fn ask(&mut self, key: &str, cost: u64, now: u64) -> Decision<'_> {
        self.ask_as(key, [cost, 0], |_| {}, now)
    }

    pub fn ask_as(
        &mut self,
        key: &str,
        [requests, tokens]: [u64; 2],
        change: impl FnOnce(&mut Ask<'_, '_>),
        now: u64,
    ) -> Decision<'_> {
        self.ask_slot(key, [requests, tokens], None, change, now)
    }

    pub fn ask_slot<'o>(
        &'o mut self,
        key: &str,
        [requests, tokens]: [u64; 2],
        slot: Option<SlotTerms<'o>>,
        change: impl FnOnce(&mut Ask<'_, '_>),
        now: u64,
    ) -> Decision<'o> {
        self.ask_all(key, [requests, tokens], slot, change, now, None)
    }

    pub fn ask_all<'o>(
        &'o mut self,
        key: &str,
        [requests, tokens]: [u64; 2],
        slot: Option<SlotTerms<'o>>,
        change: impl FnOnce(&mut Ask<'_, '_>),
        now: u64,
        statuses: Statuses<'_, 'o>,
    ) -> Decision<'o> {
        let mut amounts = Amounts::default();
        (amounts.0[0], amounts.0[1]) = (requests, tokens);
        let terms = Terms {
            plan_groups: &self.plan,
            endpoint_groups: &self.endpoint,
            plan_quotas: &self.quotas,
            org_quotas: &[],
            factors: Factors {
                org: &self.shape.factors,
                ..Factors::default()
            },
            slot,
            amounts,
            declared: false,
            org_declared: true,
        };
        self.decisions += 1;
        let mut ask = Ask {
            org: "acme",
            account: crate::state::fingerprint::Account::default(),
            key,
            endpoint: "POST /scan",
            attributes: &[],
            terms: &terms,
            mode: ChargeMode::AllOrNone,
            look: false,
            refund: false,
            decision_id: DecisionId(self.decisions),
        };
        change(&mut ask);
        self.shard.decide(&self.layouts, &ask, Now::at(now), statuses)
    }
}

/// A start far from the beginning of time.
pub const START: u64 = 1_700_000_000 * SECOND / TICK * TICK;
