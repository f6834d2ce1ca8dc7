//! The lease machine: how one process takes units from one quota's row, and gives back what it does not need.
//!
//! Sans-IO: [`Lease::handle`] is told what happened and says what to do. The proof that holders together never spend
//! more than the row allows is in `docs/quotas.md`; it uses no clock, no failure detection and no unique owner. Here
//! are the words and the books' upkeep; `outcome` says what an answer of the store means, `proceed` what to do next,
//! `tell` what others should know.

mod books;
mod event;
mod fold;
mod outcome;
mod proceed;
mod rate;
mod retry;
mod row;
mod tell;
mod terms;

use quorate_core::grant::{GrantFold, GrantMove, GrantOutcome, HolderId};
use quorate_core::time::Instant;

pub use event::{Alert, Effect, Event, Known, OperationId};
pub use terms::{Kind, Terms};

use crate::bounds::{ENDS_SPREAD_NS, OUTCOME_NS_MAX};
use books::Books;
use fold::{FoldRule, Watch};
use rate::Rate;
use retry::Retry;
use row::Row;

/// The lease of one process on one row. Made when the account is first met, dropped after [`Effect::Settled`] or
/// [`Effect::Closed`] together with the local balance.
#[derive(Clone, Debug)]
pub struct Lease {
    holder: HolderId,
    terms: Terms,
    now: Instant,
    phase: Phase,
    sight: Sight,
    /// The row must be read before anything is done to it: something happened to it that is not known.
    is_stale: bool,
    flight: Option<Flight>,
    pending: Option<Pending>,
    books: Books,
    want: Option<Want>,
    /// When something was last needed or spent.
    touched: Instant,
    /// The row is to have this cap.
    cap: Option<u64>,
    /// A change of the cap of this version of the row may apply at any time from now on.
    cap_in_doubt: Option<u64>,
    withdrawal: Withdrawal,
    /// Since when the balance has been more than is needed here.
    ample_since: Option<Instant>,
    rate: Rate,
    retry: Retry,
    watch: Option<Box<Watch>>,
    fold_rule: FoldRule,
    operations: u64,
    told: Option<Known>,
    /// Bit n: the threshold of n percent was told.
    alerted: u128,
    armed: Option<Instant>,
    is_settled: bool,
    #[cfg(test)]
    broken: Option<tests::Broken>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Unseen,
    Absent,
    Seen(Row),
}

/// The operation that is under way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    id: OperationId,
    errand: Errand,
    sent: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Errand {
    Read,
    Create(u64),
    /// The pending move.
    Move,
    /// A move that changes nothing, in the pending move's place.
    Bump,
    Cap(u64),
    Fold(GrantFold),
}

/// A take or return of which it is not known whether it applied.
#[derive(Clone, Copy, Debug)]
struct Pending {
    change: GrantMove,
    /// The holding before it.
    before: u64,
    /// It may apply at any time from now on: nobody said that it did, or that it never will.
    in_doubt: bool,
}

impl Pending {
    const fn is_take(&self) -> bool {
        self.change.holding > self.before
    }

    const fn units(&self) -> u64 {
        self.change.holding.abs_diff(self.before)
    }
}

/// What decisions wait for.
#[derive(Clone, Copy, Debug)]
struct Want {
    cost: u64,
    /// Units that would be spent; 0 when nobody does more than look.
    queued: u64,
    /// A row seen after this shows whether they fit.
    since: Instant,
}

impl Want {
    const fn is_look(&self) -> bool {
        self.queued == 0
    }
}

/// What the driver was asked to take out of the balance.
#[derive(Clone, Copy, Debug, Default)]
struct Withdrawal {
    is_asked: bool,
    /// It was asked for everything, since the lease closes.
    is_all: bool,
    /// For a lowered cap it is asked once per version of the row.
    at_version: Option<u64>,
    /// That has been answered: what is left is spent.
    is_done: bool,
}

