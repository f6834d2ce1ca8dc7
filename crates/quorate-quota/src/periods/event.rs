//! What the leases of an account are told, and what they say.

use quorate_core::time::Instant;

use crate::calendar::{Calendar, Period};
use crate::lease::{self, Terms};

/// Names one lease of an account, and the local balance that belongs to it. Never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// What happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something that is the business of one lease: a need, a report, an outcome, a withdrawal.
    Lease {
        /// Which.
        lease: LeaseId,
        /// What.
        event: lease::Event,
    },
    /// The policy says something new about the quota.
    Terms(Terms),
    /// The org's time zone changed, or the kind of its periods.
    Calendar(Calendar),
    /// The process stops.
    Stop,
    /// The time of [`Effect::Wake`] has come, or a decision found the period over. Too early or too often does no harm.
    Timer,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A lease begins: on the row of this period, with a local balance of its own that holds nothing.
    Open {
        /// Which.
        lease: LeaseId,
        /// The period whose row it is on.
        period: Period,
    },
    /// Decisions spend from the balance of this lease from now on, until the period ends. A zone that changed may say
    /// so again with another end.
    Turn {
        /// Which.
        lease: LeaseId,
        /// The period that is.
        period: Period,
    },
    /// What one lease wants done: on its row, its local balance, its waiting decisions. Never a wake, and never that it
    /// is settled or closed.
    Lease {
        /// Which.
        lease: LeaseId,
        /// What.
        effect: lease::Effect,
    },
    /// The lease is over, and its balance may be forgotten.
    Forget {
        /// Which.
        lease: LeaseId,
    },
    /// An ended period is given up, and units that were let through or recorded in it are never booked: tell people.
    Unbooked {
        /// Of which lease. It is forgotten next.
        lease: LeaseId,
        /// How many.
        units: u64,
    },
    /// Send [`Event::Timer`] then, by the clock that does not go back. Replaces the time named before.
    Wake {
        /// When.
        at: Instant,
    },
    /// Nothing is held and nothing is under way: all may be forgotten together.
    Settled,
    /// Everything is returned that can be. The last effect; every later event is ignored.
    Closed,
}
