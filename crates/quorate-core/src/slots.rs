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

/// The most slots one shard holds: about 6 MB. Beyond it slots are refused.
pub const SLOTS_MAX: usize = 32_768;

/// The most of them that one org holds, so that its keys cannot take every slot of its neighbours.
pub const SLOTS_PER_ORG_MAX: u32 = 8_192;

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

#[derive(Clone, Copy, Debug)]
struct Held {
    holder: Holder,
    org: u128,
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

    /// How many slots a holder has at `now`; as many as can be told when the shard or the org may hold no more.
    pub fn used(&mut self, hash_key: &HashKey, org: &str, holder: Holder, now: Instant) -> u32 {
        self.step(now);
        let of_org = self.of_orgs.get(&keyed_hash(hash_key, [org.as_bytes()]));
        if of_org.is_some_and(|held| *held >= SLOTS_PER_ORG_MAX) {
            return u32::MAX;
        }
        if self.held.len() >= SLOTS_MAX {
            u32::MAX
        } else {
            self.counts.get(&holder).copied().unwrap_or(0)
        }
    }

    /// Takes a slot for a decision; false when the shard holds as many as it may.
    pub fn take(
        &mut self,
        hash_key: &HashKey,
        org: &str,
        holder: Holder,
        decision: DecisionId,
        ttl_ns: u64,
        now: Instant,
    ) -> bool {
        if self.held.len() >= SLOTS_MAX {
            return false;
        }
        let until = now.after(ttl_ns);
        let org = keyed_hash(hash_key, [org.as_bytes()]);
        if self
            .held
            .insert(
                decision,
                Held {
                    holder,
                    org,
                    ttl_ns,
                    until,
                },
            )
            .is_none()
        {
            *self.counts.entry(holder).or_insert(0) += 1;
            *self.of_orgs.entry(org).or_insert(0) += 1;
            self.by_end.insert((until, decision));
        }
        true
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
