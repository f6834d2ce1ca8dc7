//! Several requests of one org, all or none.

use std::sync::Arc;

use quorate_core::answer::{Answer, DecidedBy, DecisionId, Reason, Status};
use quorate_core::replay::{Kept, Known, Operation};
use quorate_core::request::{InvalidRequest, Request};
use quorate_core::shard::{Ask, Batch, Decision, Shard};
use quorate_core::state::fingerprint::Account;
use quorate_core::state::layout::Layouts;
use quorate_core::time::Now;
use quorate_policy::{PolicySet, Resolved, Verdict};

use crate::decide::{answer, ask, decided_by, unlimited};
use crate::quotas::Patience;
use crate::{Decided, Node, Wanted, operation};

/// What came of one request of a batch so far.
// Nearly every outcome is a decision: boxing it would only allocate for each.
#[allow(clippy::large_enum_variant)]
enum Outcome<'a> {
    /// No limit had a part in it.
    Unlimited(Reason),
    /// It was answered before, under the same operation id.
    Again(Arc<Kept>),
    /// The limits decided.
    Decided {
        ask: Ask<'a, 'a>,
        decision: Decision<'a>,
        statuses: Vec<Status<'a>>,
        operation: Option<Operation>,
    },
}

/// A request of a batch.
struct Item<'a> {
    decision_id: DecisionId,
    by: DecidedBy<'a>,
    outcome: Outcome<'a>,
}

/// What all requests of a batch are judged by.
#[derive(Clone, Copy)]
struct Judging<'j> {
    layouts: &'j Layouts,
    account: Account,
    wanted: Wanted,
    now: Now,
}

impl Node {
    /// Decides requests of one org, all or none, and hands each answer to `render` in order. Answers whether all were
    /// charged. If one is denied the others say what they would have been. While there is patience, and all that is
    /// missing are units of quotas and pools that are on their way, it gives them a place to wait together instead, and nothing was
    /// charged.
    ///
    /// # Errors
    /// What is structurally wrong with a request, or that they are not of one org; nothing was charged.
    pub fn should_allow_all(
        &self,
        requests: &[Request<'_>],
        wanted: Wanted,
        patience: Patience,
        mut render: impl FnMut(usize, &Answer<'_>),
    ) -> Result<Decided<bool>, InvalidRequest> {
        let now = self.clock.now();
        loop {
            let in_force = self.in_force.load();
            let policy = &*in_force.policy;
            let resolved = self.resolve_all(policy, requests, now)?;
            let charged = resolved
                .iter()
                .find(|resolved| matches!(resolved.verdict, Verdict::Charge(_)));
            // Where nothing is charged any shard will do.
            let org = charged.map_or("", |charged| charged.org);
            let org_hash = self.org_hash(org);
            let mut shard = self.shard_by(org_hash).lock();
            if !shard.accepts(in_force.generation) {
                continue;
            }
            shard.usage().name_meters(policy.meters());
            let layouts = &*in_force.layouts;
            let judging = Judging {
                layouts,
                account: org_hash.account(),
                wanted,
                now,
            };
            let mut batch = Batch::default();
            let mut items: Vec<Item<'_>> = Vec::with_capacity(requests.len());
            for (index, (request, resolved)) in requests.iter().zip(&resolved).enumerate() {
                let decision_id = self.next_decision(now);
                let outcome = decide_next(&mut shard, &mut batch, judging, request, resolved, decision_id, &items);
                let outcome = outcome.map_err(|source| InvalidRequest::Item {
                    index,
                    source: Box::new(source),
                })?;
                items.push(Item {
                    decision_id,
                    by: decided_by(policy, resolved),
                    outcome,
                });
            }
            let denied = items.iter().any(Item::is_forbidden);
            let all = !denied && shard.finish(batch, layouts, now);
            if all {
                keep(&mut shard, &mut items, now);
            }
            self.stir(&mut shard);
            // Under the lock, so that nothing arrives between the decision and the wait.
            if !all
                && items.iter().all(Item::may_pass)
                && let Some(parked) = self.park(org, patience)
            {
                return Ok(Decided::Parked(parked));
            }
            drop(shard);
            for (index, item) in items.iter().enumerate() {
                render(index, &item.answer());
            }
            return Ok(Decided::Answered(all));
        }
    }

    /// Checks requests as [`Node::should_allow_all`] does before it looks at a limit, and charges nothing: for whoever has
    /// something else to charge first.
    ///
    /// # Errors
    /// What is structurally wrong with a request, or that they are not of one org.
    pub fn check_together(&self, requests: &[Request<'_>]) -> Result<(), InvalidRequest> {
        let in_force = self.in_force.load();
        self.resolve_all(&in_force.policy, requests, self.clock.now()).map(drop)
    }

    fn resolve_all<'a>(
        &self,
        policy: &'a PolicySet,
        requests: &[Request<'a>],
        now: Now,
    ) -> Result<Vec<Resolved<'a>>, InvalidRequest> {
        let mut all = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            let resolved = self.resolve(policy, request, now);
            all.push(resolved.map_err(|source| InvalidRequest::Item {
                index,
                source: Box::new(source),
            })?);
        }
        // A key or org that an end user can choose makes a denial, not an error: only what is charged is compared.
        let mut orgs = all
            .iter()
            .filter(|resolved| matches!(resolved.verdict, Verdict::Charge(_)));
        let first = orgs.next().map(|first| first.org);
        if orgs.any(|other| Some(other.org) != first) {
            let problem = "its requests are of more than one org";
            return Err(InvalidRequest::Conflict {
                field: "all_or_nothing",
                problem,
            });
        }
        Ok(all)
    }
}

impl Item<'_> {
    /// Denied before any limit was looked at.
    fn is_forbidden(&self) -> bool {
        matches!(self.outcome, Outcome::Unlimited(reason) if reason != Reason::Ok)
    }

