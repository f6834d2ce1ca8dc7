//! All quota accounts of one shard: the balances of their current and next periods, and what the node has to hear of
//! them. Nothing here leases units; the node asks for reports, and credits and withdraws.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::balance::{Balance, LeaseId, Standing};
use crate::grant;
use crate::quota::Quota;
use crate::state::fingerprint::{HashKey, Hashed, Owner, keyed_hash};
use crate::time::Instant;

/// The most accounts that one shard keeps: about 16 MB. Beyond it what needs a new one is not decided here.
pub const ACCOUNTS_MAX: usize = 32_768;

/// The most of them that one org has through keys that the policy does not declare: an invented key costs a row of the
/// database.
pub const UNDECLARED_PER_ORG_MAX: u32 = 1_024;

/// What an account is found by: a hash of its org, its quota and what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u128);

/// An account's name, as its rows are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName {
    /// The org.
    pub org: Arc<str>,
    /// The quota's name.
    pub quota: Arc<str>,
    /// What it belongs to.
    pub account: grant::Account,
}

/// What the node has to know of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The account.
    pub id: AccountId,
    /// Its name.
    pub name: Arc<AccountName>,
    /// Its balance now.
    pub balance: Balance,
    /// The largest cost that found the balance short since the last report; 0 for none.
    pub needed: u64,
    /// What all those cost together.
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
    declared: bool,
}

type Hasher = core::hash::BuildHasherDefault<siphasher::sip::SipHasher13>;

/// The accounts.
#[derive(Debug, Default)]
pub struct Accounts {
    known: HashMap<AccountId, Known, Hashed>,
    undeclared: HashMap<Arc<str>, u32, Hasher>,
    /// Accounts that something happened to since the last report, each once.
    stirred: Vec<AccountId>,
    /// Something of it cannot wait for the next report.
    urgent: bool,
    refused: u64,
    abandoned: bool,
}

/// Which account a request meets; `None` when it lacks an attribute that the quota is kept per.
#[must_use]
pub fn account_id(hash_key: &HashKey, quota: &Quota, owner: &Owner<'_>) -> Option<AccountId> {
    let per = &quota.per;
    let kinds = [u8::from(per.key) | u8::from(per.endpoint) << 1];
    let mut parts: arrayvec::ArrayVec<&[u8], 24> = arrayvec::ArrayVec::new();
    parts.push(owner.org.as_bytes());
    parts.push(quota.name.as_bytes());
    parts.push(&kinds);
    if per.key {
        parts.push(owner.key.as_bytes());
    }
    if per.endpoint {
        parts.push(owner.endpoint.as_bytes());
    }
    for name in &per.attributes {
        let (_, value) = owner.attributes.iter().find(|(known, _)| *known == &**name)?;
        // The policy bounds the attributes of a `per`. One too many is never left out: two accounts would be one.
        parts.try_push(name.as_bytes()).ok()?;
        parts.try_push(value.as_bytes()).ok()?;
    }
    Some(AccountId(keyed_hash(hash_key, parts)))
}

fn account_name(quota: &Quota, owner: &Owner<'_>) -> AccountName {
    let per = &quota.per;
    let account = match (per.key, per.endpoint, per.attributes.is_empty()) {
        (false, false, true) => grant::Account::Org,
        (true, false, true) => grant::Account::Key(owner.key.into()),
        (false, true, true) => grant::Account::Endpoint(owner.endpoint.into()),
        _ => grant::Account::Each(each(quota, owner)),
    };
    AccountName {
        org: owner.org.into(),
        quota: Arc::clone(&quota.name),
        account,
    }
}

fn each(quota: &Quota, owner: &Owner<'_>) -> Arc<[(Arc<str>, Arc<str>)]> {
    let key = quota.per.key.then(|| ("key".into(), owner.key.into()));
    let endpoint = quota.per.endpoint.then(|| ("endpoint".into(), owner.endpoint.into()));
    let attributes = quota.per.attributes.iter().map(|name| {
        let value = owner.attributes.iter().find(|(known, _)| *known == &**name);
        (
            format!("attribute.{name}").into(),
            value.map_or("", |(_, value)| value).into(),
        )
    });
    key.into_iter().chain(endpoint).chain(attributes).collect()
}

impl Accounts {
    /// The balance of an account at `wall`, which is made, empty, if it is not known. `None` when no more can be kept.
    pub fn load(
        &mut self,
        id: AccountId,
        quota: &Quota,
        owner: &Owner<'_>,
        declared: bool,
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
        let bounded = !declared && quota.per.key;
        let of_org = self.undeclared.get(owner.org).copied().unwrap_or(0);
        if self.known.len() >= ACCOUNTS_MAX || (bounded && of_org >= UNDECLARED_PER_ORG_MAX) {
            self.refused += 1;
            return None;
        }
        let name = Arc::new(account_name(quota, owner));
        if bounded {
            *self.undeclared.entry(Arc::clone(&name.org)).or_insert(0) += 1;
        }
        let known = Known {
            name,
            current: Balance::default(),
            next: None,
            ended: None,
            needed: 0,
            queued: 0,
            reported: true,
            declared: !bounded,
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
            self.urgent |= balance.units <= balance.report_at;
            known.current = balance;
            stir(known, id, &mut self.stirred);
        }
    }

    /// Units spent from the balance that `lease` fills, if that is the current one; else 0.
    #[must_use]
    pub fn spent(&self, id: AccountId, lease: LeaseId) -> u64 {
        let current = self.known.get(&id).map(|known| known.current);
        current
            .filter(|balance| balance.lease == lease)
            .map_or(0, |balance| balance.spent)
    }

    /// Notes that a cost found the balance short.
    pub fn need(&mut self, id: AccountId, cost: u64) {
        if let Some(known) = self.known.get_mut(&id) {
            known.needed = known.needed.max(cost);
            known.queued = known.queued.saturating_add(cost);
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

    /// Gives an account the balance of a period, empty yet or not: of the current one, or of the next while the
    /// current one lasts. Whether it was taken; a period that is behind is not.
    pub fn open(&mut self, id: AccountId, balance: Balance) -> bool {
        let Some(known) = self.known.get_mut(&id) else {
            return false;
        };
        if known.current.ends == Instant::default() {
            known.current = balance;
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
            before = Some(replaced).filter(|balance| balance.lease != LeaseId::default());
        }
        (known.current.begins, known.current.ends) = (begins, ends);
        [known.ended.take(), before]
    }

    /// Forgets an account that nobody has spent from since the last report; whether it did.
    pub fn forget_settled(&mut self, id: AccountId) -> bool {
        let settled = self
            .known
            .get(&id)
            .is_some_and(|known| known.reported && known.current.units == 0 && known.current.beyond == 0);
        settled && !self.forget(id).is_empty()
    }

    /// Forgets an account; all balances that it had.
    pub fn forget(&mut self, id: AccountId) -> Vec<Balance> {
        let Some(known) = self.known.remove(&id) else {
            return Vec::new();
        };
        if !known.declared
            && let Some(count) = self.undeclared.get_mut(&known.name.org)
        {
            *count -= 1;
            if *count == 0 {
                self.undeclared.remove(&known.name.org);
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
    known.current = next.unwrap_or(Balance {
        standing: Standing::Asked,
        ..Balance::default()
    });
}

fn stir(known: &mut Known, id: AccountId, stirred: &mut Vec<AccountId>) {
    if known.reported {
        known.reported = false;
        stirred.push(id);
    }
}
