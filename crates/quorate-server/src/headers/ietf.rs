//! The profile `ietf`: `RateLimit-Policy` and `RateLimit`, structured fields (RFC 9651) of
//! draft-ietf-httpapi-ratelimit-headers: `"per-minute";q=60;w=60` and `"per-minute";r=50;t=30`.

use quorate_core::answer::{Answer, Binding, StatusKind};
use sfv::{Integer, KeyRef, ListSerializer, StringRef};

use super::{Field, Listed, ceil_seconds, listed, text};

/// The quota: how many units a policy allows in a window.
const QUOTA: &KeyRef = KeyRef::constant("q");
/// What the quota counts; requests when it is not said.
const QUOTA_UNIT: &KeyRef = KeyRef::constant("qu");
/// The unit of slots.
const CONCURRENT_REQUESTS: &StringRef = StringRef::constant("concurrent-requests");
/// The window, in seconds.
const WINDOW: &KeyRef = KeyRef::constant("w");
/// What remains.
const REMAINING: &KeyRef = KeyRef::constant("r");
/// Seconds until the quota is whole again.
const RESET: &KeyRef = KeyRef::constant("t");

/// `RateLimit-Policy` with every limit that is listed, `RateLimit` with the binding one.
pub(super) fn push(fields: &mut Vec<Field>, binding: &Binding<'_>, answer: &Answer<'_>) {
    let mut policies = ListSerializer::new();
    for limit in listed(answer, binding) {
        push_policy(&mut policies, &limit);
    }
    let mut limits = ListSerializer::new();
    push_limit(&mut limits, binding);
    let finished = [("ratelimit-policy", policies.finish()), ("ratelimit", limits.finish())];
    fields.extend(finished.into_iter().filter_map(|(name, value)| Some((name, value?))));
}

fn push_policy(list: &mut ListSerializer<String>, limit: &Listed<'_>) {
    let name = text::ascii(limit.name);
    let Ok(name) = StringRef::from_str(&name) else { return };
    let mut item = list.bare_item(name).parameter(QUOTA, integer(limit.limit));
    if limit.kind == Some(StatusKind::Slots) {
        item = item.parameter(QUOTA_UNIT, CONCURRENT_REQUESTS);
    }
    if limit.window_ns > 0 {
        let _ = item.parameter(WINDOW, integer(ceil_seconds(limit.window_ns)));
    }
}

fn push_limit(list: &mut ListSerializer<String>, binding: &Binding<'_>) {
    let name = text::ascii(binding.name);
    let Ok(name) = StringRef::from_str(&name) else { return };
    let item = list.bare_item(name).parameter(REMAINING, integer(binding.remaining));
    if binding.window_ns > 0 {
        let _ = item.parameter(RESET, integer(ceil_seconds(binding.reset_after_ns)));
    }
}

/// What is larger than a structured field can say is told as the largest it can.
fn integer(value: u64) -> Integer {
    Integer::try_from(value).unwrap_or(Integer::MAX)
}
