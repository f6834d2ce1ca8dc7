//! An answer in JSON: the fields of the wire contract by the same names, and for a denial an `error` beside them that
//! says the same to whoever knows nothing of the contract.

use quorate_core::answer::{Answer, DecisionId, Retry, Status, StatusKind};
use quorate_core::limit::Algorithm;
use serde::Serialize;

use super::reason::told;
use super::request::{Include, ShouldAllow};
use super::time::rfc3339;
use crate::headers::{Field, retry_after_seconds};

/// What of an answer is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Included {
    pub(super) limits: bool,
    pub(super) headers: bool,
    pub(super) policy: bool,
    pub(super) shadow: bool,
}

impl Included {
    /// What a request asks for.
    pub(super) fn by(request: &ShouldAllow) -> Self {
        Self {
            limits: request.includes(Include::Limits),
            headers: request.includes(Include::Headers),
            policy: request.includes(Include::Policy),
            shadow: request.includes(Include::Shadow),
        }
    }
}

/// Writes an answer made at `unix_ns`, that goes out with `headers`.
pub(crate) fn body(answer: &Answer<'_>, included: Included, headers: &[Field], unix_ns: u64) -> Vec<u8> {
    let body = Body::of(answer, included, headers, unix_ns);
    // Only maps with keys that are no text could fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Denial<'a>>,
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
    decision_id: String,
    replayed: bool,
    slot_held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Vec<Limit<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<Header<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Policy<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_denied: Option<Vec<&'a str>>,
}

/// A denial for whoever knows only HTTP.
#[derive(Serialize)]
struct Denial<'a> {
    code: &'static str,
    message: String,
    /// Seconds, rounded up: as the header. Null when waiting does not help.
    retry_after: Option<u64>,
    /// When the quota that denied is whole again. Null unless a quota denied.
    quota_reset_at: Option<String>,
    /// When the limit that denied is whole again. Null when that is not known.
    reset_at: Option<String>,
    /// The limit that denied. Null when none did.
    limit_name: Option<&'a str>,
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
struct Header<'a> {
    name: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct Policy<'a> {
    sequence: u64,
    content_hash: &'a str,
    plan: &'a str,
    endpoint: &'a str,
    org: &'a str,
}

impl<'a> Body<'a> {
    fn of(answer: &'a Answer<'_>, included: Included, headers: &'a [Field], unix_ns: u64) -> Self {
        let binding = answer.binding.as_ref();
        let warnings = answer.warnings.iter().map(|warning| Warning {
            limit_name: warning.name,
            used_percent: warning.used_percent,
        });
        Self {
            error: (!answer.allowed()).then(|| Denial::of(answer, unix_ns)),
            allowed: answer.allowed(),
            reason: told(answer.reason).code,
            retryable: answer.retryable(),
            degraded: answer.degraded,
            limit_name: binding.map_or("", |limit| limit.name),
            limit: binding.map_or(0, |limit| limit.limit),
            remaining: binding.map_or(0, |limit| limit.remaining),
            approximate: answer.bound_by_quota,
            window_ns: binding.map_or(0, |limit| limit.window_ns),
            retry_after_ns: match answer.retry {
                Retry::After(nanos) => nanos,
                Retry::Passed | Retry::Later | Retry::Never => 0,
            },
            reset_after_ns: binding.map_or(0, |limit| limit.reset_after_ns),
            pool_units: answer.drawn,
            burst_remaining: answer.burst_remaining,
            overage_units: answer.overage,
            warnings: warnings.collect(),
            decision_id: decision_id(answer.decision_id),
            replayed: answer.replayed,
            slot_held: answer.slot_held,
            limits: included.limits.then(|| answer.statuses.iter().map(Limit::of).collect()),
            headers: included
                .headers
                .then(|| headers.iter().map(|(name, value)| Header { name, value }).collect()),
            policy: included.policy.then(|| Policy::of(answer)),
            shadow_denied: included.shadow.then(|| answer.shadow_denied.iter().collect()),
        }
    }
}

impl<'a> Denial<'a> {
    fn of(answer: &'a Answer<'_>, unix_ns: u64) -> Self {
        let told = told(answer.reason);
        let retry_after = retry_after_seconds(answer);
        let reset_at = answer
            .binding
            .filter(|limit| limit.reset_after_ns > 0)
            .map(|limit| rfc3339(unix_ns.saturating_add(limit.reset_after_ns)));
        let of_a_quota = answer.reason == quorate_core::answer::Reason::QuotaExhausted;
        let mut message = told.message.to_owned();
        if let Some(limit) = &answer.binding {
            message.push_str(": ");
            message.push_str(limit.name);
        }
        if let (Retry::After(_), Some(seconds)) = (answer.retry, retry_after) {
            message.push_str(&format!("; retry after {seconds} s"));
        }
        Self {
            code: told.code,
            message,
            retry_after,
            quota_reset_at: reset_at.clone().filter(|_| of_a_quota),
            reset_at,
            limit_name: answer.binding.map(|limit| limit.name),
        }
    }
}

impl<'a> Policy<'a> {
    const fn of(answer: &Answer<'a>) -> Self {
        Self {
            sequence: answer.by.sequence,
            content_hash: answer.by.content_hash,
            plan: answer.by.plan,
            endpoint: answer.by.endpoint,
            org: answer.by.org,
        }
    }
}

impl<'a> Limit<'a> {
    const fn of(status: &Status<'a>) -> Self {
        Self {
            name: status.name,
            limit: status.limit,
            used: status.used,
            remaining: status.remaining,
            window_ns: status.window_ns,
            reset_after_ns: status.reset_after_ns,
            algorithm: algorithm(status.kind),
            meter: status.meter,
            shadow: status.shadow,
            denied: status.denied,
            retry_after_ns: status.retry_after_ns,
            factor_hundredths: status.factor_hundredths,
        }
    }
}

/// Empty when nothing was decided (an overload).
fn decision_id(id: DecisionId) -> String {
    if id == DecisionId::default() {
        String::new()
    } else {
        id.to_string()
    }
}

/// The names of the wire contract, without their prefix.
const fn algorithm(kind: StatusKind) -> &'static str {
    match kind {
        StatusKind::Limit(Algorithm::SlidingWindow { .. }) => "SLIDING_WINDOW",
        StatusKind::Limit(Algorithm::TokenBucket { .. }) => "TOKEN_BUCKET",
        StatusKind::Limit(Algorithm::FixedWindow { .. }) => "FIXED_WINDOW",
        StatusKind::Limit(Algorithm::Pool { .. }) => "BURST_POOL",
        StatusKind::Allowance => "BURST_ALLOWANCE",
        StatusKind::Slots => "CONCURRENCY",
        StatusKind::Quota { hard: true } => "HARD_QUOTA",
        StatusKind::Quota { hard: false } => "SOFT_QUOTA",
    }
}

#[cfg(test)]
mod tests;
