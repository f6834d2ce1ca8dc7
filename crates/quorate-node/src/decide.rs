//! One request: what applies, the decision under the org's lock, and the answer outside it.

use quorate_core::answer::{Answer, DecidedBy, DecisionId, Few, Reason, Retry};
use quorate_core::replay::Known;
use quorate_core::request::{ChargeMode, InvalidRequest, OPERATION_ID_BYTES_MAX, Request, Subject};
use quorate_core::shard::{Ask, Decision};
use quorate_core::terms::Terms;
use quorate_core::time::Now;
use quorate_policy::{Bounds, PolicySet, Resolved, Verdict};

use crate::quotas::{Parked, Patience};
use crate::{Node, Wanted, operation};

impl Node {
    /// Decides one request and hands the answer to `render`, outside every lock.
    ///
    /// # Errors
    /// What is structurally wrong with the request; nothing was charged.
    pub fn should_allow<R>(
        &self,
        request: &Request<'_>,
        wanted: Wanted,
        render: impl FnOnce(&Answer<'_>) -> R,
    ) -> Result<R, InvalidRequest> {
        match self.should_allow_or_park(request, wanted, Patience::Over, render)? {
            Decided::Answered(answer) => Ok(answer),
            Decided::Parked(_) => unreachable!("a request without patience is not parked"),
        }
    }

    /// Decides one request as [`Node::should_allow`] does, but where units of a quota or of a durable pool are on their
    /// way gives it a place to wait instead of an answer, while there is patience. To be asked again, with what is left
    /// of it, when the wait is over. Nothing was charged by a request that is parked.
    ///
    /// # Errors
    /// What is structurally wrong with the request; nothing was charged.
    pub fn should_allow_or_park<R>(
        &self,
        request: &Request<'_>,
        wanted: Wanted,
        patience: Patience,
        render: impl FnOnce(&Answer<'_>) -> R,
    ) -> Result<Decided<R>, InvalidRequest> {
        let now = self.clock.now();
        let mut render = render;
        loop {
            let policy = self.policy.load();
            let resolved = self.resolve(&policy, request, now)?;
            let decision_id = self.next_decision(now);
            let by = decided_by(&policy, &resolved);
            let ask = match &resolved.verdict {
                Verdict::Denied(reason) => {
                    return Ok(Decided::Answered(render(&unlimited(*reason, decision_id, by))));
                }
                Verdict::Exempt => {
                    return Ok(Decided::Answered(render(&unlimited(Reason::Ok, decision_id, by))));
                }
                Verdict::Charge(terms) => ask(request, &resolved, terms, decision_id),
            };
            match self.charge(request, &ask, (&policy, by), (wanted, patience), now, render)? {
                Charged::Answered(answer) => return Ok(Decided::Answered(answer)),
                Charged::Parked(parked) => return Ok(Decided::Parked(parked)),
                // The policy changed between the look at it and the lock.
                Charged::Outdated(again) => render = again,
            }
        }
    }

    /// Asks for the units of quotas that requests will find short, before they are decided: what several lack is then on
    /// its way together. Charges nothing and answers nothing.
    pub fn ask_ahead(&self, requests: &[Request<'_>]) {
        let now = self.clock.now();
        let policy = self.policy.load();
        for request in requests.iter().filter(|request| !request.refund) {
            // What is wrong with a request is said when it is decided.
            let Ok(resolved) = self.resolve(&policy, request, now) else {
                continue;
            };
            let Verdict::Charge(terms) = &resolved.verdict else {
                continue;
            };
            let ask = ask(request, &resolved, terms, DecisionId::default());
            let mut shard = self.shard_of(ask.org).lock();
            if self.is_outdated(policy.sequence()) {
                return;
            }
            shard.ask_ahead(&self.layouts.load(), &ask, now);
            self.stir(&mut shard);
        }
    }

    /// Checks requests as they would be for a decision, and charges nothing: for batches, which are refused whole.
    ///
    /// # Errors
    /// What is structurally wrong with the first request that is, naming it.
    pub fn check_all(&self, requests: &[Request<'_>]) -> Result<(), InvalidRequest> {
        let policy = self.policy.load();
        let now = self.clock.now();
        let mut operations = std::collections::BTreeMap::new();
        for (index, request) in requests.iter().enumerate() {
            let item = |source| InvalidRequest::Item {
                index,
                source: Box::new(source),
            };
            if request.operation_id.is_empty() {
                // What applies to it is asked when it is decided.
                policy.check(request, self.bounds()).map_err(item)?;
                continue;
            }
            let resolved = self.resolve(&policy, request, now).map_err(item)?;
            let mut shard = self.shard_of(resolved.org).lock();
            let Verdict::Charge(terms) = &resolved.verdict else {
                continue;
            };
            let ask = ask(request, &resolved, terms, DecisionId::default());
            let Some(operation) = operation::of(&shard, request, &ask) else {
                continue;
            };
            let other = matches!(shard.replays().find(&operation, now.instant), Known::OtherContent);
            let first = *operations.entry(operation.id).or_insert(operation.content);
            if other || first != operation.content {
                return Err(item(InvalidRequest::OperationReused));
            }
        }
        Ok(())
    }

    /// Whether a newer policy is in force. Under a shard's lock: a decision by an older one would undo what a decision
    /// by the newer one has carried over.
    pub(crate) fn is_outdated(&self, sequence: u64) -> bool {
        self.policy.load().sequence() != sequence
    }

    pub(crate) fn resolve<'a>(
        &self,
        policy: &'a PolicySet,
        request: &Request<'a>,
        now: Now,
    ) -> Result<Resolved<'a>, InvalidRequest> {
        let bytes = request.operation_id.len();
        if bytes > OPERATION_ID_BYTES_MAX {
            return Err(InvalidRequest::TooLong {
                field: "operation_id",
                bytes,
                max: OPERATION_ID_BYTES_MAX,
            });
        }
        let credential = match request.subject {
            Subject::Key(_) => None,
            Subject::Credential(secret) => {
                Some(*blake3::keyed_hash(&self.config.credential_key, secret.as_bytes()).as_bytes())
            }
        };
        policy.resolve(request, self.bounds(), credential, now.instant)
    }

    const fn bounds(&self) -> Bounds {
        Bounds {
            cost_max: self.config.cost_max,
        }
    }

    fn charge<'p, R, F: FnOnce(&Answer<'_>) -> R>(
        &self,
        request: &Request<'_>,
        ask: &Ask<'_, 'p>,
        (policy, by): (&PolicySet, DecidedBy<'p>),
        (wanted, patience): (Wanted, Patience),
        now: Now,
        render: F,
    ) -> Result<Charged<R, F>, InvalidRequest> {
        let mut statuses = Vec::new();
        let mut shard = self.shard_of(ask.org).lock();
        if self.is_outdated(by.sequence) {
            return Ok(Charged::Outdated(render));
        }
        shard.usage().name_meters(policy.meters());
        let operation = operation::of(&shard, request, ask);
        if let Some(operation) = &operation {
            match shard.replays().find(operation, now.instant) {
                Known::New => {}
                Known::OtherContent => return Err(InvalidRequest::OperationReused),
                Known::Answered(kept) => {
                    drop(shard);
                    return Ok(Charged::Answered(render(&operation::again(&kept))));
                }
            }
        }
        let layouts = self.layouts.load();
        let mut decision = Decision::default();
        let visit = wanted.statuses.then_some(&mut statuses);
        shard.decide_into(&layouts, ask, now, visit, &mut decision);
        self.stir(&mut shard);
        let waits = decision.reason == Reason::QuotaPending || decision.awaits_pool;
        // Under the lock, so that nothing arrives between the decision and the wait. What charges limits even when it is
        // denied has done so already.
        if waits
            && ask.mode != ChargeMode::Each
            && let Some(parked) = self.park(ask.org, patience)
        {
            return Ok(Charged::Parked(parked));
        }
        let mut answer = answer(decision, ask.decision_id, by);
        if let Some(operation) = operation.filter(|_| answer.allowed()) {
            shard.replays().keep(&operation, operation::keep(&answer), now.instant);
        }
        drop(shard);
        answer.statuses = &statuses;
        Ok(Charged::Answered(render(&answer)))
    }
}

/// What came of a request that may be parked.
#[derive(Debug)]
pub enum Decided<R> {
    /// It was decided.
    Answered(R),
    /// It waits for units of a quota or a durable pool.
    Parked(Parked),
}

/// What came of a request whose limits were to be charged.
enum Charged<R, F> {
    /// It was decided.
    Answered(R),
    /// It waits for units of a quota or a durable pool.
    Parked(Parked),
    /// A newer policy is in force than the one that it was to be decided by: nothing was charged.
    Outdated(F),
}

/// A request as a shard is asked.
pub fn ask<'a, 'p>(
    request: &Request<'a>,
    resolved: &Resolved<'a>,
    terms: &'a Terms<'p>,
    decision_id: DecisionId,
) -> Ask<'a, 'p> {
    Ask {
        org: resolved.org,
        key: resolved.key,
        endpoint: resolved.endpoint,
        attributes: request.attributes,
        terms,
        mode: request.charge_mode,
        look: resolved.look,
        refund: request.refund,
        decision_id,
    }
}

/// Which policy decides, and what of it applies.
pub fn decided_by<'a>(policy: &'a PolicySet, resolved: &Resolved<'a>) -> DecidedBy<'a> {
    DecidedBy {
        sequence: policy.sequence(),
        content_hash: policy.content_hash(),
        plan: resolved.plan,
        endpoint: resolved.endpoint,
        org: resolved.org,
    }
}

/// What a shard decided, as an answer.
pub fn answer<'a>(decision: Decision<'a>, decision_id: DecisionId, by: DecidedBy<'a>) -> Answer<'a> {
    Answer {
        reason: decision.reason,
        retry: decision.retry,
        degraded: decision.degraded,
        binding: decision.binding,
        bound_by_quota: decision.bound_by_quota,
        payment_required: decision.payment_required,
        drawn: decision.drawn,
        burst_remaining: decision.burst_remaining,
        overage: decision.overage,
        warnings: decision.warnings,
        shadow_denied: decision.shadow_denied,
        statuses: &[],
        decision_id,
        replayed: false,
        slot_held: decision.slot_held,
        by,
    }
}

/// An answer that no limit had a part in.
pub fn unlimited(reason: Reason, decision_id: DecisionId, by: DecidedBy<'_>) -> Answer<'_> {
    Answer {
        reason,
        retry: if reason == Reason::Ok {
            Retry::Passed
        } else {
            Retry::Never
        },
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
        decision_id,
        replayed: false,
        slot_held: false,
        by,
    }
}
