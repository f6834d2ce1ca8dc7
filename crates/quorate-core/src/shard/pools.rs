//! The durable pool of one request: what may be lent of it, and what is asked of the store when that is too little.

use std::collections::BTreeMap;

use super::{Ask, Shard};
use crate::charge::{self, Evaluation, Marks, Seat, Table};
use crate::limit::Role;
use crate::pools::PoolId;
use crate::pools::ledger::PoolTerms;
use crate::request::ChargeMode;
use crate::state::cell::Cell;
use crate::time::Now;
use crate::window::pool::Pool;

/// When to come back for units that are being deducted: a database's answer and a little.
const PENDING_RETRY_NS: u64 = 50_000_000;

/// When to come back while the store is away.
const AWAY_RETRY_NS: u64 = 1_000_000_000;

/// The durable pool that a request meets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loan {
    id: PoolId,
    place: usize,
    terms: PoolTerms,
    /// The pool before the request.
    before: Pool,
    /// Units of it that the store lacks already.
    lendable: u64,
    /// Units that earlier requests of a batch draw.
    earlier: u64,
    /// Units that earlier requests of a batch lack.
    lacked: u64,
    known: bool,
    /// The store does not answer, or there is no room to keep what it says.
    away: bool,
    /// Every unit is drawn from it, so what is charged in any case is charged to it too.
    ceiling: bool,
    /// Units that are to be deducted for the request, and for what a batch asks before it.
    lacks: Option<u64>,
    /// Its answer hangs on what the store says.
    waits: bool,
}

/// What a batch has made of a pool so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lent {
    before: Pool,
    after: Pool,
}

impl Loan {
    /// Looks whether what a request would draw may be lent. `found` is what it would find if all of the pool were.
    pub(super) fn lacks(&mut self, found: &Evaluation, ask: &Ask<'_, '_>) -> bool {
        if !found.passes() {
            return false;
        }
        let short = found.draw > self.lendable;
        if ask.mode == ChargeMode::Record {
            // It waits for nothing: its limits are charged, and a pool that only adds lends nothing.
            let lacks = short && !self.ceiling && !ask.look;
            self.lacks = lacks.then(|| self.units(found));
            return lacks;
        }
        // A look draws nothing, but says what there is, and may be asked ahead of what does draw: a chunk is enough.
        let asks = short || (ask.look && !self.known);
        let units = self.units(found).min(if ask.look { 1 } else { u64::MAX });
        self.lacks = asks.then_some(units);
        self.waits = if ask.look { !self.known } else { short };
        short && (!ask.look || self.away)
    }

    const fn units(&self, found: &Evaluation) -> u64 {
        found.draw.saturating_add(self.earlier).saturating_add(self.lacked)
    }

