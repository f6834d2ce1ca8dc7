//! A table, policies to put in force one after the other, and keys that ask.

use std::sync::Arc;

use crate::factor::{Bearing, Factors};
use crate::limit::{Algorithm, Counts, Group, Limit, MeterId, Mode, Per, PoolMode, Precision, Role, Scope};
use crate::state::cell::{Cell, Rule};
use crate::state::cells::Cells;
use crate::state::fingerprint::Owner;
use crate::state::layout::Layouts;
use crate::state::memory::Memory;
use crate::state::table::{Loaded, Meeting, Table};
use crate::time::{Now, SECOND};
use crate::window::exact::period;

pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 3_600 * SECOND;

/// Limits that one policy gives to a key, an endpoint of an org, and an org.
#[derive(Clone, Debug)]
pub struct Policy {
    pub groups: [Group; 3],
}

pub fn sliding(nanos: u64) -> Algorithm {
    Algorithm::SlidingWindow {
        window: period(nanos),
        precision: Precision::Standard,
    }
}

pub fn limit(name: &str, algorithm: Algorithm, capacity: u64) -> Limit {
    let role = match algorithm {
        Algorithm::Pool { .. } => Role::Pool,
        _ => Role::Plain,
    };
    Limit {
        name: Arc::from(name),
        role,
        algorithm,
        capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: Arc::from("requests"),
        mode: Mode::Enforce,
        warn_at: None,
        order: 0,
    }
}

fn group(layouts: &mut Layouts, scope: Scope, per: Per, limits: Vec<Limit>) -> Group {
    let layout = layouts.intern(&limits).expect("few layouts");
    Group {
        scope,
        per,
        limits: limits.into_boxed_slice(),
        layout,
    }
}

impl Policy {
    /// The limits of a key, with a minute for an endpoint and a pool for the org.
    pub fn new(layouts: &mut Layouts, key: Vec<Limit>, calls: u64) -> Self {
        let pool = Algorithm::Pool {
            refill: 10,
            every: period(MINUTE),
            mode: PoolMode::Overflow,
        };
        let per_key = Per {
            key: true,
            ..Per::default()
        };
        let per_endpoint = Per {
            endpoint: true,
            ..Per::default()
        };
        let calls = vec![limit("calls", sliding(MINUTE), calls)];
        let pool = vec![limit("pool", pool, 1_000_000)];
        Self {
            groups: [
                group(layouts, Scope::Plan, per_key, key),
                group(layouts, Scope::Endpoint, per_endpoint, calls),
                group(layouts, Scope::Plan, Per::default(), pool),
            ],
        }
    }

    /// A minute and an hour.
    pub fn minute_and_hour(layouts: &mut Layouts, minute: u64, hour: u64) -> Self {
        let key = vec![
            limit("minute", sliding(MINUTE), minute),
            limit("hour", sliding(HOUR), hour),
        ];
        Self::new(layouts, key, 1_000_000)
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    pub org: String,
    pub key: String,
    pub declared: bool,
    pub org_declared: bool,
}

impl Who {
    pub fn invented(org: &str, key: &str) -> Self {
        Self {
            org: org.to_owned(),
            key: key.to_owned(),
            declared: false,
            org_declared: false,
        }
    }

    pub fn declared(org: &str, key: &str) -> Self {
        Self {
            declared: true,
            org_declared: true,
            ..Self::invented(org, key)
        }
    }
}

pub struct World {
    pub table: Table,
    pub layouts: Layouts,
    pub memory: Arc<Memory>,
}

/// What a request of a key met.
#[derive(Debug)]
pub struct Met {
    pub loads: Vec<Loaded>,
    pub cells: Vec<Cell>,
}

impl World {
    pub fn new(bytes_max: u64, org_bytes_max: u64) -> Self {
        let memory = Arc::new(Memory::new(bytes_max));
        Self {
            table: Table::new([7; 16], Arc::clone(&memory), org_bytes_max),
            layouts: Layouts::default(),
            memory,
        }
    }

    /// Loads all groups for a request.
    pub fn load(&mut self, policy: &Policy, who: &Who, now: Now) -> Met {
        let owner = Owner {
            org: &who.org,
            account: self.table.account(&who.org),
            key: &who.key,
            endpoint: "GET /",
            attributes: &[],
        };
        let meeting = Meeting {
            owner,
            declared: who.declared,
            org_declared: who.org_declared,
            factors: Factors::default(),
            now,
        };
        let (mut loads, mut cells) = (Vec::new(), Cells::default());
        for group in &policy.groups {
            let pending = loads.len();
            let load = self.table.load(&self.layouts, &meeting, group, pending, &mut cells);
            loads.push(load.expect("no attributes"));
        }
        Met {
            loads,
            cells: cells.to_vec(),
        }
    }

    pub fn store(&mut self, met: &mut Met, now: Now) {
        for loaded in &met.loads {
            let mine = &mut met.cells[loaded.first..loaded.first + loaded.len];
            self.table.store(&self.layouts, loaded, mine);
        }
        self.table.settle(&self.layouts, now);
    }

    /// Asks for `cost`, charged to all limits or none; whether it passed.
    pub fn ask(&mut self, policy: &Policy, who: &Who, cost: u64, now: Now) -> bool {
        let mut met = self.load(policy, who, now);
        if !fits(policy, &met.cells, cost, now) {
            return false;
        }
        admit(policy, &mut met.cells, cost, now);
        self.store(&mut met, now);
        true
    }

    /// Every byte of every entry, in the order of the slots, and what the table counts.
    pub fn bytes(&self) -> Vec<u16> {
        let mut all = Vec::new();
        let (mut at, mut budget) = (crate::state::slab::SlotRef(0), usize::MAX);
        while let (found, Some(next)) = self.table.slab.scan(at, &mut budget) {
            if let Some(slot) = found {
                all.extend_from_slice(self.table.slab.words(slot));
            }
            at = next;
        }
        all
    }
}

pub fn rules(policy: &Policy) -> impl Iterator<Item = Rule<'_>> {
    let limits = policy.groups.iter().flat_map(|group| group.limits.iter());
    let bearing = Bearing {
        key: true,
        endpoint: true,
    };
    limits.map(move |limit| Rule::new(limit, Factors::default(), bearing))
}

pub fn fits(policy: &Policy, cells: &[Cell], cost: u64, now: Now) -> bool {
    let mut pairs = rules(policy).zip(cells);
    pairs.all(|(rule, cell)| cell.fits_at(&rule, cost, now) == Some(now.instant))
}

pub fn admit(policy: &Policy, cells: &mut [Cell], cost: u64, now: Now) {
    for (rule, cell) in rules(policy).zip(cells) {
        cell.admit(&rule, cost, now);
    }
}
