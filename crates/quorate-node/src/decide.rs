//! One request: what is asked of the policy and of a shard, and what is answered.

use quorate_core::answer::{Answer, DecidedBy, DecisionId, Few, Reason, Retry};
use quorate_core::request::{InvalidRequest, OPERATION_ID_BYTES_MAX, Request, Subject};
use quorate_core::shard::{Ask, Decision};
use quorate_core::state::fingerprint::Account;
use quorate_core::terms::Terms;
use quorate_core::time::Now;
use quorate_policy::{Bounds, PolicySet, Resolved, Verdict};

use crate::quotas::Patience;
use crate::{Decided, Node, Wanted};

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

    /// As [`Sitting::should_allow_or_park`], for one request.
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
        self.sit().should_allow_or_park(request, wanted, patience, render)
    }

    /// Asks for the units of quotas that requests will find short, before they are decided: what several lack is then on
    /// its way together. Charges nothing and answers nothing.
    pub fn ask_ahead(&self, requests: &[Request<'_>]) {
        let now = self.clock.now();
        let in_force = self.in_force.load();
        for request in requests.iter().filter(|request| !request.refund) {
            // What is wrong with a request is said when it is decided.
            let Ok(resolved) = self.resolve(&in_force.policy, request, now) else {
                continue;
            };
            let Verdict::Charge(terms) = &resolved.verdict else {
                continue;
            };
            let org = self.org_hash(resolved.org);
            let ask = ask(request, &resolved, terms, DecisionId::default(), org.account());
            let mut shard = self.shard_by(org).lock();
            if !shard.accepts(in_force.generation) {
                return;
            }
            shard.ask_ahead(&in_force.layouts, &ask, now);
            self.stir(&mut shard);
        }
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

    pub(crate) const fn bounds(&self) -> Bounds {
        Bounds {
            cost_max: self.config.cost_max,
        }
    }
}

/// A request as a shard is asked.
pub fn ask<'a, 'p>(
    request: &Request<'a>,
    resolved: &Resolved<'a>,
    terms: &'a Terms<'p>,
    decision_id: DecisionId,
    account: Account,
) -> Ask<'a, 'p> {
    Ask {
        org: resolved.org,
        account,
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
