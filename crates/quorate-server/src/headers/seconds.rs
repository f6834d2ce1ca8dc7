//! Nanoseconds in the whole seconds that header fields speak. Always rounded up, so that a client that waits as long
//! as it was told does not come back too early.

use quorate_core::answer::{Answer, Retry};
use quorate_core::time::SECOND;

/// What a client is told to wait when nobody can say when it would pass (a slot, an overload): the least that
/// `Retry-After` can say other than "now".
const RETRY_LATER_SECONDS: u64 = 1;

/// Nanoseconds in whole seconds, rounded up.
#[must_use]
pub const fn ceil_seconds(nanos: u64) -> u64 {
    nanos.div_ceil(SECOND)
}

/// The value of `Retry-After`: at least 1, with every denial that can pass later; `None` otherwise.
#[must_use]
pub fn retry_after_seconds(answer: &Answer<'_>) -> Option<u64> {
    match answer.retry {
        Retry::After(nanos) => Some(ceil_seconds(nanos).max(1)),
        Retry::Later => Some(RETRY_LATER_SECONDS),
        Retry::Passed | Retry::Never => None,
    }
}
