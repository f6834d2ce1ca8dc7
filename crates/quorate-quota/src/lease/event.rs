//! What a lease is told, and what it says.

use quorate_core::grant::{GrantOperation, GrantOutcome};
use quorate_core::time::Instant;

use super::Terms;

/// Names one operation that a lease sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// What happened. `spent` is always all that was ever spent from the local balance, refunds deducted; never what was
/// spent since the last event, so that a lost or repeated report does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A decision found the balance too small, or met the account for the first time.
    Need {
        /// Units that the costliest decision needs, its own. It is told whether they fit.
        cost: u64,
        /// Units that all decisions which would spend them need together; 0 when all of them only look: then nothing is
        /// taken.
        queued: u64,
        /// Units spent in all.
        spent: u64,
    },
    /// The report from time to time, and at once when a decision leaves the balance at
    /// [`Known::report_at`] or below. For a soft quota it
    /// may exceed what was credited, by what was let through while the store was away.
    Spent {
        /// Units spent in all.
        spent: u64,
    },
    /// What came of an operation. Every [`Effect::Send`] is owed exactly one.
    Outcome {
        /// Which.
        id: OperationId,
        /// What came of it.
        outcome: GrantOutcome,
    },
    /// What could be taken out of the local balance, and was: the answer to [`Effect::Withdraw`].
    Withdrawn {
        /// Units, at most what was asked for.
        units: u64,
        /// Units spent in all.
        spent: u64,
    },
    /// The policy says something new about the quota.
    Terms(Terms),
    /// The period is over: nothing is spent any more. Returns what is left, by and by.
    Ends,
    /// The process stops: nothing is spent any more. Returns what is left, at once.
    Stop,
    /// The time of [`Effect::Wake`] has come. Too early or too often does no harm.
    Timer,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Do this to the row, once, and say what came of it. At most one is under way.
    Send {
        /// Names it.
        id: OperationId,
        /// What to do.
        operation: GrantOperation,
    },
    /// Add to the local balance: these units were taken, for certain.
    Credit {
        /// How many.
        units: u64,
        /// How many of them lie beyond a soft quota's limit. Spent last, withdrawn first.
        overage: u64,
    },
    /// Take out of the local balance what is there, and say how much.
    Withdraw {
        /// At most so many units.
        up_to: u64,
    },
    /// What is now known of the row.
    Known(Known),
    /// A read has shown that what was needed does not fit: deny `QUOTA_EXHAUSTED` to every decision that waits and costs
    /// more than the local balance and `ungranted` together, less what is owed; ask anew for the others.
    Exhausted {
        /// Units that nobody holds.
        ungranted: u64,
        /// Until then the same may be answered without asking.
        until: Instant,
    },
    /// A threshold is reached.
    Alert(Alert),
    /// Send [`Event::Timer`] then. Replaces the time named before.
    Wake {
        /// When.
        at: Instant,
    },
    /// Nothing is held and nothing is under way: the lease and its balance may be forgotten together, unless the balance
    /// has something after all (a refund): then report that instead.
    Settled,
    /// Everything is returned that can be. The last effect; every later event is ignored.
    Closed,
}

/// A row as one holder knows it. `remaining` is the local balance and [`Known::ungranted`], approximately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The cap in force.
    pub limit: u64,
    /// Units granted to all holders together.
    pub granted: u64,
    /// Send [`Event::Spent`] when a decision leaves this much in the balance or less: more is to be taken, or a threshold
    /// is reached. What is known afterwards has a lower mark or none, so it is once per mark.
    pub report_at: Option<u64>,
    /// Units that decisions may spend beyond the balance now: not 0 only for a soft quota whose store is away.
    pub overdraft: u64,
    /// Until then it may be told whether a cost fits, without asking.
    pub until: Instant,
}

impl Known {
    /// Units that nobody holds.
    #[must_use]
    pub const fn ungranted(&self) -> u64 {
        self.limit.saturating_sub(self.granted)
    }
}

/// A threshold of a quota is reached: at least once per period by somebody, at most once by each holder. Whoever sends
/// word of it to people tells repetitions by the row's key and the percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The threshold, in percent of the limit.
    pub percent: u8,
    /// What was granted, less this holder's balance: what was spent and others' balances.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}
