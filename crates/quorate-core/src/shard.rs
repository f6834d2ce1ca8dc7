//! A shard: everything that is decided under one lock. All of an org is in one shard, so that whatever belongs to it
//! is decided in one place, atomically.
//!
//! A decision loads copies of the cells it meets, judges those, and stores them back if it charged them. A denied
//! request stores nothing and so changes no later answer.

mod batch;
mod judge;
mod keep;
mod pools;
mod quotas;
mod statuses;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use batch::Batch;
pub use judge::Decision;
pub use keep::Restoring;
pub use tally::{Change, Tallied, Tally};

use self::quotas::Drafts;
use crate::accounts::Accounts;
use crate::answer::{DecisionId, Reason, Status};
use crate::charge::{Seat, Seats, cost_of};
use crate::limit::COUNTERS_PER_REQUEST_MAX;
use crate::pools::Pools;
use crate::replay::Replays;
use crate::request::ChargeMode;
use crate::slots::{Holder, Holding, Slots, Tenant};
use crate::state::cell::Rule;
use crate::state::cells::Cells;
use crate::state::fingerprint::{Account, HashKey, Owner, keyed_hash};
use crate::state::layout::Layouts;
use crate::state::memory::Memory;
use crate::state::table::{Loaded, Meeting, Table, TableStats};
use crate::terms::Terms;
use crate::time::{Instant, Now};
use crate::usage::{Usage, Whose};

/// Table slots that one step of housekeeping looks at.
const SWEEP_PER_STEP: usize = 256;

/// One request, with what the policy says applies to it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a, 'p> {
    /// The org.
    pub org: &'a str,
    /// The account of the org.
    pub account: Account,
    /// The key.
    pub key: &'a str,
    /// The catalogue entry.
    pub endpoint: &'a str,
    /// Attributes, by name.
    pub attributes: &'a [(&'a str, &'a str)],
    /// What applies.
    pub terms: &'a Terms<'p>,
    /// How the limits are charged.
    pub mode: ChargeMode,
    /// Charge nothing, hold no slot.
    pub look: bool,
    /// Give back instead of charging.
    pub refund: bool,
    /// The number of the decision.
    pub decision_id: DecisionId,
}

/// Where the status of each limit of a request goes, if it is wanted.
pub type Statuses<'v, 'p> = Option<&'v mut Vec<Status<'p>>>;

/// Everything that is decided under one lock.
#[derive(Debug)]
pub struct Shard {
    hash_key: HashKey,
    table: Table,
    slots: Slots,
    accounts: Accounts,
    pools: Pools,
    usage: Usage,
    replays: Replays,
    /// The newest policy and layouts that anything was decided by.
    generation: u64,
    /// The latest instant that something was charged at: time that goes back is a stopped clock.
    latest: Instant,
    /// The latest wall time that something was charged or given back at: fixed windows never go back.
    latest_wall: Instant,
    cells: Cells,
    loads: Vec<Loaded>,
}

impl Shard {
    /// An empty shard.
    #[must_use]
    pub fn new(hash_key: HashKey, memory: Arc<Memory>, org_bytes_max: u64) -> Self {
        Self {
            hash_key,
            table: Table::new(hash_key, memory, org_bytes_max),
            slots: Slots::default(),
            accounts: Accounts::default(),
            pools: Pools::default(),
            usage: Usage::default(),
            replays: Replays::default(),
            generation: 0,
            latest: Instant::default(),
            latest_wall: Instant::default(),
            cells: Cells::default(),
            loads: Vec::with_capacity(COUNTERS_PER_REQUEST_MAX),
        }
    }

    /// Whether a decision by what is in force in the `generation`-th place may be made here: not after one by something
    /// newer, whose carried-over entries it would undo and whose layouts it does not know.
    pub fn accepts(&mut self, generation: u64) -> bool {
        let accepted = generation >= self.generation;
        self.generation = self.generation.max(generation);
        accepted
    }

