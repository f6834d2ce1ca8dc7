//! What is answered. Names are borrowed from the policy; nothing is allocated for a plain answer.

use core::fmt;

use crate::limit::{Algorithm, COUNTERS_PER_REQUEST_MAX};

/// Why a request was allowed or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Allowed.
    Ok,
    /// A rate limit has no room now.
    RateLimited,
    /// A quota has no units left.
    QuotaExhausted,
    /// A quota's local balance is short and more is on its way.
    QuotaPending,
    /// The org's pool, in ceiling mode, has no units left.
    PoolExhausted,
    /// No concurrency slot is free.
    ConcurrencyExceeded,
    /// The key or credential is not known.
    KeyUnknown,
    /// The key is malformed or too long.
    KeyInvalid,
    /// The key was revoked.
    KeyRevoked,
    /// The key is suspended.
    KeySuspended,
    /// The key has expired.
    KeyExpired,
    /// The key belongs to another org.
    OrgMismatch,
    /// The key or org is banned.
    Banned,
    /// The key or org is paused.
    Paused,
    /// A required scope is missing.
    ScopeMissing,
    /// The key is bound to another environment.
    EnvironmentMismatch,
    /// The policy forbids the request.
    PolicyForbids,
    /// The cost could never pass.
    CostExceedsLimit,
    /// Too much work in flight.
    Overloaded,
    /// What decides this was away.
    Unavailable,
}

/// When the same request could pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It passed.
    Passed,
    /// After so many nanoseconds, if nothing else happens; never 0.
    After(u64),
    /// Later, nobody can say when (a slot, an overload).
    Later,
    /// Never, unless somebody changes something.
    Never,
}

/// Identifies a decision: unique, ordered by time within one server. Written as 26 characters of Crockford's base 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId(pub u128);

/// Crockford's base 32: no I, L, O or U.
const BASE_32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The length of a decision id as it is written: 128 bits at 5 a character.
pub const DECISION_ID_CHARS: usize = 26;

impl DecisionId {
    /// As it is written.
    #[must_use]
    pub fn text(self) -> [u8; DECISION_ID_CHARS] {
        let mut text = [0_u8; DECISION_ID_CHARS];
        // Twelve characters at a time: shifting 128 bits takes several steps.
        let mut rest = self.0;
        for places in text.rchunks_mut(12) {
            let mut part = u64::try_from(rest & ((1 << 60) - 1)).unwrap_or_default();
            for place in places.iter_mut().rev() {
                *place = BASE_32[usize::from(part.to_le_bytes()[0] & 31)];
                part >>= 5;
            }
            rest >>= 60;
        }
        text
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

impl core::str::FromStr for DecisionId {
    type Err = MalformedDecisionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != DECISION_ID_CHARS {
            return Err(MalformedDecisionId);
        }
        text.bytes().try_fold(Self(0), |id, byte| {
            let digit = BASE_32
                .iter()
                .position(|known| *known == byte)
                .ok_or(MalformedDecisionId)?;
            let digit = u128::try_from(digit).map_err(|_| MalformedDecisionId)?;
            if id.0 >> 123 != 0 {
                Err(MalformedDecisionId)
            } else {
                Ok(Self(id.0 << 5 | digit))
            }
        })
    }
}

/// Text that is no decision id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decision id: 26 characters of 0-9 and A-Z without I, L, O, U are expected")]
pub struct MalformedDecisionId;

/// The limit that decides: of those that denied, the one that says when to come back; else the one with least room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its capacity now, factors included.
    pub limit: u64,
    /// The largest amount it would still pass now, burst left aside.
    pub remaining: u64,
    /// Its window in nanoseconds; 0 for none.
    pub window_ns: u64,
    /// Until it is whole again; 0 when it is.
    pub reset_after_ns: u64,
}

/// A limit at or beyond its warning threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its use after this request, in whole percent, rounded down.
    pub used_percent: u32,
}

