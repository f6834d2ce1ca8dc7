//! From the wire to the client's own types. The other direction is the builder's: [`crate::Ask`] fills the message in
//! as it goes. Nothing here can fail: what is newer than this client is kept by its number, and what is missing is a
//! denial.

use std::time::Duration;

use quorate_api::v1;

use crate::answer::{Algorithm, Answer, Binding, LimitStatus, PolicyInfo, Reason, Source, Warning};

impl From<v1::ShouldAllowResponse> for Answer {
    fn from(message: v1::ShouldAllowResponse) -> Self {
        // Allowed only if both fields say so: a half-filled answer is a denial.
        let reason = match (message.allowed, reason(message.reason)) {
            (false, Reason::Ok) => Reason::Unavailable,
            (_, reason) => reason,
        };
        let allowed = message.allowed && reason == Reason::Ok;
        Self {
            source: Source::Decided,
            allowed,
            reason,
            retryable: message.retryable,
            degraded: message.degraded,
            binding: (!message.limit_name.is_empty()).then_some(Binding {
                name: message.limit_name,
                limit: message.limit,
                remaining: message.remaining,
                approximate: message.approximate,
                window: some_time(message.window_ns),
                reset_after: Duration::from_nanos(message.reset_after_ns),
            }),
            retry_after: some_time(message.retry_after_ns),
            pool_units: message.pool_units,
            burst_remaining: message.burst_remaining,
            overage_units: message.overage_units,
            warnings: message.warnings.into_iter().map(Warning::from).collect(),
            decision_id: message.decision_id,
            replayed: message.replayed,
            slot_held: message.slot_held,
            limits: message.limits.into_iter().map(LimitStatus::from).collect(),
            headers: message.headers.into_iter().map(|h| (h.name, h.value)).collect(),
            policy: message.policy.map(PolicyInfo::from),
            shadow_denied: message.shadow_denied,
        }
    }
}

impl From<v1::Warning> for Warning {
    fn from(message: v1::Warning) -> Self {
        Self {
            limit_name: message.limit_name,
            used_percent: message.used_percent,
        }
    }
}

impl From<v1::LimitStatus> for LimitStatus {
    fn from(message: v1::LimitStatus) -> Self {
        Self {
            algorithm: algorithm(message.algorithm),
            name: message.name,
            limit: message.limit,
            used: message.used,
            remaining: message.remaining,
            window: some_time(message.window_ns),
            reset_after: Duration::from_nanos(message.reset_after_ns),
            meter: message.meter,
            shadow: message.shadow,
            denied: message.denied,
            retry_after: some_time(message.retry_after_ns),
            factor_hundredths: message.factor_hundredths,
        }
    }
}

impl From<v1::PolicyInfo> for PolicyInfo {
    fn from(message: v1::PolicyInfo) -> Self {
        Self {
            sequence: message.sequence,
            content_hash: message.content_hash,
            plan: message.plan,
            endpoint: message.endpoint,
            org: message.org,
        }
    }
}

/// The contract writes "none" as 0.
fn some_time(nanos: u64) -> Option<Duration> {
    (nanos != 0).then(|| Duration::from_nanos(nanos))
}

fn reason(number: i32) -> Reason {
    let Ok(reason) = v1::Reason::try_from(number) else {
        return Reason::Unrecognized(number);
    };
    match reason {
        // The contract: a client that receives nothing else treats it as UNAVAILABLE.
        v1::Reason::Unspecified | v1::Reason::Unavailable => Reason::Unavailable,
        v1::Reason::Ok => Reason::Ok,
        v1::Reason::RateLimited => Reason::RateLimited,
        v1::Reason::QuotaExhausted => Reason::QuotaExhausted,
        v1::Reason::QuotaPending => Reason::QuotaPending,
        v1::Reason::PoolExhausted => Reason::PoolExhausted,
        v1::Reason::ConcurrencyExceeded => Reason::ConcurrencyExceeded,
        v1::Reason::KeyUnknown => Reason::KeyUnknown,
        v1::Reason::KeyInvalid => Reason::KeyInvalid,
        v1::Reason::KeyRevoked => Reason::KeyRevoked,
        v1::Reason::KeySuspended => Reason::KeySuspended,
        v1::Reason::KeyExpired => Reason::KeyExpired,
        v1::Reason::OrgMismatch => Reason::OrgMismatch,
        v1::Reason::Banned => Reason::Banned,
        v1::Reason::Paused => Reason::Paused,
        v1::Reason::ScopeMissing => Reason::ScopeMissing,
        v1::Reason::EnvironmentMismatch => Reason::EnvironmentMismatch,
        v1::Reason::PolicyForbids => Reason::PolicyForbids,
        v1::Reason::CostExceedsLimit => Reason::CostExceedsLimit,
        v1::Reason::Overloaded => Reason::Overloaded,
    }
}

fn algorithm(number: i32) -> Algorithm {
    match v1::Algorithm::try_from(number) {
        Ok(v1::Algorithm::SlidingWindow) => Algorithm::SlidingWindow,
        Ok(v1::Algorithm::TokenBucket) => Algorithm::TokenBucket,
        Ok(v1::Algorithm::FixedWindow) => Algorithm::FixedWindow,
        Ok(v1::Algorithm::BurstAllowance) => Algorithm::BurstAllowance,
        Ok(v1::Algorithm::BurstPool) => Algorithm::BurstPool,
        Ok(v1::Algorithm::Concurrency) => Algorithm::Concurrency,
        Ok(v1::Algorithm::HardQuota) => Algorithm::HardQuota,
        Ok(v1::Algorithm::SoftQuota) => Algorithm::SoftQuota,
        Ok(v1::Algorithm::Unspecified) | Err(_) => Algorithm::Unrecognized(number),
    }
}

#[cfg(test)]
mod tests;
