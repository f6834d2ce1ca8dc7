//! The two profiles that share the names `X-RateLimit-…`: `x-ratelimit-unix`, whose reset is an instant, and
//! `x-ratelimit-draft03`, whose reset is a delay, written as Envoy's rate limit filter writes it
//! (draft-polli-ratelimit-headers-03).

use std::fmt::Write as _;

use quorate_core::answer::{Answer, Binding, StatusKind};
use quorate_core::limit::Algorithm;
use quorate_core::time::SECOND;

use super::{Field, ceil_seconds, listed, text};

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";
const WINDOW: &str = "x-ratelimit-window";

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// `X-RateLimit-Limit`, `-Remaining`, `-Reset` in Unix seconds, and `-Window`.
pub(super) fn push_unix(fields: &mut Vec<Field>, binding: &Binding<'_>, kind: Option<StatusKind>, unix_ns: u64) {
    let reset = ceil_seconds(unix_ns.saturating_add(binding.reset_after_ns));
    fields.push((LIMIT, binding.limit.to_string()));
    fields.push((REMAINING, binding.remaining.to_string()));
    fields.push((RESET, reset.to_string()));
    if let Some(window) = window(binding.window_ns, kind) {
        fields.push((WINDOW, window));
    }
}

/// `X-RateLimit-Limit` with the list of limits behind it, `-Remaining`, and `-Reset` in seconds from now.
pub(super) fn push_draft03(fields: &mut Vec<Field>, binding: &Binding<'_>, answer: &Answer<'_>) {
    let mut limit = binding.limit.to_string();
    for listed in listed(answer, binding) {
        // A limit without a window (a slot) has nothing to say in this dialect.
        if listed.window_ns == 0 {
            continue;
        }
        let window = ceil_seconds(listed.window_ns);
        let name = text::quoted(listed.name);
        // Writing to a string cannot fail.
        let _ = write!(limit, ", {};w={window};name=\"{name}\"", listed.limit);
    }
    fields.push((LIMIT, limit));
    fields.push((REMAINING, binding.remaining.to_string()));
    fields.push((RESET, ceil_seconds(binding.reset_after_ns).to_string()));
}

/// How the window goes and how long it is: `sliding_60s`, `fixed_500ms`. `None` for what has no window.
fn window(window_ns: u64, kind: Option<StatusKind>) -> Option<String> {
    if window_ns == 0 {
        return None;
    }
    let kind = match kind {
        Some(StatusKind::Limit(Algorithm::FixedWindow { .. })) => "fixed",
        Some(StatusKind::Limit(Algorithm::TokenBucket { .. } | Algorithm::Pool { .. })) => "bucket",
        // What nothing says otherwise of is the default algorithm; an allowance is a sliding window too.
        _ => "sliding",
    };
    Some(if window_ns.is_multiple_of(SECOND) || window_ns > 10 * SECOND {
        format!("{kind}_{}s", ceil_seconds(window_ns))
    } else {
        format!("{kind}_{}ms", window_ns.div_ceil(MILLISECOND))
    })
}