    /// Passed, or lacks nothing but units that are on their way.
    fn may_pass(&self) -> bool {
        match &self.outcome {
            Outcome::Unlimited(reason) => *reason == Reason::Ok,
            Outcome::Again(_) => true,
            Outcome::Decided { decision, .. } => {
                decision.awaits_pool || matches!(decision.reason, Reason::Ok | Reason::QuotaPending)
            }
        }
    }

    fn answer(&self) -> Answer<'_> {
        match &self.outcome {
            Outcome::Unlimited(reason) => unlimited(*reason, self.decision_id, self.by),
            Outcome::Again(kept) => operation::again(kept),
            Outcome::Decided { decision, statuses, .. } => Answer {
                statuses,
                ..answer(decision.clone(), self.decision_id, self.by)
            },
        }
    }
}

/// Judges the next request of a batch.
fn decide_next<'a>(
    shard: &mut Shard,
    batch: &mut Batch,
    judging: Judging<'_>,
    request: &Request<'a>,
    resolved: &'a Resolved<'a>,
    decision_id: DecisionId,
    earlier: &[Item<'_>],
) -> Result<Outcome<'a>, InvalidRequest> {
    let terms = match &resolved.verdict {
        Verdict::Denied(reason) => return Ok(Outcome::Unlimited(*reason)),
        Verdict::Exempt => return Ok(Outcome::Unlimited(Reason::Ok)),
        Verdict::Charge(terms) => terms,
    };
    let ask = ask(request, resolved, terms, decision_id, judging.account);
    let operation = operation::of(shard, request, &ask);
    if let Some(operation) = &operation {
        let same = |item: &Item<'_>| matches!(&item.outcome, Outcome::Decided { operation: Some(other), .. } if other.id == operation.id);
        if earlier.iter().any(same) {
            let problem = "an operation may stand only once in a batch that is all or nothing";
            return Err(InvalidRequest::Conflict {
                field: "operation_id",
                problem,
            });
        }
        match shard.replays().find(operation, judging.now.instant) {
            Known::New => {}
            Known::OtherContent => return Err(InvalidRequest::OperationReused),
            Known::Answered(kept) => return Ok(Outcome::Again(kept)),
        }
    }
    let mut statuses = Vec::new();
    let wanted = judging.wanted.statuses.then_some(&mut statuses);
    let decision = shard.decide_next(batch, judging.layouts, &ask, judging.now, wanted);
    Ok(Outcome::Decided {
        ask,
        decision,
        statuses,
        operation,
    })
}

/// Takes the slots and keeps the answers of a batch that was charged.
fn keep(shard: &mut Shard, items: &mut [Item<'_>], now: Now) {
    for item in items {
        let mut keeping = None;
        if let Outcome::Decided {
            ask,
            decision,
            operation,
            ..
        } = &mut item.outcome
        {
            shard.hold_for(ask, decision, now);
            if !ask.look {
                shard.count(ask, decision.reason, now);
            }
            keeping = *operation;
        }
        if let Some(operation) = keeping {
            shard
                .replays()
                .keep(&operation, operation::keep(&item.answer()), now.instant);
        }
    }
}
