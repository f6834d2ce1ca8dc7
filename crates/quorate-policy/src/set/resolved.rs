//! What is asked of a policy set and what it says: the vocabulary between policy and driver.

use quorate_core::answer::Reason;
use quorate_core::terms::Terms;
use serde::Serialize;

/// Bounds that the server sets on requests, beside those of `quorate_core::request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest cost or amount of one request.
    pub cost_max: u64,
}

/// Headers that an answer may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum HeaderProfile {
    /// `X-RateLimit-Limit`, `-Remaining`, `-Reset` in Unix seconds, and `-Window`.
    XRateLimitUnix,
    /// The same names with seconds from now, as Envoy writes them.
    XRateLimitDraft03,
    /// `RateLimit` and `RateLimit-Policy`, structured fields.
    Ietf,
    /// `Warning: 299`, which RFC 9111 dropped.
    Warning,
}

impl HeaderProfile {
    /// The profile that a policy calls so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "x-ratelimit-unix" => Some(Self::XRateLimitUnix),
            "x-ratelimit-draft03" => Some(Self::XRateLimitDraft03),
            "ietf" => Some(Self::Ietf),
            "warning" => Some(Self::Warning),
            _ => None,
        }
    }
}

/// What applies to one request.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The org that is charged; empty when the request named none that could be one.
    pub org: &'a str,
    /// The key that is charged: its id, never a secret. Empty for a malformed key and for a credential that names none.
    pub key: &'a str,
    /// The plan; empty when none was reached.
    pub plan: &'a str,
    /// The catalogue entry, as the policy writes it; `other` when none matches.
    pub endpoint: &'a str,
    /// It only asks, and charges nothing: it says so, or costs nothing on every meter.
    pub look: bool,
    /// What comes of it.
    pub verdict: Verdict<'a>,
}

/// What comes of a request before any counter is looked at.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is made once per request, on the stack, and most often is the large one"
)]
pub enum Verdict<'a> {
    /// Denied, with nothing charged.
    Denied(Reason),
    /// Let through, whoever asks: the endpoint is exempt.
    Exempt,
    /// The limits decide.
    Charge(Terms<'a>),
}