impl Lease {
    /// A lease that holds nothing and knows nothing. `holder` names this life of this process; `seed` spreads its waits
    /// apart from others', any number will do.
    #[must_use]
    pub fn new(holder: HolderId, seed: u64, terms: Terms) -> Self {
        Self {
            holder,
            terms,
            now: Instant(0),
            phase: Phase::Open,
            sight: Sight::Unseen,
            is_stale: false,
            flight: None,
            pending: None,
            books: Books::default(),
            want: None,
            touched: Instant(0),
            cap: None,
            cap_in_doubt: None,
            withdrawal: Withdrawal::default(),
            ample_since: None,
            rate: Rate::default(),
            retry: Retry::new(seed),
            watch: None,
            fold_rule: FoldRule::default(),
            operations: 0,
            told: None,
            alerted: 0,
            armed: None,
            is_settled: false,
            #[cfg(test)]
            broken: None,
        }
    }

    /// A lease on another row of the same account: it goes on at the rate known here. On the same row it needs a
    /// holder of its own.
    #[must_use]
    pub fn successor(&self, holder: HolderId, seed: u64) -> Self {
        Self {
            rate: self.rate.successor(),
            ..Self::new(holder, seed, self.terms.clone())
        }
    }

    /// Learns what happened at `now`, by a clock that does not go back, and appends what to do to `effects`.
    ///
    /// Effects on the local balance (`Credit`, `Withdraw`, `Known`) are applied before the next event is handled.
    pub fn handle(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Closed {
            return;
        }
        self.now = self.now.max(now);
        match event {
            Event::Need { cost, queued, spent } => {
                self.report(spent);
                if self.phase == Phase::Open {
                    self.touch();
                    // Who waits already is not told again.
                    let earlier = self.want.unwrap_or(Want {
                        cost,
                        queued,
                        since: self.now,
                    });
                    self.want = Some(Want {
                        cost: cost.max(earlier.cost),
                        queued: queued.max(earlier.queued),
                        since: earlier.since,
                    });
                }
            }
            Event::Spent { spent } => self.report(spent),
            Event::Withdrawn { units, spent } => self.withdrawn(units, spent),
            Event::Outcome { id, outcome } => self.outcome(id, outcome, effects),
            Event::Terms(terms) => self.learn(terms),
            Event::Ends => {
                if self.phase == Phase::Open {
                    let spread = self.retry.jitter(ENDS_SPREAD_NS);
                    self.retry.not_before = self.now.after(spread);
                }
                self.close();
            }
            Event::Stop => {
                // The process will not wait for long.
                self.retry.not_before = self.now;
                self.close();
            }
            Event::Timer => self.timer(effects),
        }
        self.withdraw(effects);
        self.proceed(effects);
        if !self.is_closed() {
            self.tell(effects);
        }
    }

    /// Whether something was spent after `then`.
    #[must_use]
    pub fn is_active_since(&self, then: Instant) -> bool {
        self.books.spent() > 0 && self.touched > then
    }

    /// Units that were let through or recorded and are not granted, and may be by and by.
    #[must_use]
    pub fn debt(&self) -> u64 {
        if self.is_closed() { 0 } else { self.books.debt() }
    }

    /// Whether everything is returned.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    fn is_soft(&self) -> bool {
        self.terms.is_soft()
    }

    fn touch(&mut self) {
        self.touched = self.now;
        self.is_settled = false;
    }

    fn report(&mut self, spent: u64) {
        if self.books.report(spent) {
            self.touch();
        }
        self.rate.report(self.now, spent);
    }

    fn withdrawn(&mut self, units: u64, spent: u64) {
        self.report(spent);
        self.books.withdraw(units);
        self.withdrawal.is_asked = false;
        self.withdrawal.is_done = self.withdrawal.is_all;
    }

    fn learn(&mut self, terms: Terms) {
        // A row that was never seen is compared when it is.
        if terms.limit != self.terms.limit && matches!(self.sight, Sight::Seen(_)) && self.is_open() {
            self.cap = Some(terms.limit);
        }
        self.terms = terms;
    }

    fn close(&mut self) {
        self.phase = Phase::Closing;
        self.want = None;
        self.cap = None;
    }

    fn timer(&mut self, effects: &mut Vec<Effect>) {
        self.armed = None;
        if let Some(flight) = self.flight
            && self.now.since(flight.sent) >= OUTCOME_NS_MAX
        {
            self.outcome(flight.id, GrantOutcome::Unknown, effects);
        }
    }
}

#[cfg(test)]
mod tests;
