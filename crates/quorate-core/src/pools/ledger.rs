//! One durable pool: what was lent of it, and what its row in the store says is missing. Only what the row already
//! lacks may be lent.
//!
//! Both are pools of the same refill. As long as the row lacks at least what was lent, at every instant, whoever reads
//! it after a crash finds no unit twice: the units between the two are the chunk, deducted and not lent yet.
//! `docs/ALGORITHMS.md` has the proof.

use crate::time::{Instant, Period, SECOND};
use crate::window::pool::{Pool, Refill};

/// For how long a row that was written holds its units before it refills. Without it the row of a full pool would
/// refill from the moment that it is written, and nothing could be lent by the time that it is.
pub const HOLD_NS: u64 = SECOND;

/// How far ahead the low water is looked for: what a write may take.
const LEAD_NS: u64 = SECOND / 4;

/// A chunk is a twentieth of the pool: 5 %.
const CHUNKS_PER_POOL: u64 = 20;

/// Of what is left at most a quarter is deducted for a crowd that waits. Not all of them may draw it in the end, some may
/// have asked twice, and a crash must not lose the pool.
const CROWD_SHARE: u64 = 4;

/// The terms of a pool, as far as its ledger needs them: no factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolTerms {
    /// Units that come back every `every`.
    pub units: u64,
    /// The time in which they do.
    pub every: Period,
    /// Units of a chunk.
    pub chunk: u64,
    /// Units that it may hold now.
    pub room: u64,
    /// No factor bears on the refill now.
    pub steady: bool,
}

impl PoolTerms {
    /// The terms of a pool of `capacity` units, which may hold `room` under the factors in force.
    #[must_use]
    pub fn new(capacity: u64, room: u64, refill: &Refill<'_>) -> Self {
        Self {
            units: refill.units,
            every: refill.every,
            chunk: (capacity / CHUNKS_PER_POOL).max(1),
            room,
            steady: refill.factors.is_empty(),
        }
    }

    /// More is deducted when so few units are left of it.
    const fn low_water(&self) -> u64 {
        self.chunk.div_ceil(2)
    }

    fn refill(&self) -> Refill<'static> {
        Refill::steady(self.units, self.every)
    }
}

/// What a ledger asks of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Its row.
    Read,
    /// That its row says this.
    Write(Pool),
}

/// One durable pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    terms: PoolTerms,
    /// The pool as decisions know it.
    lent: Pool,
    /// The fullest that the store may say the pool is; `None` until it was read.
    row: Option<Pool>,
    /// A row on its way to the store.
    sent: Option<Pool>,
    /// Units charged less units given back before the row was known.
    owed: i64,
    /// Units that found too few deducted, of all that asked.
    needed: u64,
    /// The same of the one that asked for most.
    needed_most: u64,
    /// More or fewer units should be deducted.
    wanting: bool,
}

impl Ledger {
    /// A pool whose row is not known.
    #[must_use]
    pub fn new(terms: PoolTerms) -> Self {
        Self {
            terms,
            lent: Pool::default(),
            row: None,
            sent: None,
            owed: 0,
            needed: 0,
            needed_most: 0,
            wanting: true,
        }
    }

