//! Operation ids: an allowed answer is kept for ten minutes and given again to a repeated request, charged once.
//!
//! Only allowed answers are kept: a denied request may be tried again. Lost at a crash.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;

use crate::answer::DecisionId;
use crate::time::{Instant, SECOND};

/// How long an answer is kept, in nanoseconds.
pub const KEPT_NS: u64 = 600 * SECOND;

/// The most answers kept for one org that the policy declares: about 5 MB. Beyond it its oldest go, and a metric counts
/// them.
pub const KEPT_PER_ORG_MAX: usize = 8_192;

/// The same for one that it does not declare.
pub const KEPT_PER_UNDECLARED_ORG_MAX: usize = 4_096;

/// The most answers kept in one shard for all orgs that the policy declares: about 8 MB. Beyond it an org that has more
/// than its even share gives up its own oldest answer, else the oldest of all goes.
pub const KEPT_MAX: usize = 12_288;

/// The same for all others, apart: ids of invented orgs push out no answer of a declared one.
pub const KEPT_UNDECLARED_MAX: usize = 8_192;

/// Expired answers that one step forgets.
const EXPIRED_PER_STEP: usize = 64;

/// What a repeated request is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Hash of org, key and operation id.
    pub id: u128,
    /// Hash of the org.
    pub org: u128,
    /// The policy declares the org.
    pub declared: bool,
    /// Hash of what was asked: endpoint, cost, amounts, mode.
    pub content: u128,
}

/// An allowed answer, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which decision it was.
    pub decision_id: DecisionId,
    /// The binding limit: name, limit, remaining, window and time to whole in nanoseconds.
    pub binding: Option<(Arc<str>, u64, u64, u64, u64)>,
    /// The binding limit is a quota.
    pub bound_by_quota: bool,
    /// Units drawn from the pool.
    pub drawn: u64,
    /// Units beyond a soft quota.
    pub overage: u64,
    /// What could still be drawn.
    pub burst_remaining: u64,
    /// Warnings: limit and percent.
    pub warnings: Box<[(Arc<str>, u32)]>,
    /// The org that was charged.
    pub org: Box<str>,
    /// The plan that applied.
    pub plan: Box<str>,
    /// The catalogue entry.
    pub endpoint: Box<str>,
    /// The policy's sequence.
    pub sequence: u64,
    /// The policy's content hash.
    pub content_hash: Box<str>,
    /// It took a slot.
    pub slot_held: bool,
}

/// What is known of an operation id.
#[derive(Clone, Debug)]
pub enum Known {
    /// Nothing.
    New,
    /// It was answered.
    Answered(Arc<Kept>),
    /// It was used with other content.
    OtherContent,
}

#[derive(Debug)]
struct Answered {
    content: u128,
    org: u128,
    /// When it is forgotten, and its number among all: its place in the order.
    place: (Instant, u64),
    kept: Arc<Kept>,
}

type Hasher = core::hash::BuildHasherDefault<siphasher::sip::SipHasher13>;

/// The answers kept in one shard.
#[derive(Debug)]
pub struct Replays {
    declared: Share,
    undeclared: Share,
}

/// The answers kept for some of the orgs.
#[derive(Debug)]
struct Share {
    max: usize,
    per_org_max: usize,
    answered: HashMap<u128, Answered, Hasher>,
    /// All operations, oldest first.
    order: BTreeMap<(Instant, u64), u128>,
    by_org: HashMap<u128, VecDeque<u128>, Hasher>,
    count: u64,
    evicted: u64,
}

impl Default for Replays {
    fn default() -> Self {
        Self {
            declared: Share::of(KEPT_MAX, KEPT_PER_ORG_MAX),
            undeclared: Share::of(KEPT_UNDECLARED_MAX, KEPT_PER_UNDECLARED_ORG_MAX),
        }
    }
}

impl Replays {
    /// Answers kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.declared.answered.len() + self.undeclared.answered.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers forgotten early, since the start.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.declared.evicted + self.undeclared.evicted
    }

    /// What is known of an operation at `now`.
    #[must_use]
    pub fn find(&self, operation: &Operation, now: Instant) -> Known {
        // A reload may have declared the org, or left it out, since the answer was kept.
        let shares = [&self.declared, &self.undeclared];
        match shares.into_iter().find_map(|share| share.answered.get(&operation.id)) {
            Some(answered) if answered.place.0 <= now => Known::New,
            Some(answered) if answered.content != operation.content => Known::OtherContent,
            Some(answered) => Known::Answered(Arc::clone(&answered.kept)),
            None => Known::New,
        }
    }

    /// Keeps an allowed answer.
    pub fn keep(&mut self, operation: &Operation, kept: Kept, now: Instant) {
        self.step(now);
        self.declared.forget(operation.id);
        self.undeclared.forget(operation.id);
        if operation.declared {
            self.declared.keep(operation, kept, now);
        } else {
            self.undeclared.keep(operation, kept, now);
        }
    }

    /// One small step of forgetting what is too old.
    pub fn step(&mut self, now: Instant) {
        self.declared.step(now);
        self.undeclared.step(now);
    }
}

impl Share {
    fn of(max: usize, per_org_max: usize) -> Self {
        Self {
            max,
            per_org_max,
            answered: HashMap::default(),
            order: BTreeMap::new(),
            by_org: HashMap::default(),
            count: 0,
            evicted: 0,
        }
    }

    fn keep(&mut self, operation: &Operation, kept: Kept, now: Instant) {
        self.count += 1;
        let place = (now.after(KEPT_NS), self.count);
        let answered = Answered {
            content: operation.content,
            org: operation.org,
            place,
            kept: Arc::new(kept),
        };
        self.answered.insert(operation.id, answered);
        self.order.insert(place, operation.id);
        let of_org = self.by_org.entry(operation.org).or_default();
        of_org.push_back(operation.id);
        let (len, own) = (of_org.len(), of_org.front().copied());
        let full = self.answered.len() > self.max;
        if len > self.per_org_max || full {
            let greedy = len > self.per_org_max || len > self.max / self.by_org.len();
            let oldest = self.order.first_key_value().map(|(_, id)| *id);
            if let Some(id) = if greedy { own } else { oldest } {
                self.evicted += 1;
                self.forget(id);
            }
        }
    }

    fn step(&mut self, now: Instant) {
        for _ in 0..EXPIRED_PER_STEP {
            match self.order.first_key_value() {
                Some(((until, _), id)) if *until <= now => {
                    let id = *id;
                    self.forget(id);
                }
                _ => break,
            }
        }
    }

    fn forget(&mut self, id: u128) {
        let Some(answered) = self.answered.remove(&id) else {
            return;
        };
        self.order.remove(&answered.place);
        let Some(of_org) = self.by_org.get_mut(&answered.org) else {
            return;
        };
        // Nearly always the first: ids are forgotten in the order in which they came.
        if let Some(place) = of_org.iter().position(|known| *known == id) {
            of_org.remove(place);
        }
        if of_org.is_empty() {
            self.by_org.remove(&answered.org);
        }
    }
}
