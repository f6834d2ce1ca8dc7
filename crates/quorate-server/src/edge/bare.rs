//! Answers that no policy gave: to requests that nobody looked at.

use quorate_core::answer::{Answer, DecidedBy, DecisionId, Few, Reason, Retry};

/// An answer for a reason and nothing else, mostly a denial. Nothing was looked at and nothing charged.
#[must_use]
pub fn bare(reason: Reason, retry: Retry) -> Answer<'static> {
    Answer {
        reason,
        retry,
        degraded: false,
        binding: None,
        bound_by_quota: false,
        payment_required: false,
        drawn: 0,
        burst_remaining: 0,
        overage: 0,
        warnings: Few::default(),
        shadow_denied: Few::default(),
        statuses: &[],
        decision_id: DecisionId::default(),
        replayed: false,
        slot_held: false,
        by: DecidedBy {
            sequence: 0,
            content_hash: "",
            plan: "",
            endpoint: "",
            org: "",
        },
    }
}
