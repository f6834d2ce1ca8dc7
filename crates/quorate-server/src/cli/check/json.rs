//! An answer as one line of JSON: the fields, names and order of the body that HTTP answers with, so that whoever reads
//! one reads the other.

use std::time::Duration;

use quorate_client::{Algorithm, Answer, LimitStatus};
use serde::Serialize;

/// One line, without its end.
pub fn line(answer: &Answer) -> String {
    serde_json::to_string(&Body::from(answer)).expect("a body has only text as names")
}

#[derive(Serialize)]
struct Body<'a> {
    allowed: bool,
    reason: &'static str,
    retryable: bool,
    degraded: bool,
    limit_name: &'a str,
    limit: u64,
    remaining: u64,
    approximate: bool,
    window_ns: u64,
    retry_after_ns: u64,
    reset_after_ns: u64,
    pool_units: u64,
    burst_remaining: u64,
    overage_units: u64,
    warnings: Vec<Warning<'a>>,
    decision_id: &'a str,
    replayed: bool,
    slot_held: bool,
    limits: Vec<Limit<'a>>,
    policy: Option<Policy<'a>>,
    shadow_denied: &'a [String],
}

#[derive(Serialize)]
struct Warning<'a> {
    limit_name: &'a str,
    used_percent: u32,
}

#[derive(Serialize)]
struct Limit<'a> {
    name: &'a str,
    limit: u64,
    used: u64,
    remaining: u64,
    window_ns: u64,
    reset_after_ns: u64,
    algorithm: &'static str,
    meter: &'a str,
    shadow: bool,
    denied: bool,
    retry_after_ns: u64,
    factor_hundredths: u32,
}

#[derive(Serialize)]
struct Policy<'a> {
    sequence: u64,
    content_hash: &'a str,
    plan: &'a str,
    endpoint: &'a str,
    org: &'a str,
}

impl<'a> From<&'a Answer> for Body<'a> {
    fn from(answer: &'a Answer) -> Self {
        let binding = answer.binding.as_ref();
        Self {
            allowed: answer.allowed,
            reason: answer.reason.code(),
            retryable: answer.retryable,
            degraded: answer.degraded,
            limit_name: binding.map_or("", |binding| &binding.name),
            limit: binding.map_or(0, |binding| binding.limit),
            remaining: binding.map_or(0, |binding| binding.remaining),
            approximate: binding.is_some_and(|binding| binding.approximate),
            window_ns: nanos(binding.and_then(|binding| binding.window)),
            retry_after_ns: nanos(answer.retry_after),
            reset_after_ns: nanos(binding.map(|binding| binding.reset_after)),
            pool_units: answer.pool_units,
            burst_remaining: answer.burst_remaining,
            overage_units: answer.overage_units,
            warnings: answer.warnings.iter().map(Warning::from).collect(),
            decision_id: &answer.decision_id,
            replayed: answer.replayed,
            slot_held: answer.slot_held,
            limits: answer.limits.iter().map(Limit::from).collect(),
            policy: answer.policy.as_ref().map(|policy| Policy {
                sequence: policy.sequence,
                content_hash: &policy.content_hash,
                plan: &policy.plan,
                endpoint: &policy.endpoint,
                org: &policy.org,
            }),
            shadow_denied: &answer.shadow_denied,
        }
    }
}

impl<'a> From<&'a quorate_client::Warning> for Warning<'a> {
    fn from(warning: &'a quorate_client::Warning) -> Self {
        Self {
            limit_name: &warning.limit_name,
            used_percent: warning.used_percent,
        }
    }
}

impl<'a> From<&'a LimitStatus> for Limit<'a> {
    fn from(status: &'a LimitStatus) -> Self {
        Self {
            name: &status.name,
            limit: status.limit,
            used: status.used,
            remaining: status.remaining,
            window_ns: nanos(status.window),
            reset_after_ns: nanos(Some(status.reset_after)),
            algorithm: algorithm(status.algorithm),
            meter: &status.meter,
            shadow: status.shadow,
            denied: status.denied,
            retry_after_ns: nanos(status.retry_after),
            factor_hundredths: status.factor_hundredths,
        }
    }
}

/// The name of the contract, as reasons have it.
fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::SlidingWindow => "SLIDING_WINDOW",
        Algorithm::TokenBucket => "TOKEN_BUCKET",
        Algorithm::FixedWindow => "FIXED_WINDOW",
        Algorithm::BurstAllowance => "BURST_ALLOWANCE",
        Algorithm::BurstPool => "BURST_POOL",
        Algorithm::Concurrency => "CONCURRENCY",
        Algorithm::HardQuota => "HARD_QUOTA",
        Algorithm::SoftQuota => "SOFT_QUOTA",
        _ => "UNRECOGNIZED",
    }
}

/// Every time on the wire fits 64 bits, and so does every one that came from there; none is 0, as there.
fn nanos(time: Option<Duration>) -> u64 {
    let nanos = time.unwrap_or_default().as_nanos();
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
