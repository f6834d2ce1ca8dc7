//! Decisions one after another, by one look at what is in force: for a batch, and for what has come on a stream. Each
//! decision is made under its org's lock, and answered outside it.

use std::sync::Arc;

use arc_swap::Guard;
use quorate_core::answer::{Answer, DecidedBy, DecisionId, Reason};
use quorate_core::replay::Known;
use quorate_core::request::{ChargeMode, InvalidRequest, Request};
use quorate_core::shard::{Ask, Decision};
use quorate_core::state::fingerprint::OrgHash;
use quorate_core::time::Now;
use quorate_policy::Verdict;

use crate::decide::{answer, ask, decided_by, unlimited};
use crate::quotas::{Parked, Patience};
use crate::{InForce, Node, Wanted, operation};

/// Decisions one after another. To be given up soon: while it lasts, what was in force at its beginning is kept, and holds
/// where nothing newer has decided yet.
#[derive(Debug)]
pub struct Sitting<'n> {
    node: &'n Node,
    in_force: Guard<Arc<InForce>>,
}

impl Node {
    /// Begins a sitting, by what is in force now.
    #[must_use]
    pub fn sit(&self) -> Sitting<'_> {
        Sitting {
            node: self,
            in_force: self.in_force.load(),
        }
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

impl Sitting<'_> {
    /// Decides one request as [`Node::should_allow`] does, but where units of a quota or of a durable pool are on their
    /// way gives it a place to wait instead of an answer, while there is patience. To be asked again, with what is left
    /// of it, when the wait is over. Nothing was charged by a request that is parked.
    ///
    /// # Errors
    /// What is structurally wrong with the request; nothing was charged.
    pub fn should_allow_or_park<R>(
        &mut self,
        request: &Request<'_>,
        wanted: Wanted,
        patience: Patience,
        render: impl FnOnce(&Answer<'_>) -> R,
    ) -> Result<Decided<R>, InvalidRequest> {
        let now = self.node.clock.now();
        let mut render = render;
        loop {
            match self.decide(request, (wanted, patience), now, render)? {
                Charged::Answered(answer) => return Ok(Decided::Answered(answer)),
                Charged::Parked(parked) => return Ok(Decided::Parked(parked)),
                Charged::Outdated(again) => {
                    render = again;
                    self.in_force = self.node.in_force.load();
                }
            }
        }
    }

    /// Checks requests as they would be for a decision, and charges nothing: for batches, which are refused whole.
    ///
    /// # Errors
    /// What is structurally wrong with the first request that is, naming it.
    pub fn check_all(&self, requests: &[Request<'_>]) -> Result<(), InvalidRequest> {
        let (node, policy) = (self.node, &*self.in_force.policy);
        let now = node.clock.now();
        let mut operations = std::collections::BTreeMap::new();
        for (index, request) in requests.iter().enumerate() {
            let item = |source| InvalidRequest::Item {
                index,
                source: Box::new(source),
            };
            if request.operation_id.is_empty() {
                // What applies to it is asked when it is decided.
                policy.check(request, node.bounds()).map_err(item)?;
                continue;
            }
            let resolved = node.resolve(policy, request, now).map_err(item)?;
            let Verdict::Charge(terms) = &resolved.verdict else {
                continue;
            };
            let org = node.org_hash(resolved.org);
            let mut shard = node.shard_by(org).lock();
            let ask = ask(request, &resolved, terms, DecisionId::default(), org.account());
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

    fn decide<R, F: FnOnce(&Answer<'_>) -> R>(
        &self,
        request: &Request<'_>,
        how: (Wanted, Patience),
        now: Now,
        render: F,
    ) -> Result<Charged<R, F>, InvalidRequest> {
        let (node, policy) = (self.node, &*self.in_force.policy);
        let resolved = node.resolve(policy, request, now)?;
        let decision_id = node.next_decision(now);
        let by = decided_by(policy, &resolved);
        match &resolved.verdict {
            Verdict::Denied(reason) => Ok(Charged::Answered(render(&unlimited(*reason, decision_id, by)))),
            Verdict::Exempt => Ok(Charged::Answered(render(&unlimited(Reason::Ok, decision_id, by)))),
            Verdict::Charge(terms) => {
                let org = node.org_hash(resolved.org);
                let ask = ask(request, &resolved, terms, decision_id, org.account());
                self.charge(request, (&ask, org), by, how, now, render)
            }
        }
    }

    fn charge<'p, R, F: FnOnce(&Answer<'_>) -> R>(
        &self,
        request: &Request<'_>,
        (ask, org): (&Ask<'_, 'p>, OrgHash),
        by: DecidedBy<'p>,
        (wanted, patience): (Wanted, Patience),
        now: Now,
        render: F,
    ) -> Result<Charged<R, F>, InvalidRequest> {
        let node = self.node;
        let mut statuses = Vec::new();
        let mut shard = node.shard_by(org).lock();
        if !shard.accepts(self.in_force.generation) {
            return Ok(Charged::Outdated(render));
        }
        shard.usage().name_meters(self.in_force.policy.meters());
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
        let mut decision = Decision::default();
        let visit = wanted.statuses.then_some(&mut statuses);
        shard.decide_into(&self.in_force.layouts, ask, now, visit, &mut decision);
        node.stir(&mut shard);
        let waits = decision.reason == Reason::QuotaPending || decision.awaits_pool;
        // Under the lock, so that nothing arrives between the decision and the wait. What charges limits even when it is
        // denied has done so already.
        if waits
            && ask.mode != ChargeMode::Each
            && let Some(parked) = node.park(ask.org, patience)
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
