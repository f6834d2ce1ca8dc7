//! All quota accounts of one shard: the balances of their current and next periods, and what the node has to hear of
//! them. Nothing here leases units; the node asks for reports, and credits and withdraws.

mod identity;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::balance::{Balance, LeaseId, Standing};
use crate::quota::Quota;
use crate::state::fingerprint::{Hashed, Owner};
use crate::time::Instant;

pub use identity::{AccountId, AccountName, Declared, account_id};
use identity::{account_name, invented_of};

/// The most accounts that one shard keeps: about 16 MB. Beyond it what needs a new one is not decided here.
pub const ACCOUNTS_MAX: usize = 32_768;

/// The most of them that one org has through what its clients can invent, which costs memory and rows of the database:
/// keys that the policy does not declare, and values of attributes. All orgs that it does not declare are as one.
pub const INVENTED_PER_ORG_MAX: usize = 4_096;

/// The most invented ones of all orgs together: what the policy declares always finds room.
pub const INVENTED_MAX: usize = ACCOUNTS_MAX / 4 * 3;

/// What the node has to know of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: Arc<AccountName>,
    /// Its balance now.
    pub balance: Balance,
    /// The largest cost that found the balance short since the last report, or since units last came; 0 for none.
    pub needed: u64,
    /// What all those cost together that would have been spent; looks are not.
    pub queued: u64,
    /// The balance of the period before, when a new one has begun since the last report.
    pub ended: Option<Balance>,
}

#[derive(Debug)]
struct Known {
    name: Arc<AccountName>,
    current: Balance,
    next: Option<Balance>,
    ended: Option<Balance>,
    needed: u64,
    queued: u64,
    reported: bool,
    /// Whose clients invented it.
    invented_of: Option<Arc<str>>,
}

type Hasher = core::hash::BuildHasherDefault<siphasher::sip::SipHasher13>;

/// The accounts.
#[derive(Debug, Default)]
pub struct Accounts {
    known: HashMap<AccountId, Known, Hashed>,
    /// How many accounts the clients of an org invented; those of undeclared orgs under no name.
    invented: HashMap<Arc<str>, usize, Hasher>,
    invented_in_all: usize,
    /// Accounts that something happened to since the last report, each once.
    stirred: Vec<AccountId>,
    /// Something of it cannot wait for the next report.
    urgent: bool,
    refused: u64,
    abandoned: bool,
}

impl Accounts {
    /// The balance of an account at `wall`, which is made, empty, if it is not known. `None` when no more can be kept.
    pub fn load(
        &mut self,
        id: AccountId,
        quota: &Quota,
        owner: &Owner<'_>,
        declared: Declared,
        wall: Instant,
    ) -> Option<Balance> {
        if self.abandoned {
            return Some(Balance {
                standing: Standing::Away,
                ..Balance::default()
            });
        }
        if let Some(known) = self.known.get_mut(&id) {
            if !known.current.covers(wall) && known.current.ends <= wall {
                roll(known, wall);
            }
            // A period that has not begun is not spent from: its turn comes.
            let begun = known.current.begins <= wall;
            return Some(if begun { known.current } else { Balance::default() });
        }
        let invented_of = invented_of(quota, owner, declared);
        let taken = invented_of.and_then(|org| self.invented.get(org)).copied().unwrap_or(0);
        let is_full = taken >= INVENTED_PER_ORG_MAX || self.invented_in_all >= INVENTED_MAX;
        if self.known.len() >= ACCOUNTS_MAX || (invented_of.is_some() && is_full) {
            self.refused += 1;
            return None;
        }
        let name = Arc::new(account_name(quota, owner));
        let invented_of: Option<Arc<str>> = invented_of.map(Into::into);
        if let Some(org) = &invented_of {
            *self.invented.entry(Arc::clone(org)).or_insert(0) += 1;
            self.invented_in_all += 1;
        }
        let known = Known {
            name,
            current: Balance::default(),
            next: None,
            ended: None,
            needed: 0,
            queued: 0,
            reported: true,
            invented_of,
        };
        self.known.insert(id, known);
        Some(Balance::default())
    }

    /// Stores the balance that a decision has spent from.
    pub fn store(&mut self, id: AccountId, balance: Balance) {
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        if known.current.lease == balance.lease {
            known.current = balance;
        } else if balance.lease == LeaseId::default() && balance.owed > 0 {
            // Recorded a moment before the period began.
            known.current.record(balance.owed);
        } else {
            return;
        }
        self.urgent |= known.current.units <= known.current.report_at;
        stir(known, id, &mut self.stirred);
    }

    /// Units spent from the balance that `lease` fills, if that is the current one; else 0.
    #[must_use]
    pub fn spent(&self, id: AccountId, lease: LeaseId) -> u64 {
        let current = self.known.get(&id).map(|known| known.current);
        current
            .filter(|balance| balance.lease == lease)
            .map_or(0, |balance| balance.spent)
    }

    /// Notes that a cost found the balance short, and that `spends` units of it would be spent: none by a look.
    pub fn need(&mut self, id: AccountId, cost: u64, spends: u64) {
        if let Some(known) = self.known.get_mut(&id) {
            known.needed = known.needed.max(cost);
            known.queued = known.queued.saturating_add(spends);
            self.urgent = true;
            stir(known, id, &mut self.stirred);
        }
    }

    /// Whether something happened that cannot wait; said once.
    pub fn take_urgent(&mut self) -> bool {
        core::mem::take(&mut self.urgent)
    }

