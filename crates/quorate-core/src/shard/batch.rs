//! Several requests of one org, charged all together or not at all. Each is judged on the copies that those before it
//! have charged; the copies are stored only when all passed.

use std::collections::BTreeMap;

use super::pools::Lent;
use super::quotas::{Drafts, Lack};
use super::{Ask, Decision, Shard, Statuses, judge, quotas};
use crate::accounts::AccountId;
use crate::balance::Balance;
use crate::charge::Seats;
use crate::limit::Group;
use crate::pools::PoolId;
use crate::slots::Holder;
use crate::state::cells::Cells;
use crate::state::fingerprint::Fingerprint;
use crate::state::layout::Layouts;
use crate::state::table::{Loaded, Meeting, Table};
use crate::time::Now;

/// A batch in the making.
#[derive(Debug, Default)]
pub struct Batch {
    cells: Cells,
    loads: Vec<Loaded>,
    places: BTreeMap<[u16; 6], usize>,
    /// What earlier requests have left of the quotas they met.
    balances: BTreeMap<AccountId, Balance>,
    /// What they have made of the durable pools.
    lent: BTreeMap<PoolId, Lent>,
    /// Units that they lack of them.
    lacking: BTreeMap<PoolId, u64>,
    /// Units that they lack of quotas.
    short: BTreeMap<AccountId, Lack>,
    /// Slots that earlier requests of the batch will take.
    taking: Vec<Holder>,
    denied: bool,
    /// One of them was denied, and not for want of units that may be on their way.
    forbidden: bool,
    /// The loads whose cells were changed.
    changed: Vec<bool>,
}

impl Batch {
    /// Whether a request of it was denied.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        self.denied
    }

    /// Loads the cells of `group`, unless an earlier request of the batch has. Which load it is; `None` when the request
    /// lacks an attribute that the group is kept per.
    fn load(
        &mut self,
        table: &mut Table,
        layouts: &Layouts,
        meeting: &Meeting<'_, '_>,
        group: &Group,
    ) -> Option<usize> {
        let Fingerprint(own) = table.fingerprint(meeting, group)?;
        if let Some(load) = self.places.get(&own) {
            return Some(*load);
        }
        let pending = self.loads.len();
        self.loads
            .push(table.load(layouts, meeting, group, pending, &mut self.cells)?);
        // An overflow entry serves many fingerprints; the first that met it names it for all.
        let at = self.loads[pending].fingerprint().0;
        let load = self.places.get(&at).copied().unwrap_or(pending);
        self.places.insert(own, load);
        self.places.insert(at, load);
        Some(load)
    }
}

impl Shard {
    /// Judges the next request of a batch. Nothing is stored.
    pub fn decide_next<'p>(
        &mut self,
        batch: &mut Batch,
        layouts: &Layouts,
        ask: &Ask<'_, 'p>,
        now: Now,
        statuses: Statuses<'_, 'p>,
    ) -> Decision<'p> {
        let now = self.not_before_latest(now);
        let mut work = Cells::default();
        let mut parts = Vec::new();
        let mut seats = Seats::new();
        let owner = super::owner(ask);
        self.seat(
            (ask, owner),
            now,
            &mut seats,
            |table, meeting, group, work| {
                let load = batch.load(table, layouts, meeting, group)?;
                let loaded = batch.loads[load];
                parts.push((load, work.len()));
                work.extend(batch.cells[loaded.first..loaded.first + loaded.len].iter().copied());
                Some(())
            },
            &mut work,
        );
        let holder = self.holder(ask);
        let held = self.holding(ask, holder, &batch.taking, now);
        let mut drafts = Drafts::new();
        self.draft(&mut drafts, (ask, owner), now, |id| batch.balances.get(&id).copied());
        quotas::join(&mut drafts, &batch.short);
        let mut loan = self.loan(ask, &seats, &mut work, now, |id| batch.lent.get(&id).copied());
        if let Some(loan) = &mut loan {
            loan.join(&batch.lacking);
        }
        let mut decision = Decision::default();
        let beside = judge::Beside {
            quotas: &mut drafts,
            loan: loan.as_mut(),
            held,
        };
        judge::judge(&seats, &mut work, beside, ask, now, statuses, &mut decision);
        // A batch that something else denies spends nothing.
        batch.forbidden |= !decision.may_spend;
        if decision.lacks_units && !batch.forbidden {
            self.need_quotas(&drafts, ask.look);
            self.note_lack(&drafts, &mut batch.short);
        }
        if let Some(loan) = &loan {
            loan.note_lack(&mut batch.lacking);
            if self.settle_loan(loan, ask, &seats, decision.changed) {
                loan.note(&mut batch.lent, &work);
            }
        }
        if decision.charged {
            let left = drafts.iter().map(|draft| (draft.id, draft.balance));
            batch.balances.extend(left);
        }
        batch.denied |= decision.reason != crate::answer::Reason::Ok;
        batch.changed.resize(batch.loads.len(), false);
        for (load, from) in parts {
            let loaded = batch.loads[load];
            if decision.changed.any(from, loaded.len) {
                batch.changed[load] = true;
                let cells = &mut batch.cells[loaded.first..loaded.first + loaded.len];
                cells.copy_from_slice(&work[from..from + loaded.len]);
            }
        }
        batch.taking.extend(holder.filter(|_| decision.takes_slot));
        decision
    }

    /// Stores what a batch charged, if none of its requests was denied. Slots are taken by [`Shard::hold_for`].
    pub fn finish(&mut self, mut batch: Batch, layouts: &Layouts, now: Now) -> bool {
        if batch.denied {
            return false;
        }
        let now = self.not_before_latest(now);
        for (loaded, _) in batch.loads.iter().zip(&batch.changed).filter(|(_, changed)| **changed) {
            let cells = &mut batch.cells[loaded.first..loaded.first + loaded.len];
            self.table.store(layouts, loaded, cells);
        }
        for (id, balance) in batch.balances {
            self.accounts.store(id, balance);
        }
        self.book_lent(batch.lent, now);
        self.table.settle(layouts, now);
        self.passed(now);
        true
    }

    /// Takes the slot of a decision that a finished batch allowed; whether it is held.
    pub fn hold_for(&mut self, ask: &Ask<'_, '_>, decision: &mut Decision<'_>, now: Now) {
        let holder = self.holder(ask);
        self.hold(ask, holder, decision, now);
    }
}
