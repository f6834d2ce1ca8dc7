//! The durable burst pools of one shard: what may be lent of each, and what the node has to ask of the store. Nothing
//! here reads or writes; the node asks for wishes, and says what came of them.
//!
//! Without a store pools live in the table of counters only, and nothing here is used.

pub mod ledger;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::pools::ledger::{Ledger, PoolTerms, Urgency, Wish};
use crate::state::fingerprint::{HashKey, keyed_hash};
use crate::time::{Instant, Now, SECOND};
use crate::window::pool::Pool;

/// The most durable pools that one shard keeps: about 8 MB. Beyond it what needs a new one finds it empty. Those that
/// are full are forgotten.
pub const POOLS_MAX: usize = 32_768;

/// Pools that one step of housekeeping looks at.
const SWEEP_PER_STEP: usize = 64;

/// For how long a pool that is full stays known: who meets it again has its row read again.
const IDLE_NS: u64 = 600 * SECOND;

/// The same when more than half of the room is taken.
const IDLE_NS_CROWDED: u64 = SECOND;

/// What a pool is found by: a hash of its org and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u128);

impl PoolId {
    /// The pool of that name of an org.
    #[must_use]
    pub fn of(hash_key: &HashKey, org: &str, pool: &str) -> Self {
        Self(keyed_hash(hash_key, [org.as_bytes(), pool.as_bytes()]))
    }
}

/// What the store is asked of a pool. Instants are the node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolWish {
    /// The pool.
    pub id: PoolId,
    /// Its org.
    pub org: Arc<str>,
    /// Its name.
    pub pool: Arc<str>,
    /// What is asked.
    pub wish: Wish,
}

#[derive(Debug)]
struct Known {
    org: Arc<str>,
    pool: Arc<str>,
    ledger: Ledger,
    stirred: bool,
}

type Hasher = core::hash::BuildHasherDefault<siphasher::sip::SipHasher13>;

/// The durable pools.
#[derive(Debug, Default)]
pub struct Pools {
    durable: bool,
    /// The store does not answer.
    away: bool,
    known: HashMap<PoolId, Known, Hasher>,
    /// Every pool once, in the order in which housekeeping looks at them.
    round: VecDeque<PoolId>,
    /// Pools that may wish something, each once.
    stirred: VecDeque<PoolId>,
    urgent: bool,
    refused: u64,
}

impl Pools {
    /// From now on pools lend only what the store lacks.
    pub fn make_durable(&mut self) {
        self.durable = true;
    }

    /// Whether they do.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.durable
    }

    /// Says whether the store answers.
    pub fn set_away(&mut self, away: bool) {
        self.away = away;
    }

    /// Whether the store does not answer.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        self.away
    }

    /// The ledger of a pool, if it is kept.
    pub fn ledger(&mut self, id: PoolId) -> Option<&mut Ledger> {
        self.known.get_mut(&id).map(|known| &mut known.ledger)
    }

    /// Whether a pool is kept, or can be.
    #[must_use]
    pub fn has_room_for(&self, id: PoolId) -> bool {
        self.known.len() < POOLS_MAX || self.known.contains_key(&id)
    }

    /// Keeps the ledger of a pool; its row will be asked for. False when no more can be kept.
    pub fn keep(&mut self, id: PoolId, org: &str, pool: &Arc<str>, terms: PoolTerms) -> bool {
        if self.known.contains_key(&id) {
            return true;
        }
        if self.known.len() >= POOLS_MAX {
            self.refused += 1;
            return false;
        }
        let known = Known {
            org: org.into(),
            pool: Arc::clone(pool),
            ledger: Ledger::new(terms),
            stirred: false,
        };
        self.known.insert(id, known);
        self.round.push_back(id);
        self.stir(id, Urgency::Soon);
        true
    }

    /// Notes that `units` more than are deducted were asked of a pool that is kept.
    pub fn need(&mut self, id: PoolId, units: u64) {
        if let Some(known) = self.known.get_mut(&id) {
            known.ledger.need(units);
            self.stir(id, Urgency::Now);
        }
    }

    /// Books what a decision made of a pool that is kept.
    pub fn book(&mut self, id: PoolId, before: &Pool, after: Pool, now: Instant) {
        if let Some(known) = self.known.get_mut(&id) {
            let urgency = known.ledger.book(before, after, now);
            self.stir(id, urgency);
        }
    }

    /// Whether something happened that cannot wait; said once.
    pub fn take_urgent(&mut self) -> bool {
        core::mem::take(&mut self.urgent)
    }

    /// Hands over up to `max` of what the store is to be asked. Each is answered before the next of the same pool.
    pub fn wishes(&mut self, max: usize, mut visit: impl FnMut(PoolWish)) {
        for _ in 0..self.stirred.len().min(max) {
            let Some(id) = self.stirred.pop_front() else {
                return;
            };
            let Some(known) = self.known.get_mut(&id) else {
                continue;
            };
            known.stirred = false;
            if let Some(wish) = known.ledger.wish() {
                visit(PoolWish {
                    id,
                    org: Arc::clone(&known.org),
                    pool: Arc::clone(&known.pool),
                    wish,
                });
            }
        }
    }

    /// Changes a ledger by what the store said, and asks on if there is more to ask.
    pub fn told(&mut self, id: PoolId, change: impl FnOnce(&mut Ledger)) {
        if let Some(known) = self.known.get_mut(&id) {
            change(&mut known.ledger);
            self.stir(id, Urgency::Soon);
        }
    }

    /// What the rows of up to `max` pools are to say when nothing is lent any more, and forgets those pools; false when
    /// there are none left.
    pub fn settle(&mut self, max: usize, now: Now, mut visit: impl FnMut(PoolWish)) -> bool {
        for _ in 0..max {
            let Some(id) = self.round.pop_front() else {
                return false;
            };
            let Some(known) = self.known.remove(&id) else {
                continue;
            };
            if let Some(row) = known.ledger.settled(now.instant) {
                visit(PoolWish {
                    id,
                    org: known.org,
                    pool: known.pool,
                    wish: Wish::Write(row),
                });
            }
        }
        true
    }

    /// Looks at a few pools and forgets those that are full, and whose rows say so.
    pub fn step(&mut self, now: Instant) {
        let crowded = self.known.len() > POOLS_MAX / 2;
        let idle_ns = if crowded { IDLE_NS_CROWDED } else { IDLE_NS };
        for _ in 0..self.round.len().min(SWEEP_PER_STEP) {
            let Some(id) = self.round.pop_front() else {
                return;
            };
            let idle = |known: &Known| !known.stirred && known.ledger.is_idle(idle_ns, now);
            if self.known.get(&id).is_some_and(idle) {
                self.known.remove(&id);
            } else {
                self.round.push_back(id);
            }
        }
    }

    /// Pools kept, and those refused for want of room.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        (self.known.len(), self.refused)
    }

    fn stir(&mut self, id: PoolId, urgency: Urgency) {
        if urgency == Urgency::None {
            return;
        }
        self.urgent |= urgency == Urgency::Now;
        if let Some(known) = self.known.get_mut(&id)
            && !known.stirred
        {
            known.stirred = true;
            self.stirred.push_back(id);
        }
    }
}
