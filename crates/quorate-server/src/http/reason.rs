//! What a reason is over HTTP: its status, its code, and what it says to a person. The one place where the three are
//! chosen; the codes are also the labels of metrics.

use http::StatusCode;
use quorate_core::answer::{Answer, Reason};

/// How many reasons there are.
pub const REASONS: usize = ALL.len();

/// Every reason, in the order of the wire contract.
pub const ALL: [Reason; 20] = [
    Reason::Ok,
    Reason::RateLimited,
    Reason::QuotaExhausted,
    Reason::QuotaPending,
    Reason::PoolExhausted,
    Reason::ConcurrencyExceeded,
    Reason::KeyUnknown,
    Reason::KeyInvalid,
    Reason::KeyRevoked,
    Reason::KeySuspended,
    Reason::KeyExpired,
    Reason::OrgMismatch,
    Reason::Banned,
    Reason::Paused,
    Reason::ScopeMissing,
    Reason::EnvironmentMismatch,
    Reason::PolicyForbids,
    Reason::CostExceedsLimit,
    Reason::Overloaded,
    Reason::Unavailable,
];

/// One reason, told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its place in [`ALL`].
    pub index: usize,
    /// The HTTP status.
    pub status: StatusCode,
    /// The code: the reason's name in the wire contract, without its prefix.
    pub code: &'static str,
    /// What it says to a person.
    pub message: &'static str,
}

/// The HTTP status of an answer: its reason's, unless a quota denied that asks for payment.
#[must_use]
pub const fn status(answer: &Answer<'_>) -> StatusCode {
    if answer.payment_required && matches!(answer.reason, Reason::QuotaExhausted) {
        StatusCode::PAYMENT_REQUIRED
    } else {
        told(answer.reason).status
    }
}

/// Tells a reason.
#[must_use]
pub const fn told(reason: Reason) -> Told {
    use StatusCode as S;
    let (index, status, code, message) = match reason {
        Reason::Ok => (0, S::OK, "OK", "allowed"),
        Reason::RateLimited => (1, S::TOO_MANY_REQUESTS, "RATE_LIMITED", "a rate limit has no room now"),
        // A quota may ask for 402 instead: see [`status`].
        Reason::QuotaExhausted => (2, S::TOO_MANY_REQUESTS, "QUOTA_EXHAUSTED", "a quota has no units left"),
        Reason::QuotaPending => (
            3,
            S::TOO_MANY_REQUESTS,
            "QUOTA_PENDING",
            "a quota's units are on their way; try again",
        ),
        Reason::PoolExhausted => (
            4,
            S::TOO_MANY_REQUESTS,
            "POOL_EXHAUSTED",
            "the org's pool has no units left now",
        ),
        Reason::ConcurrencyExceeded => (
            5,
            S::TOO_MANY_REQUESTS,
            "CONCURRENCY_EXCEEDED",
            "no concurrency slot is free now",
        ),
        Reason::KeyUnknown => (6, S::UNAUTHORIZED, "KEY_UNKNOWN", "the key or credential is not known"),
        Reason::KeyInvalid => (7, S::UNAUTHORIZED, "KEY_INVALID", "the key is malformed or too long"),
        Reason::KeyRevoked => (8, S::FORBIDDEN, "KEY_REVOKED", "the key was revoked"),
        Reason::KeySuspended => (9, S::FORBIDDEN, "KEY_SUSPENDED", "the key is suspended"),
        Reason::KeyExpired => (10, S::FORBIDDEN, "KEY_EXPIRED", "the key has expired"),
        Reason::OrgMismatch => (11, S::FORBIDDEN, "ORG_MISMATCH", "the key belongs to another org"),
        Reason::Banned => (12, S::FORBIDDEN, "BANNED", "the key or org is banned"),
        Reason::Paused => (13, S::FORBIDDEN, "PAUSED", "the key or org is paused"),
        Reason::ScopeMissing => (
            14,
            S::FORBIDDEN,
            "SCOPE_MISSING",
            "the endpoint requires a scope that the key lacks",
        ),
        Reason::EnvironmentMismatch => (
            15,
            S::FORBIDDEN,
            "ENVIRONMENT_MISMATCH",
            "the key is bound to another environment",
        ),
        Reason::PolicyForbids => (16, S::FORBIDDEN, "POLICY_FORBIDS", "the policy forbids the request"),
        Reason::CostExceedsLimit => (
            17,
            S::UNPROCESSABLE_ENTITY,
            "COST_EXCEEDS_LIMIT",
            "the cost is larger than a limit could ever pass",
        ),
        Reason::Overloaded => (
            18,
            S::SERVICE_UNAVAILABLE,
            "OVERLOADED",
            "the server has too much work in flight",
        ),
        Reason::Unavailable => (
            19,
            S::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "what decides this is away now",
        ),
    };
    Told {
        index,
        status,
        code,
        message,
    }
}

#[cfg(test)]
mod tests;