    /// What the request finds if only what is deducted is lent.
    pub(super) fn evaluate(&self, seats: &[Seat<'_>], cells: &mut [Cell], now: Now) -> Evaluation {
        let capacity = seats[self.place].rule.capacity(now.instant);
        let all = cells[self.place];
        cells[self.place] = Cell::Pool(Pool {
            missing: capacity.saturating_sub(self.lendable),
            shares: 0,
            at: now.instant,
        });
        let found = charge::evaluate(&Table { seats, cells }, now);
        cells[self.place] = all;
        found
    }

    /// The request could pass as soon as the store has answered.
    pub(super) const fn is_pending(&self) -> bool {
        self.waits && !self.away
    }

    /// The answer rests on a store that does not answer.
    pub(super) const fn is_degraded(&self, drawn: u64) -> bool {
        self.away && (drawn > 0 || self.lacks.is_some())
    }

    /// Notes what a request of a batch made of it.
    pub(super) fn note(&self, lent: &mut BTreeMap<PoolId, Lent>, cells: &[Cell]) {
        if let Cell::Pool(after) = cells[self.place] {
            let before = self.before;
            lent.entry(self.id).or_insert(Lent { before, after }).after = after;
        }
    }

    /// Has it ask for what earlier requests of a batch lack, too: they wait once, all together.
    pub(super) fn join(&mut self, lacking: &BTreeMap<PoolId, u64>) {
        self.lacked = lacking.get(&self.id).copied().unwrap_or(0);
    }

    /// Notes what a request of a batch lacks of it.
    pub(super) fn note_lack(&self, lacking: &mut BTreeMap<PoolId, u64>) {
        if let Some(units) = self.lacks {
            lacking.insert(self.id, units.saturating_sub(self.earlier).max(self.lacked));
        }
    }

    /// When to come back for what it lacks, in nanoseconds.
    pub(super) const fn retry_ns(&self) -> Option<u64> {
        match (self.lacks, self.away) {
            (None, _) => None,
            (Some(_), false) => Some(PENDING_RETRY_NS),
            (Some(_), true) => Some(AWAY_RETRY_NS),
        }
    }
}

impl Shard {
    /// The durable pool of a request, whose cell it fills in. `earlier` gives what earlier requests of a batch have made
    /// of it.
    pub(super) fn loan(
        &mut self,
        ask: &Ask<'_, '_>,
        seats: &[Seat<'_>],
        cells: &mut [Cell],
        now: Now,
        earlier: impl Fn(PoolId) -> Option<Lent>,
    ) -> Option<Loan> {
        if !self.pools.is_durable() {
            return None;
        }
        let pool = |seat: &Seat<'_>| seat.rule.limit.role == Role::Pool && seat.enforced();
        let place = seats.iter().position(pool)?;
        let rule = &seats[place].rule;
        let refill = rule.refill()?;
        let id = PoolId::of(&self.hash_key, ask.org, &rule.limit.name);
        let terms = PoolTerms::new(rule.limit.capacity, rule.capacity(now.instant), &refill);
        let away = self.pools.is_away() || !self.pools.has_room_for(id);
        let ledger = self.pools.ledger(id);
        let met = ledger.and_then(|ledger| {
            let kept = ledger.meet(terms, &refill, now.instant)?;
            let lent = earlier(id).map_or(kept, |lent| lent.after);
            let taken = lent.missing.saturating_sub(kept.missing);
            Some((lent, taken, ledger.lendable(&lent, &refill, now.instant)))
        });
        if let Some((lent, ..)) = met {
            cells[place] = Cell::Pool(lent);
        }
        // One that was not read yet is taken for what is known of it here.
        let Cell::Pool(before) = cells[place] else {
            return None;
        };
        Some(Loan {
            id,
            place,
            terms,
            before: before.at(&refill, now.instant),
            lendable: met.map_or(0, |(.., lendable)| lendable),
            earlier: met.map_or(0, |(_, earlier, _)| earlier),
            lacked: 0,
            known: met.is_some(),
            away,
            ceiling: charge::is_ceiling(&seats[place]),
            lacks: None,
            waits: false,
        })
    }

    /// Asks for what a request lacked of its pool, and has the pool kept that it charged; whether it charged it.
    pub(super) fn settle_loan(&mut self, loan: &Loan, ask: &Ask<'_, '_>, seats: &[Seat<'_>], changed: Marks) -> bool {
        let charged = changed.has(charge::index(loan.place));
        let meets = ask.terms.org_declared && !loan.known;
        if loan.lacks.is_none() && !charged && !meets {
            return false;
        }
        let name = &seats[loan.place].rule.limit.name;
        // While the store is away nobody waits, and who is denied is not to be counted each time that it asks again.
        if self.pools.keep(loan.id, ask.org, name, loan.terms)
            && !loan.away
            && let Some(units) = loan.lacks
        {
            self.pools.need(loan.id, units);
        }
        charged
    }

    /// Books what a decision made of its pool.
    pub(super) fn book_loan(&mut self, loan: &Loan, cells: &[Cell], now: Now) {
        if let Cell::Pool(after) = cells[loan.place] {
            self.pools.book(loan.id, &loan.before, after, now.instant);
        }
    }

    /// Books what the requests of a batch made of their pools.
    pub(super) fn book_lent(&mut self, lent: BTreeMap<PoolId, Lent>, now: Now) {
        for (id, Lent { before, after }) in lent {
            self.pools.book(id, &before, after, now.instant);
        }
    }
}
