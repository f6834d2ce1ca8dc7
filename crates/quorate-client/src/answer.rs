//! What is answered, and where the answer came from.

mod reason;

use std::fmt;
use std::time::Duration;

use crate::failure::{Cause, FailPolicy};

pub use reason::Reason;

/// The answer to one question. An answer that went wrong is never `allowed` unless the client was told to fail open,
/// and then [`Answer::source`] says so.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Who made this answer: the server, or this client because the server did not.
    pub source: Source,
    /// Whether the request may pass.
    pub allowed: bool,
    /// Why. [`Reason::Ok`] exactly when allowed.
    pub reason: Reason,
    /// Whether the same request can succeed later without anybody changing anything.
    pub retryable: bool,
    /// Made without something it would normally rest on. True of every answer made by this client.
    pub degraded: bool,
    /// The limit that decided, if any applies.
    pub binding: Option<Binding>,
    /// How long until this very cost would pass if nothing else happens, when a time is known.
    pub retry_after: Option<Duration>,
    /// Units drawn from the org's burst pool.
    pub pool_units: u64,
    /// Units that could still be drawn beyond the key's own limit.
    pub burst_remaining: u64,
    /// Units beyond a soft quota that this request used.
    pub overage_units: u64,
    /// Limits at or beyond their warning threshold.
    pub warnings: Vec<Warning>,
    /// Identifies the decision; empty when the server made none.
    pub decision_id: String,
    /// The answer to an earlier request with the same operation id, given again.
    pub replayed: bool,
    /// The decision holds a concurrency slot, until it is released or its time to live is over.
    pub slot_held: bool,
    /// Every limit that applies, if asked for.
    pub limits: Vec<LimitStatus>,
    /// HTTP headers in order, name and value, if asked for.
    pub headers: Vec<(String, String)>,
    /// Which policy decided, if asked for.
    pub policy: Option<PolicyInfo>,
    /// Limits in shadow mode that would have denied, if asked for.
    pub shadow_denied: Vec<String>,
}

/// Who made an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server decided.
    Decided,
    /// No decision came, and this client lets through.
    FailedOpen(Cause),
    /// No decision came, and this client denies.
    FailedClosed(Cause),
}

/// The limit that decided: of those that denied, the one that says when to come back; else the one with least room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Its capacity now, boosts included.
    pub limit: u64,
    /// The largest amount it would still pass now, burst left aside.
    pub remaining: u64,
    /// It is a calendar quota, of which other servers may hold units: what remains is approximate.
    pub approximate: bool,
    /// Its window, if it has one.
    pub window: Option<Duration>,
    /// How long until it is whole again if nothing else happens; zero when it is, or when it has no such time.
    pub reset_after: Duration,
}

/// A limit at or beyond its warning threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The limit's name.
    pub limit_name: String,
    /// How much of it is used after this request, in whole percent, rounded down.
    pub used_percent: u32,
}

/// The state of one limit after the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitStatus {
    /// Its name.
    pub name: String,
    /// Its capacity now, boosts included.
    pub limit: u64,
    /// Units used now.
    pub used: u64,
    /// The largest amount it would still pass now, burst left aside.
    pub remaining: u64,
    /// Its window; for a token bucket and a pool, the time to refill from empty.
    pub window: Option<Duration>,
    /// How long until it is whole again if nothing else happens.
    pub reset_after: Duration,
    /// How it counts.
    pub algorithm: Algorithm,
    /// What it counts: a meter's name, or `calls`.
    pub meter: String,
    /// In shadow mode: counted, never denying.
    pub shadow: bool,
    /// It denied this request, or in shadow mode would have.
    pub denied: bool,
    /// How long until this limit alone would pass this cost, when it does not now and a time is known.
    pub retry_after: Option<Duration>,
    /// The factor of the boosts and incidents in force, in hundredths.
    pub factor_hundredths: u32,
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// No interval of the window's length holds more than the limit.
    SlidingWindow,
    /// A bucket that refills at a steady rate.
    TokenBucket,
    /// Counts per window aligned to the Unix epoch.
    FixedWindow,
    /// What a key may draw from its org's pool.
    BurstAllowance,
    /// The org's burst pool.
    BurstPool,
    /// Concurrency slots.
    Concurrency,
    /// A calendar quota that is never overspent.
    HardQuota,
    /// A calendar quota that tells what lies beyond it.
    SoftQuota,
    /// One that is newer than this client, by its number in the contract.
    Unrecognized(i32),
}

/// Which policy decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyInfo {
    /// Counts the policies that the server has put in force since it started, from 1.
    pub sequence: u64,
    /// A hash of the policy's content, in hex.
    pub content_hash: String,
    /// The plan that applied.
    pub plan: String,
    /// The catalogue entry that matched; `other` when none did.
    pub endpoint: String,
    /// The org that was charged: what [`crate::Client::release_slot`] wants.
    pub org: String,
}

impl Answer {
    /// The answer of a client that got none, as its policy says.
    #[must_use]
    pub fn failed(policy: FailPolicy, cause: Cause) -> Self {
        let (allowed, reason, source) = match policy {
            FailPolicy::Open => (true, Reason::Ok, Source::FailedOpen(cause)),
            FailPolicy::Closed => (false, cause.reason(), Source::FailedClosed(cause)),
        };
        Self {
            source,
            allowed,
            reason,
            retryable: !allowed,
            degraded: true,
            binding: None,
            retry_after: None,
            pool_units: 0,
            burst_remaining: 0,
            overage_units: 0,
            warnings: Vec::new(),
            decision_id: String::new(),
            replayed: false,
            slot_held: false,
            limits: Vec::new(),
            headers: Vec::new(),
            policy: None,
            shadow_denied: Vec::new(),
        }
    }

    /// The same, unless it says that nothing was decided: then what the policy says.
    pub(crate) fn under(self, policy: FailPolicy) -> Self {
        if self.reason == Reason::Overloaded {
            Self::failed(policy, Cause::Overloaded)
        } else {
            self
        }
    }

    /// Whether the server made this answer.
    #[must_use]
    pub fn decided(&self) -> bool {
        self.source == Source::Decided
    }
}

impl Source {
    /// Why no decision came; `None` when one did.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Decided => None,
            Self::FailedOpen(cause) | Self::FailedClosed(cause) => Some(cause),
        }
    }
}

impl Algorithm {
    /// The name that a policy document uses: `sliding_window`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SlidingWindow => "sliding_window",
            Self::TokenBucket => "token_bucket",
            Self::FixedWindow => "fixed_window",
            Self::BurstAllowance => "burst_allowance",
            Self::BurstPool => "burst_pool",
            Self::Concurrency => "concurrency",
            Self::HardQuota => "hard_quota",
            Self::SoftQuota => "soft_quota",
            Self::Unrecognized(_) => "unrecognized",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
