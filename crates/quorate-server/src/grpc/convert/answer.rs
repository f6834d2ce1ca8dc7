//! The core's answer, written as a message. The plain fields are written from the answer where it is; what is asked
//! for beyond them goes through prost.

use quorate_api::v1;
use quorate_core::answer::{Answer, Reason, Retry, Status, StatusKind};
use quorate_core::limit::Algorithm;
use quorate_node::Wanted;
use quorate_policy::HeaderProfile;
use rand::Rng;

use crate::grpc::wire::{enum_number, nested, put_bool, put_bytes, put_message, put_text, put_uint};

/// What of an answer is to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rendering {
    pub(super) limits: bool,
    pub(super) headers: bool,
    pub(super) policy: bool,
    pub(super) shadow: bool,
    pub(super) jitter: bool,
}

impl Rendering {
    /// Adds one value of `include`. One that this server does not know adds nothing.
    pub(super) fn include(&mut self, value: u64) {
        match v1::Include::try_from(enum_number(value)) {
            Ok(v1::Include::Limits) => self.limits = true,
            Ok(v1::Include::Headers) => self.headers = true,
            Ok(v1::Include::Policy) => self.policy = true,
            Ok(v1::Include::Shadow) => self.shadow = true,
            Ok(v1::Include::Unspecified) | Err(_) => {}
        }
    }

    /// Whether headers are wanted.
    pub(crate) const fn headers(self) -> bool {
        self.headers
    }

    /// What the node must put into the answer for that. Some header profiles list every limit.
    pub(crate) const fn wanted(self) -> Wanted {
        Wanted {
            statuses: self.limits || self.headers,
        }
    }
}

/// Writes an answer that was made at `unix_ns`, as the fields of a `ShouldAllowResponse`.
pub(crate) fn write_answer(
    out: &mut Vec<u8>,
    answer: &Answer<'_>,
    rendering: Rendering,
    profiles: &[HeaderProfile],
    unix_ns: impl FnOnce() -> u64,
) {
    if rendering.jitter
        && let Retry::After(exact) = answer.retry
    {
        // The header must say the same as the field, so the answer itself is changed.
        let later = Answer {
            retry: Retry::After(exact.saturating_add(jitter(exact))),
            ..answer.clone()
        };
        let exact = Rendering {
            jitter: false,
            ..rendering
        };
        return write_answer(out, &later, exact, profiles, unix_ns);
    }
    write_plain(out, answer);
    if rendering.limits {
        for limit in answer.statuses {
            put_message(out, 18, &status(limit));
        }
    }
    if rendering.headers {
        for (name, value) in crate::headers::render(profiles, answer, unix_ns()) {
            let name = name.to_owned();
            put_message(out, 19, &v1::Header { name, value });
        }
    }
    if rendering.policy {
        let policy = v1::PolicyInfo {
            sequence: answer.by.sequence,
            content_hash: answer.by.content_hash.to_owned(),
            plan: answer.by.plan.to_owned(),
            endpoint: answer.by.endpoint.to_owned(),
            org: answer.by.org.to_owned(),
        };
        put_message(out, 20, &policy);
    }
    if rendering.shadow {
        for name in answer.shadow_denied.iter() {
            put_text(out, 21, name);
        }
    }
    put_bool(out, 22, answer.bound_by_quota);
}

/// A random addition of up to a tenth.
fn jitter(exact: u64) -> u64 {
    rand::rng().random_range(0..=exact / 10)
}

fn write_plain(out: &mut Vec<u8>, answer: &Answer<'_>) {
    put_bool(out, 1, answer.allowed());
    put_uint(out, 2, number(reason(answer.reason)));
    put_bool(out, 3, answer.retryable());
    put_bool(out, 4, answer.degraded);
    if let Some(binding) = &answer.binding {
        put_text(out, 5, binding.name);
        put_uint(out, 6, binding.limit);
        put_uint(out, 7, binding.remaining);
        put_uint(out, 8, binding.window_ns);
    }
    if let Retry::After(after) = answer.retry {
        put_uint(out, 9, after);
    }
    if let Some(binding) = &answer.binding {
        put_uint(out, 10, binding.reset_after_ns);
    }
    put_uint(out, 11, answer.drawn);
    put_uint(out, 12, answer.burst_remaining);
    put_uint(out, 13, answer.overage);
    for warning in answer.warnings.iter() {
        put_warning(out, warning.name, warning.used_percent);
    }
    put_bytes(out, 15, &answer.decision_id.text());
    put_bool(out, 16, answer.replayed);
    put_bool(out, 17, answer.slot_held);
}