    /// Decides one request, and charges it if it passes and is not only a look.
    pub fn decide<'p>(
        &mut self,
        layouts: &Layouts,
        ask: &Ask<'_, 'p>,
        now: Now,
        statuses: Statuses<'_, 'p>,
    ) -> Decision<'p> {
        let mut decision = Decision::default();
        self.decide_into(layouts, ask, now, statuses, &mut decision);
        decision
    }

    /// As [`Shard::decide`], written over `decision`, a new one: it is large, and on the way of every request.
    pub fn decide_into<'p>(
        &mut self,
        layouts: &Layouts,
        ask: &Ask<'_, 'p>,
        now: Now,
        statuses: Statuses<'_, 'p>,
        decision: &mut Decision<'p>,
    ) {
        let now = self.not_before_latest(now);
        let (mut cells, mut loads) = (core::mem::take(&mut self.cells), core::mem::take(&mut self.loads));
        cells.clear();
        loads.clear();
        let mut seats = Seats::new();
        let owner = owner(ask);
        self.seat(
            (ask, owner),
            now,
            &mut seats,
            |table, meeting, group, cells| {
                let pending = loads.len();
                let loaded = table.load(layouts, meeting, group, pending, cells)?;
                loads.push(loaded);
                Some(())
            },
            &mut cells,
        );
        let holder = self.holder(ask);
        let held = self.holding(ask, holder, &[], now);
        let mut drafts = Drafts::new();
        self.draft(&mut drafts, (ask, owner), now, |_| None);
        let mut loan = self.loan(ask, &seats, &mut cells, now, |_| None);
        let beside = judge::Beside {
            quotas: &mut drafts,
            loan: loan.as_mut(),
            held,
        };
        judge::judge(&seats, &mut cells, beside, ask, now, statuses, decision);
        if decision.charged {
            for loaded in loads
                .iter()
                .filter(|loaded| decision.changed.any(loaded.first, loaded.len))
            {
                let mine = &mut cells[loaded.first..loaded.first + loaded.len];
                self.table.store(layouts, loaded, mine);
            }
            self.table.settle(layouts, now);
            self.passed(now);
            self.hold(ask, holder, decision, now);
            self.count(ask, decision.reason, now);
            self.store_quotas(&drafts);
        }
        if decision.lacks_units {
            self.need_quotas(&drafts, ask.look);
        }
        if let Some(loan) = &loan
            && self.settle_loan(loan, ask, &seats, decision.changed)
        {
            self.book_loan(loan, &cells, now);
        }
        (self.cells, self.loads) = (cells, loads);
    }

    /// Puts the counters of a request into `seats`, with their cells placed by `place`.
    fn seat<'p>(
        &mut self,
        (ask, owner): (&Ask<'_, 'p>, Owner<'_>),
        now: Now,
        seats: &mut Seats<'p>,
        mut place: impl FnMut(&mut Table, &Meeting<'_, 'p>, &'p crate::limit::Group, &mut Cells) -> Option<()>,
        cells: &mut Cells,
    ) {
        let terms = ask.terms;
        let meeting = Meeting {
            owner,
            declared: terms.declared,
            org_declared: terms.org_declared,
            factors: terms.factors,
            now,
        };
        for group in terms.groups() {
            if place(&mut self.table, &meeting, group, cells).is_none() {
                continue;
            }
            // The policy bounds the limits of a request. A surplus must not go uncounted: it would let someone through.
            for limit in &group.limits {
                seats.push(Seat {
                    rule: Rule::new(limit, terms.factors, group.bearing()),
                    cost: cost_of(limit.counts, limit.role, &terms.amounts),
                });
            }
        }
    }

    fn holder(&self, ask: &Ask<'_, '_>) -> Option<Holder> {
        ask.terms
            .slot
            .map(|slot| Holder::of(&self.hash_key, ask.org, ask.key, slot.name))
    }

    /// What the key of a request holds of the slots it asks for, when `taking` are about to be taken.
    fn holding(&mut self, ask: &Ask<'_, '_>, holder: Option<Holder>, taking: &[Holder], now: Now) -> Holding {
        holder.map_or_else(Holding::default, |holder| {
            self.slots
                .holding(&self.hash_key, tenant(ask), holder, taking, now.instant)
        })
    }

    /// Holds the slot that an allowed decision takes.
    fn hold(&mut self, ask: &Ask<'_, '_>, holder: Option<Holder>, decision: &mut Decision<'_>, now: Now) {
        if let (Some(slot), Some(holder)) = (ask.terms.slot, holder)
            && decision.takes_slot
        {
            decision.slot_held = self.slots.take(
                &self.hash_key,
                tenant(ask),
                holder,
                ask.decision_id,
                slot.ttl_ns,
                now.instant,
            );
        }
    }

    /// Counts what a decision used. To be called once for every decision that was charged.
    pub fn count(&mut self, ask: &Ask<'_, '_>, reason: Reason, now: Now) {
        let whose = Whose {
            org: ask.org,
            key: ask.key,
            endpoint: ask.endpoint,
        };
        if ask.refund {
            self.usage.refund(&self.hash_key, whose, &ask.terms.amounts, now.wall);
        } else if reason == Reason::Ok {
            self.usage.charge(&self.hash_key, whose, &ask.terms.amounts, now.wall);
        }
    }

    /// What was used.
    pub fn usage(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// Gives a slot back; whether it was held.
    pub fn release_slot(&mut self, org: &str, decision: DecisionId, now: Now) -> bool {
        self.slots.release(&self.hash_key, org, decision, now.instant)
    }

    /// Starts a slot's time to live anew; its length in nanoseconds, or `None` if it is not held.
    pub fn extend_slot(&mut self, org: &str, decision: DecisionId, now: Now) -> Option<u64> {
        self.slots.extend(&self.hash_key, org, decision, now.instant)
    }

    /// The answers kept for operation ids.
    pub fn replays(&mut self) -> &mut Replays {
        &mut self.replays
    }

    /// The local balances of durable quotas.
    pub fn accounts(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    /// The durable burst pools.
    pub fn pools(&mut self) -> &mut Pools {
        &mut self.pools
    }

    /// Hashes what an operation is recognised by.
    #[must_use]
    pub fn hash<'t>(&self, texts: impl IntoIterator<Item = &'t [u8]>) -> u128 {
        keyed_hash(&self.hash_key, texts)
    }

    /// One small step of housekeeping: idle counters, expired slots and operation ids.
    pub fn housekeep(&mut self, layouts: &Layouts, now: Now) {
        let now = self.not_before_latest(now);
        self.table.sweep(layouts, now, SWEEP_PER_STEP);
        self.passed(now);
        self.slots.step(now.instant);
        self.pools.step(now.instant);
        self.replays.step(now.instant);
    }

    /// Entries that live, and their bytes.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        (self.table.len(), self.table.bytes())
    }

    /// The slots held.
    #[must_use]
    pub const fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Operation ids remembered, and those forgotten early.
    #[must_use]
    pub fn remembered(&self) -> (usize, u64) {
        (self.replays.len(), self.replays.evicted())
    }

    /// What happened to the table.
    #[must_use]
    pub const fn table_stats(&self) -> TableStats {
        self.table.stats()
    }

    fn not_before_latest(&self, now: Now) -> Now {
        Now {
            instant: now.instant.max(self.latest),
            wall: now.wall.max(self.latest_wall),
        }
    }

    /// Time does not go back behind `now`: something was charged or given back at it.
    fn passed(&mut self, now: Now) {
        (self.latest, self.latest_wall) = (now.instant, now.wall);
    }
}

/// The org that a request's slot is counted on.
const fn tenant<'a>(ask: &Ask<'a, '_>) -> Tenant<'a> {
    Tenant {
        org: ask.org,
        declared: ask.terms.org_declared,
    }
}

/// Whom a request's counters and quotas belong to.
const fn owner<'a>(ask: &Ask<'a, '_>) -> Owner<'a> {
    Owner {
        org: ask.org,
        account: ask.account,
        key: ask.key,
        endpoint: ask.endpoint,
        attributes: ask.attributes,
    }
}
