//! Operation ids at the node: what a request is recognised by, and how an answer is kept and given again.

use std::sync::Arc;

use quorate_core::answer::{Answer, Binding, DecidedBy, Few, Reason, Retry, Warning};
use quorate_core::replay::{Kept, Operation};
use quorate_core::request::{ChargeMode, Request};
use quorate_core::shard::{Ask, Shard};

/// What a request with an operation id is recognised by; `None` without one, and for looks.
pub fn of(shard: &Shard, request: &Request<'_>, ask: &Ask<'_, '_>) -> Option<Operation> {
    if request.operation_id.is_empty() || ask.look {
        return None;
    }
    let mode = match request.charge_mode {
        ChargeMode::AllOrNone => 0,
        ChargeMode::Each => 1,
        ChargeMode::Record => 2,
    };
    let cost = request.cost.unwrap_or(1).to_le_bytes();
    let fixed = [request.endpoint.as_bytes(), &cost, &[mode, u8::from(request.refund)]];
    // Amounts come in no particular order, so their hashes are added up.
    let amounts = request
        .amounts
        .iter()
        .map(|(meter, amount)| shard.hash([meter.as_bytes(), &amount.to_le_bytes()]));
    Some(Operation {
        id: shard.hash([ask.org.as_bytes(), ask.key.as_bytes(), request.operation_id.as_bytes()]),
        org: shard.hash([ask.org.as_bytes()]),
        declared: ask.terms.org_declared,
        content: amounts.fold(shard.hash(fixed), u128::wrapping_add),
    })
}

/// An allowed answer as it is kept.
pub fn keep(answer: &Answer<'_>) -> Kept {
    let by = &answer.by;
    Kept {
        decision_id: answer.decision_id,
        binding: answer.binding.map(|binding| {
            (
                Arc::from(binding.name),
                binding.limit,
                binding.remaining,
                binding.window_ns,
                binding.reset_after_ns,
            )
        }),
        bound_by_quota: answer.bound_by_quota,
        drawn: answer.drawn,
        overage: answer.overage,
        burst_remaining: answer.burst_remaining,
        warnings: answer
            .warnings
            .iter()
            .map(|warning| (Arc::from(warning.name), warning.used_percent))
            .collect(),
        org: by.org.into(),
        plan: by.plan.into(),
        endpoint: by.endpoint.into(),
        sequence: by.sequence,
        content_hash: by.content_hash.into(),
        slot_held: answer.slot_held,
    }
}

/// A kept answer, given again.
pub fn again(kept: &Kept) -> Answer<'_> {
    let mut warnings = Few::default();
    for (name, used_percent) in &kept.warnings {
        warnings.push(Warning {
            name,
            used_percent: *used_percent,
        });
    }
    let binding = kept.binding.as_ref();
    Answer {
        reason: Reason::Ok,
        retry: Retry::Passed,
        degraded: false,
        binding: binding.map(|(name, limit, remaining, window_ns, reset_after_ns)| Binding {
            name,
            limit: *limit,
            remaining: *remaining,
            window_ns: *window_ns,
            reset_after_ns: *reset_after_ns,
        }),
        bound_by_quota: kept.bound_by_quota,
        payment_required: false,
        drawn: kept.drawn,
        burst_remaining: kept.burst_remaining,
        overage: kept.overage,
        warnings,
        shadow_denied: Few::default(),
        statuses: &[],
        decision_id: kept.decision_id,
        replayed: true,
        slot_held: kept.slot_held,
        by: DecidedBy {
            sequence: kept.sequence,
            content_hash: &kept.content_hash,
            plan: &kept.plan,
            endpoint: &kept.endpoint,
            org: &kept.org,
        },
    }
}