/// The state of one limit after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it counts.
    pub kind: StatusKind,
    /// What it counts: a meter's name, or `calls`.
    pub meter: &'a str,
    /// Its capacity now, factors included.
    pub limit: u64,
    /// Units used now.
    pub used: u64,
    /// The largest amount it would still pass now.
    pub remaining: u64,
    /// Its window in nanoseconds; 0 for slots.
    pub window_ns: u64,
    /// Until it is whole again; 0 when it is.
    pub reset_after_ns: u64,
    /// Until this limit alone would pass this cost; 0 when it passes now or never will.
    pub retry_after_ns: u64,
    /// In shadow mode.
    pub shadow: bool,
    /// It denied, or in shadow mode would have.
    pub denied: bool,
    /// The factor in force, in hundredths.
    pub factor_hundredths: u32,
}

/// What a status is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// A limit.
    Limit(Algorithm),
    /// A key's burst allowance.
    Allowance,
    /// Concurrency slots.
    Slots,
    /// A calendar quota.
    Quota {
        /// Never overspent.
        hard: bool,
    },
}

/// How many of a short list have their room within it.
const FEW: usize = 4;

/// A short list, nearly always empty. The first four take no memory of their own; room for all that there can be within the
/// answer would be most of what is copied for each. What does not fit is dropped: its bound is the bound on counters.
#[derive(Clone, Debug)]
pub struct Few<T> {
    first: [Option<T>; FEW],
    more: Vec<T>,
    len: usize,
}

impl<T: Copy> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: [None; FEW],
            more: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Copy> Few<T> {
    /// Adds one at the end.
    pub fn push(&mut self, item: T) {
        match self.first.get_mut(self.len) {
            Some(place) => *place = Some(item),
            None if self.len < COUNTERS_PER_REQUEST_MAX => self.more.push(item),
            None => return,
        }
        self.len += 1;
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.first.iter().flatten().chain(&self.more).copied()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// Why it was allowed or denied. Allowed exactly when [`Reason::Ok`].
    pub reason: Reason,
    /// When the same request could pass.
    pub retry: Retry,
    /// It was made without something it would normally rest on.
    pub degraded: bool,
    /// The binding limit; `None` when no limit applies or none was looked at.
    pub binding: Option<Binding<'a>>,
    /// The binding limit is a quota: what remains is approximate, since other servers may hold some of it.
    pub bound_by_quota: bool,
    /// It was denied by a quota whose denial is `402 Payment Required` over HTTP.
    pub payment_required: bool,
    /// Units drawn from the pool.
    pub drawn: u64,
    /// Units that could still be drawn beyond the key's own limit.
    pub burst_remaining: u64,
    /// Units beyond a soft quota.
    pub overage: u64,
    /// Limits at or beyond their warning threshold.
    pub warnings: Few<Warning<'a>>,
    /// Limits in shadow mode that would have denied.
    pub shadow_denied: Few<&'a str>,
    /// Every limit that applies, when asked for.
    pub statuses: &'a [Status<'a>],
    /// Identifies the decision.
    pub decision_id: DecisionId,
    /// Given again to a repeated operation id.
    pub replayed: bool,
    /// A concurrency slot is held for this decision.
    pub slot_held: bool,
    /// What decided it.
    pub by: DecidedBy<'a>,
}

/// Which policy decided, and what of it applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedBy<'a> {
    /// Counts the policies put in force since the start, from 1.
    pub sequence: u64,
    /// The hash of the policy's content, in hex.
    pub content_hash: &'a str,
    /// The plan that applied; empty when none was reached.
    pub plan: &'a str,
    /// The catalogue entry that matched; `other` when none did.
    pub endpoint: &'a str,
    /// The org that was charged.
    pub org: &'a str,
}

impl Answer<'_> {
    /// Whether the request may pass.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.reason == Reason::Ok
    }

    /// Whether the same request can succeed later without anybody changing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self.retry, Retry::After(_) | Retry::Later)
    }
}
