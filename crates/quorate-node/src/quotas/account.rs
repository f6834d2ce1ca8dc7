//! One account as the driver knows it: its leases, and where their balances are.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::accounts::AccountName;
use quorate_core::balance::{self, Balance};
use quorate_core::grant::GrantKey;
use quorate_core::time::Instant;
use quorate_quota::calendar::{Calendar, Period};
use quorate_quota::lease::Terms;
use quorate_quota::periods::{LeaseId, Leases};

/// An account that is leased for.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: Arc<AccountName>,
    pub(super) calendar: Calendar,
    pub(super) terms: Terms,
    /// `None` only while it is at work.
    pub(super) leases: Option<Leases>,
    pub(super) balances: BTreeMap<LeaseId, Kept>,
    /// The lease that decisions spend from.
    pub(super) current: LeaseId,
    /// When the leases want to be woken.
    pub(super) wake: Option<Instant>,
    /// Everything goes back, and then the account is forgotten.
    pub(super) closing: bool,
}

/// The balance of one lease.
#[derive(Debug)]
pub(super) struct Kept {
    /// What the shard knows it by.
    pub(super) id: balance::LeaseId,
    pub(super) key: GrantKey,
    /// The balance, where no decision can spend from it: before its turn, if the shard could not take it, and after.
    pub(super) aside: Option<Balance>,
    /// Its last operation failed.
    pub(super) away: bool,
}

impl Account {
    /// The row of a period.
    pub(super) fn key(&self, period: &Period) -> GrantKey {
        GrantKey {
            org: Arc::clone(&self.name.org),
            quota: Arc::clone(&self.name.quota),
            account: self.name.account.clone(),
            period: Arc::clone(&period.id),
        }
    }

    /// The lease of a balance.
    pub(super) fn lease_of(&self, id: balance::LeaseId) -> Option<LeaseId> {
        let mut balances = self.balances.iter();
        balances.find_map(|(lease, kept)| (kept.id == id).then_some(*lease))
    }
}
