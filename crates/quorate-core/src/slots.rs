//! Concurrency slots: what an allowed call holds until it is released or its time to live ends. Forgotten at a crash.
//!
//! Not a queue: nobody waits for a slot here.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::answer::DecisionId;
use crate::state::fingerprint::{HashKey, keyed_hash};
use crate::time::Instant;

/// The most slots one shard holds: about 12 MB. Beyond it slots are refused.
pub const SLOTS_MAX: usize = 65_536;

/// The most of them that orgs hold together which the policy does not declare: whoever may invent keys could take them
/// all. The rest is there for declared orgs alone.
pub const SLOTS_UNDECLARED_MAX: usize = SLOTS_MAX / 4;

/// The most of them that one declared org holds, so that its keys cannot take every slot of its neighbours: 65 keys
/// with 500 slots each.
pub const SLOTS_PER_ORG_MAX: u32 = 32_768;

/// The most of them that one org holds which the policy does not declare: an eighth of what those share.
pub const SLOTS_PER_UNDECLARED_ORG_MAX: u32 = 2_048;

/// Expired slots that one step gives back: a fraction of a millisecond's work.
const EXPIRED_PER_STEP: usize = 512;

/// Whose slots: org, key and the slot's name, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder(u128);

impl Holder {
    /// The holder of a key's slots of one name.
    #[must_use]
    pub fn of(hash_key: &HashKey, org: &str, key: &str, slot: &str) -> Self {
        Self(keyed_hash(hash_key, [org.as_bytes(), key.as_bytes(), slot.as_bytes()]))
    }
}

/// The org that slots are counted on.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'a> {
    /// The org.
    pub org: &'a str,
    /// The policy declares it.
    pub declared: bool,
}

/// What a holder has, and whether it could have more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Slots that it holds.
    pub used: u32,
    /// Its org, or all together, hold as many as they may: it gets none, whatever its depth.
    pub bounded: bool,
}

impl Holding {
    /// Whether a holder that may have `depth` gets no more.
    #[must_use]
    pub const fn is_full(self, depth: u32) -> bool {
        self.bounded || self.used >= depth
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    holder: Holder,
    org: u128,
    declared: bool,
    ttl_ns: u64,
    until: Instant,
}

type Hasher = core::hash::BuildHasherDefault<siphasher::sip::SipHasher13>;

/// All slots held in one shard.
#[derive(Debug, Default)]
pub struct Slots {
    held: HashMap<DecisionId, Held, Hasher>,
    counts: HashMap<Holder, u32, Hasher>,
    of_orgs: HashMap<u128, u32, Hasher>,
    by_end: BTreeSet<(Instant, DecisionId)>,
    /// Of those held, the slots of orgs that the policy does not declare.
    undeclared: usize,
    bounded: u64,
}

impl Slots {
    /// Slots held, some perhaps expired.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Looks that found a bound on slots reached, since the start.
    #[must_use]
    pub const fn bounded(&self) -> u64 {
        self.bounded
    }

    /// What a holder has at `now`, when `taking` are about to be taken by holders of its org.
    pub fn holding(
        &mut self,
        hash_key: &HashKey,
        tenant: Tenant<'_>,
        holder: Holder,
        taking: &[Holder],
        now: Instant,
    ) -> Holding {
        self.step(now);
        let own = taking.iter().filter(|taking| **taking == holder).count();
        let used = self.counts.get(&holder).copied().unwrap_or(0);
        let bounded = !self.has_room(
            keyed_hash(hash_key, [tenant.org.as_bytes()]),
            tenant.declared,
            taking.len(),
        );
        self.bounded += u64::from(bounded);
        Holding {
            used: used.saturating_add(u32::try_from(own).unwrap_or(u32::MAX)),
            bounded,
        }
    }

    /// Takes a slot for a decision; false when the org or all together hold as many as they may.
    pub fn take(
        &mut self,
        hash_key: &HashKey,
        tenant: Tenant<'_>,
        holder: Holder,
        decision: DecisionId,
        ttl_ns: u64,
        now: Instant,
    ) -> bool {
        let org = keyed_hash(hash_key, [tenant.org.as_bytes()]);
        if !self.has_room(org, tenant.declared, 0) {
            return false;
        }
        let until = now.after(ttl_ns);
        let held = Held {
            holder,
            org,
            declared: tenant.declared,
            ttl_ns,
            until,
        };
        if self.held.insert(decision, held).is_none() {
            *self.counts.entry(holder).or_insert(0) += 1;
            *self.of_orgs.entry(org).or_insert(0) += 1;
            self.undeclared += usize::from(!tenant.declared);
            self.by_end.insert((until, decision));
        }
        true
    }

    /// Whether an org may hold another slot beyond `more` that it is about to take.
    fn has_room(&self, org: u128, declared: bool, more: usize) -> bool {
        let of_org = self.of_orgs.get(&org).copied().unwrap_or(0);
        let of_org = of_org.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        let all = self.held.len() + more < SLOTS_MAX;
        if declared {
            all && of_org < SLOTS_PER_ORG_MAX
        } else {
            all && self.undeclared + more < SLOTS_UNDECLARED_MAX && of_org < SLOTS_PER_UNDECLARED_ORG_MAX
        }
    }

    /// Gives a slot back; whether it was held.
    pub fn release(&mut self, hash_key: &HashKey, org: &str, decision: DecisionId, now: Instant) -> bool {
        self.step(now);
        let org = keyed_hash(hash_key, [org.as_bytes()]);
        self.held
            .get(&decision)
            .is_some_and(|held| held.org == org && held.until > now)
            && self.forget(decision)
    }

    /// Starts a slot's time to live anew; its length in nanoseconds, or `None` if it is not held.
    pub fn extend(&mut self, hash_key: &HashKey, org: &str, decision: DecisionId, now: Instant) -> Option<u64> {
        self.step(now);
        let org = keyed_hash(hash_key, [org.as_bytes()]);
        let held = self
            .held
            .get_mut(&decision)
            .filter(|held| held.org == org && held.until > now)?;
        self.by_end.remove(&(held.until, decision));
        held.until = now.after(held.ttl_ns);
        self.by_end.insert((held.until, decision));
        Some(held.ttl_ns)
    }

    /// One small step of giving expired slots back.
    pub fn step(&mut self, now: Instant) {
        for _ in 0..EXPIRED_PER_STEP {
            match self.by_end.first().copied() {
                Some((until, decision)) if until <= now => {
                    self.forget(decision);
                }
                _ => break,
            }
        }
    }

    fn forget(&mut self, decision: DecisionId) -> bool {
        let Some(held) = self.held.remove(&decision) else {
            return false;
        };
        self.by_end.remove(&(held.until, decision));
        take_one(&mut self.counts, &held.holder);
        take_one(&mut self.of_orgs, &held.org);
        self.undeclared -= usize::from(!held.declared);
        true
    }
}

fn take_one<K: Eq + core::hash::Hash>(counts: &mut HashMap<K, u32, Hasher>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}