    /// Hands over what happened since the last report.
    pub fn report(&mut self, reports: &mut Vec<Report>) {
        for id in self.stirred.drain(..) {
            let Some(known) = self.known.get_mut(&id) else {
                continue;
            };
            known.reported = true;
            reports.push(Report {
                id,
                name: Arc::clone(&known.name),
                balance: known.current,
                needed: core::mem::take(&mut known.needed),
                queued: core::mem::take(&mut known.queued),
                ended: known.ended.take(),
            });
        }
    }

    /// Changes the balance that `lease` fills; whether there is one.
    pub fn with(&mut self, id: AccountId, lease: LeaseId, change: impl FnOnce(&mut Balance)) -> bool {
        let Some(known) = self.known.get_mut(&id) else {
            return false;
        };
        let balances = [Some(&mut known.current), known.next.as_mut()];
        match balances.into_iter().flatten().find(|balance| balance.lease == lease) {
            Some(balance) => {
                change(balance);
                true
            }
            None => false,
        }
    }

    /// Adds units to the balance that `lease` fills; whether there is one. Whoever waits for some is to ask anew, so what
    /// was needed so far is not reported any more: it would be leased twice.
    pub fn credit(&mut self, id: AccountId, lease: LeaseId, units: u64, beyond: u64) -> bool {
        if let Some(known) = self.known.get_mut(&id).filter(|known| known.current.lease == lease) {
            (known.needed, known.queued) = (0, 0);
        }
        self.with(id, lease, |balance| balance.credit(units, beyond))
    }

    /// Gives an account the balance of a period, empty yet or not: of the current one, or of the next while the
    /// current one lasts. Whether it was taken; a period that is behind is not.
    pub fn open(&mut self, id: AccountId, balance: Balance) -> bool {
        let Some(known) = self.known.get_mut(&id) else {
            return false;
        };
        if known.current.ends == Instant::default() {
            let before = core::mem::replace(&mut known.current, balance);
            known.current.take_over(&before);
            true
        } else if known.next.is_none() && known.current.ends <= balance.begins {
            known.next = Some(balance);
            true
        } else {
            false
        }
    }

    /// Takes up to `units` of what is not spent out of a lease's balance; how many it took. What lies beyond a soft
    /// quota's limit goes first.
    pub fn withdraw(&mut self, id: AccountId, lease: LeaseId, units: u64) -> u64 {
        let mut taken = 0;
        self.with(id, lease, |balance| taken = balance.withdraw(units));
        taken
    }

    /// Makes the balance of a lease the current one, with the period that it is for, and hands over those before it,
    /// which nothing is spent from any more. `aside` is the balance where the account does not hold it yet.
    pub fn turn(
        &mut self,
        id: AccountId,
        lease: LeaseId,
        aside: Option<Balance>,
        (begins, ends): (Instant, Instant),
    ) -> [Option<Balance>; 2] {
        let Some(known) = self.known.get_mut(&id) else {
            return [aside, None];
        };
        let mut before = None;
        if known.current.lease != lease {
            let held = known.next.take_if(|next| next.lease == lease);
            let Some(turned) = held.or(aside) else {
                return [known.ended.take(), None];
            };
            let replaced = core::mem::replace(&mut known.current, turned);
            known.current.take_over(&replaced);
            before = Some(replaced).filter(|balance| balance.lease != LeaseId::default());
        }
        (known.current.begins, known.current.ends) = (begins, ends);
        [known.ended.take(), before]
    }

    /// Forgets an account that nobody has spent from since the last report; whether it did.
    pub fn forget_settled(&mut self, id: AccountId) -> bool {
        let is_empty = |balance: &Balance| balance.units == 0 && balance.beyond == 0 && balance.owed == 0;
        let settled = self
            .known
            .get(&id)
            .is_some_and(|known| known.reported && is_empty(&known.current));
        settled && !self.forget(id).is_empty()
    }

    /// Forgets an account; all balances that it had.
    pub fn forget(&mut self, id: AccountId) -> Vec<Balance> {
        let Some(known) = self.known.remove(&id) else {
            return Vec::new();
        };
        if let Some(org) = &known.invented_of
            && let Some(count) = self.invented.get_mut(org)
        {
            *count -= 1;
            self.invented_in_all -= 1;
            if *count == 0 {
                self.invented.remove(org);
            }
        }
        [known.ended, Some(known.current), known.next]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Nobody fills balances any more: forgets them all, and finds every account empty and its store away from now on.
    pub fn abandon(&mut self) {
        *self = Self {
            refused: self.refused,
            abandoned: true,
            ..Self::default()
        };
    }

    /// Accounts kept, and those refused for want of room.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        (self.known.len(), self.refused)
    }
}

/// Begins the next period of an account, or one that nothing is known of.
fn roll(known: &mut Known, wall: Instant) {
    if known.current.ends != Instant::default() {
        known.ended = Some(known.current);
    }
    let next = known.next.take().filter(|next| wall < next.ends);
    let next = next.unwrap_or(Balance {
        standing: Standing::Asked,
        ..Balance::default()
    });
    let before = core::mem::replace(&mut known.current, next);
    known.current.take_over(&before);
}

fn stir(known: &mut Known, id: AccountId, stirred: &mut Vec<AccountId>) {
    if known.reported {
        known.reported = false;
        stirred.push(id);
    }
}