fn put_warning(out: &mut Vec<u8>, name: &str, used_percent: u32) {
    let Ok(()) = nested(out, 14, |out| {
        put_text(out, 1, name);
        put_uint(out, 2, u64::from(used_percent));
        Ok::<_, std::convert::Infallible>(())
    });
}

/// Writes the answer when too much work is in flight: nothing was looked at and nothing charged.
pub(crate) fn write_overloaded(out: &mut Vec<u8>) {
    write_retryable(out, v1::Reason::Overloaded);
}

/// Writes the answer when what decides was away.
pub(crate) fn write_unavailable(out: &mut Vec<u8>) {
    write_retryable(out, v1::Reason::Unavailable);
}

fn write_retryable(out: &mut Vec<u8>, reason: v1::Reason) {
    put_uint(out, 2, number(reason));
    put_bool(out, 3, true);
}

/// An enum value as it is written; ours are never negative.
fn number(value: impl Into<i32>) -> u64 {
    u64::try_from(value.into()).unwrap_or_default()
}

fn status(status: &Status<'_>) -> v1::LimitStatus {
    v1::LimitStatus {
        name: status.name.to_owned(),
        limit: status.limit,
        used: status.used,
        remaining: status.remaining,
        window_ns: status.window_ns,
        reset_after_ns: status.reset_after_ns,
        algorithm: algorithm(status.kind).into(),
        meter: status.meter.to_owned(),
        shadow: status.shadow,
        denied: status.denied,
        retry_after_ns: status.retry_after_ns,
        factor_hundredths: status.factor_hundredths,
    }
}

const fn algorithm(kind: StatusKind) -> v1::Algorithm {
    match kind {
        StatusKind::Limit(Algorithm::SlidingWindow { .. }) => v1::Algorithm::SlidingWindow,
        StatusKind::Limit(Algorithm::TokenBucket { .. }) => v1::Algorithm::TokenBucket,
        StatusKind::Limit(Algorithm::FixedWindow { .. }) => v1::Algorithm::FixedWindow,
        StatusKind::Limit(Algorithm::Pool { .. }) => v1::Algorithm::BurstPool,
        StatusKind::Allowance => v1::Algorithm::BurstAllowance,
        StatusKind::Slots => v1::Algorithm::Concurrency,
        StatusKind::Quota { hard: true } => v1::Algorithm::HardQuota,
        StatusKind::Quota { hard: false } => v1::Algorithm::SoftQuota,
    }
}

const fn reason(reason: Reason) -> v1::Reason {
    match reason {
        Reason::Ok => v1::Reason::Ok,
        Reason::RateLimited => v1::Reason::RateLimited,
        Reason::QuotaExhausted => v1::Reason::QuotaExhausted,
        Reason::QuotaPending => v1::Reason::QuotaPending,
        Reason::PoolExhausted => v1::Reason::PoolExhausted,
        Reason::ConcurrencyExceeded => v1::Reason::ConcurrencyExceeded,
        Reason::KeyUnknown => v1::Reason::KeyUnknown,
        Reason::KeyInvalid => v1::Reason::KeyInvalid,
        Reason::KeyRevoked => v1::Reason::KeyRevoked,
        Reason::KeySuspended => v1::Reason::KeySuspended,
        Reason::KeyExpired => v1::Reason::KeyExpired,
        Reason::OrgMismatch => v1::Reason::OrgMismatch,
        Reason::Banned => v1::Reason::Banned,
        Reason::Paused => v1::Reason::Paused,
        Reason::ScopeMissing => v1::Reason::ScopeMissing,
        Reason::EnvironmentMismatch => v1::Reason::EnvironmentMismatch,
        Reason::PolicyForbids => v1::Reason::PolicyForbids,
        Reason::CostExceedsLimit => v1::Reason::CostExceedsLimit,
        Reason::Overloaded => v1::Reason::Overloaded,
        Reason::Unavailable => v1::Reason::Unavailable,
    }
}
