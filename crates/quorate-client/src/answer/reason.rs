//! Why a request was allowed or denied: the reasons of the contract, and room for newer ones.

use std::fmt;

/// Why a request was allowed or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// The key belongs to another org than the one named.
    OrgMismatch,
    /// The key or org is banned.
    Banned,
    /// The key or org is paused.
    Paused,
    /// The endpoint requires a scope that the key lacks.
    ScopeMissing,
    /// The key is bound to another environment.
    EnvironmentMismatch,
    /// The policy forbids the request.
    PolicyForbids,
    /// The cost is larger than a limit could ever pass.
    CostExceedsLimit,
    /// The server has too much work in flight.
    Overloaded,
    /// What decides this was away.
    Unavailable,
    /// A reason that is newer than this client, by its number in the contract.
    Unrecognized(i32),
}

impl Reason {
    /// The name of the contract, without its prefix: `RATE_LIMITED`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::RateLimited => "RATE_LIMITED",
            Self::QuotaExhausted => "QUOTA_EXHAUSTED",
            Self::QuotaPending => "QUOTA_PENDING",
            Self::PoolExhausted => "POOL_EXHAUSTED",
            Self::ConcurrencyExceeded => "CONCURRENCY_EXCEEDED",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::KeyInvalid => "KEY_INVALID",
            Self::KeyRevoked => "KEY_REVOKED",
            Self::KeySuspended => "KEY_SUSPENDED",
            Self::KeyExpired => "KEY_EXPIRED",
            Self::OrgMismatch => "ORG_MISMATCH",
            Self::Banned => "BANNED",
            Self::Paused => "PAUSED",
            Self::ScopeMissing => "SCOPE_MISSING",
            Self::EnvironmentMismatch => "ENVIRONMENT_MISMATCH",
            Self::PolicyForbids => "POLICY_FORBIDS",
            Self::CostExceedsLimit => "COST_EXCEEDS_LIMIT",
            Self::Overloaded => "OVERLOADED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unrecognized(_) => "UNRECOGNIZED",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