    /// Whether its row was read.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.row.is_some()
    }

    /// The pool as decisions know it at `now`, once its row is known.
    pub fn meet(&mut self, terms: PoolTerms, refill: &Refill<'_>, now: Instant) -> Option<Pool> {
        let row = self.row.as_mut()?;
        if (terms.units, terms.every) != (self.terms.units, self.terms.every) {
            self.lent = self.lent.carried(&self.terms.refill(), refill, now);
            // Nobody knows any more what a reader would make of the row: it is written anew before anything is lent.
            *row = self.lent;
        }
        self.terms = terms;
        *row = row.at(refill, now);
        self.lent = self.lent.at(refill, now);
        Some(self.lent)
    }

    /// Units that may be lent beyond `lent` at `now`.
    #[must_use]
    pub fn lendable(&self, lent: &Pool, refill: &Refill<'_>, now: Instant) -> u64 {
        self.row.map_or(0, |row| beyond(&row, lent, refill, now))
    }

    /// Books that a decision made `after` of `before`; says how urgent it is that the store hears of it.
    pub fn book(&mut self, before: &Pool, after: Pool, now: Instant) -> Urgency {
        let Some(row) = self.row else {
            let units = i128::from(after.missing) - i128::from(before.missing);
            let owed = i64::try_from(units).unwrap_or(i64::MAX);
            self.owed = self.owed.saturating_add(owed);
            return Urgency::Now;
        };
        self.lent = after;
        let chunk = self.terms.chunk;
        let refill = self.terms.refill();
        if after.missing <= before.missing {
            // Given back: a crash is not to lose more than a chunk.
            let ahead = beyond(&row, &after, &refill, now);
            self.wanting |= ahead > chunk.saturating_mul(2).max(self.needed);
            return Urgency::of(self.wanting, false);
        }
        let ahead = beyond(&row, &after, &refill, now.after(LEAD_NS));
        self.wanting |= ahead < self.terms.low_water();
        Urgency::of(self.wanting, ahead < chunk.div_ceil(4))
    }

    /// Notes that `units` more than are deducted were asked for.
    pub fn need(&mut self, units: u64) {
        self.needed = self.needed.saturating_add(units);
        self.needed_most = self.needed_most.max(units);
        self.wanting = true;
    }

    /// Units to be deducted now: a chunk; or for a request that alone needs more, that; or for many, what leaves most of
    /// the pool where a crash does not lose it.
    fn units(&self) -> u64 {
        let level = self.terms.room.saturating_sub(self.lent.missing);
        let crowd = self.needed.min(level / CROWD_SHARE);
        self.terms.chunk.max(self.needed_most.min(level)).max(crowd)
    }

    /// What it asks of the store now; nothing while a row is on its way.
    pub fn wish(&mut self) -> Option<Wish> {
        if self.sent.is_some() || !self.wanting {
            return None;
        }
        let Some(row) = self.row else {
            return Some(Wish::Read);
        };
        self.wanting = false;
        let next = Pool {
            missing: self.lent.missing.saturating_add(self.units()),
            shares: 0,
            at: self.lent.at.after(HOLD_NS),
        };
        self.sent = Some(next);
        self.row = Some(fuller(row, next));
        Some(Wish::Write(next))
    }

    /// The row was read: `None` when there is none.
    pub fn learn(&mut self, row: Option<Pool>, now: Instant) {
        if self.row.is_some() {
            return;
        }
        let row = row.unwrap_or(Pool {
            at: now,
            ..Pool::default()
        });
        let owed = core::mem::take(&mut self.owed);
        let mut lent = Pool {
            missing: row.missing,
            shares: 0,
            // A clock that was stepped back since: what the row lacks has not begun to come back.
            at: row.at.min(now),
        };
        if owed != 0 {
            // It was charged lately: what has come back since the row was written is none of it.
            lent = self.caught_up(lent, now);
            lent.missing = lent.missing.saturating_add_signed(owed);
            lent.shares = if lent.missing == 0 { 0 } else { lent.shares };
        }
        self.lent = lent;
        self.row = Some(row);
        self.wanting = self.needed > 0 || owed != 0;
    }

    /// A row as it is now. Where factors bear, which are not known here, as if nothing had come back.
    fn caught_up(&self, row: Pool, now: Instant) -> Pool {
        if self.terms.steady {
            row.at(&self.terms.refill(), now)
        } else {
            Pool { at: now, ..row }
        }
    }

    /// What was sent is durable.
    pub fn acknowledged(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.row = Some(sent);
            // Whoever waited asks again, and is counted again if that is still too little.
            (self.needed, self.needed_most) = (0, 0);
            let refill = self.terms.refill();
            let ahead = beyond(&sent, &self.lent, &refill, self.lent.at.after(LEAD_NS));
            self.wanting = ahead < self.terms.low_water();
        }
    }

    /// What was sent may be durable or not, and is to be sent again. Who waited for it waits no more.
    pub fn failed(&mut self) {
        (self.needed, self.needed_most) = (0, 0);
        self.wanting |= self.sent.take().is_some();
    }

    /// What its row is to say when nothing is lent any more: exactly what was lent. `None` when it says so.
    #[must_use]
    pub fn settled(&self, now: Instant) -> Option<Pool> {
        let (row, refill) = (self.row?, self.terms.refill());
        if row.at(&refill, now) == self.lent.at(&refill, now) {
            return None;
        }
        // Rows have no shares: what has accrued of a unit is told as time.
        let speed = u64::from(crate::factor::ONE).saturating_mul(self.terms.units);
        let accrued_ns = self.lent.shares.checked_div(speed).filter(|_| self.terms.steady);
        Some(Pool {
            missing: self.lent.missing,
            shares: 0,
            at: Instant(self.lent.at.0.saturating_sub(accrued_ns.unwrap_or(0))),
        })
    }

    /// Whether forgetting it forgets nothing, and nobody has met it for so long: the pool is full, and its row says so.
    #[must_use]
    pub fn is_idle(&self, for_ns: u64, now: Instant) -> bool {
        if self.lent.at.after(for_ns) > now {
            return false;
        }
        let refill = self.terms.refill();
        let full = |pool: &Pool| pool.at(&refill, now).missing == 0;
        self.sent.is_none() && !self.wanting && full(&self.lent) && self.row.as_ref().is_some_and(full)
    }
}

/// How soon the store should hear of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Never.
    None,
    /// In its turn.
    Soon,
    /// At once.
    Now,
}

impl Urgency {
    const fn of(wanting: bool, urgent: bool) -> Self {
        match (wanting, urgent) {
            (false, _) => Self::None,
            (true, false) => Self::Soon,
            (true, true) => Self::Now,
        }
    }
}

/// Whole units that `row` lacks at `now`, and from then on, beyond what `lent` lacks.
fn beyond(row: &Pool, lent: &Pool, refill: &Refill<'_>, now: Instant) -> u64 {
    let (row, lent) = (row.at(refill, now), lent.at(refill, now));
    let units = row.missing.saturating_sub(lent.missing);
    // The row is nearer to its next unit: of the last one only a part is beyond.
    units.saturating_sub(u64::from(row.shares > lent.shares))
}

/// A pool that is at least as full as a row and the next one, whatever the refill.
fn fuller(row: Pool, next: Pool) -> Pool {
    if next.missing >= row.missing && next.at >= row.at {
        return row;
    }
    Pool {
        missing: row.missing.min(next.missing),
        shares: row.shares,
        at: row.at.min(next.at),
    }
}
