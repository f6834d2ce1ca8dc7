//! The task that drives all leases of a node.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::accounts::{AccountId, Report};
use quorate_core::balance;
use quorate_core::grant::{GrantOutcome, HolderId};
use quorate_core::time::Instant;
use quorate_quota::lease::{self, OperationId};
use quorate_quota::periods::{Effect, Event, LeaseId, Leases};
use quorate_store::Grants;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::account::Account;
use super::policy::{calendar, terms};
use super::{Listener, QuotaCounters};
use crate::Node;

/// How often what was spent is heard of, in milliseconds. What cannot wait is heard at once.
const REPORTS_MS: u64 = 10;

/// The most operations under way at once: what a database of a few cores works on without a queue of its own.
const OPERATIONS_MAX: usize = 256;

/// What came of an operation. There is at most one per lease under way, which bounds the queue of these.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) account: AccountId,
    pub(super) balance: balance::LeaseId,
    pub(super) operation: OperationId,
    pub(super) outcome: GrantOutcome,
}

/// All leases of a node.
pub struct Quotas {
    pub(super) node: Arc<Node>,
    pub(super) store: Arc<dyn Grants>,
    pub(super) listener: Listener,
    pub(super) counters: Arc<QuotaCounters>,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) wakes: BTreeSet<(Instant, AccountId)>,
    pub(super) outcomes: (UnboundedSender<Came>, UnboundedReceiver<Came>),
    pub(super) operations: JoinSet<()>,
    pub(super) places: Arc<Semaphore>,
    pub(super) effects: Vec<Effect>,
    pub(super) last_lease: u64,
    /// Leases whose last operation failed.
    pub(super) away: u64,
    holder: HolderId,
    reports: Vec<Report>,
    policy_sequence: u64,
    /// Nothing is decided any more: no account is taken up.
    stopping: bool,
}

impl fmt::Debug for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quotas")
            .field("holder", &self.holder)
            .field("accounts", &self.accounts.len())
            .finish_non_exhaustive()
    }
}

impl Quotas {
    /// A driver that holds nothing yet. `holder` names this life of this process.
    #[must_use]
    pub fn new(node: Arc<Node>, store: Arc<dyn Grants>, holder: HolderId, listener: Listener) -> Self {
        Self {
            policy_sequence: node.policy().sequence(),
            counters: Arc::clone(node.quota_counters()),
            node,
            store,
            holder,
            listener,
            accounts: BTreeMap::new(),
            wakes: BTreeSet::new(),
            outcomes: unbounded_channel(),
            operations: JoinSet::new(),
            places: Arc::new(Semaphore::new(OPERATIONS_MAX)),
            effects: Vec::new(),
            last_lease: 0,
            away: 0,
            reports: Vec::new(),
            stopping: false,
        }
    }

    /// Drives until `stop` says so, and then gives back what is left, for at most `give_back`. To be told to stop only
    /// when nothing is decided any more. Returns whether everything was given back.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, give_back: Duration) -> bool {
        let node = Arc::clone(&self.node);
        // Declared before anything that can panic: quotas that nobody drives must not go on as if somebody did.
        let abandoning = Abandoning(Arc::clone(&node));
        self.counters.running.store(true, Ordering::Relaxed);
        let mut ticks = tokio::time::interval(Duration::from_millis(REPORTS_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stop.borrow_and_update() {
            tokio::select! {
                came = self.outcomes.1.recv() => self.came_all(came),
                () = node.quotas_stirred() => {}
                _ = ticks.tick() => {}
                // A sender that is gone cannot say stop: then it is time to.
                changed = stop.changed() => if changed.is_err() { break },
            }
            self.step();
        }
        let whole = self.give_back(give_back).await;
        drop(abandoning);
        whole
    }

    fn came_all(&mut self, first: Option<Came>) {
        let mut next = first;
        while let Some(came) = next {
            self.came(came);
            next = self.outcomes.1.try_recv().ok();
        }
    }

    /// One round: what the policy says, what the shards say, whose time has come.
    pub(super) fn step(&mut self) {
        while self.operations.try_join_next().is_some() {}
        let sequence = self.node.policy().sequence();
        if sequence != self.policy_sequence {
            self.policy_sequence = sequence;
            self.learn_policy();
        }
        let mut reports = std::mem::take(&mut self.reports);
        self.node.quota_reports(&mut reports);
        for report in reports.drain(..) {
            self.hear(&report);
        }
        self.reports = reports;
        let now = self.node.now().instant;
        while let Some((at, id)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            self.wakes.remove(&(at, id));
            if let Some(account) = self.accounts.get_mut(&id) {
                account.wake = None;
            }
            self.tell(id, Event::Timer);
        }
        let accounts = u64::try_from(self.accounts.len()).unwrap_or(u64::MAX);
        self.counters.accounts.store(accounts, Ordering::Relaxed);
    }

    /// Hears what a shard reports of an account.
    fn hear(&mut self, report: &Report) {
        if !self.accounts.contains_key(&report.id) && (self.stopping || !self.meet(report)) {
            return;
        }
        if let Some(ended) = report.ended {
            if let Some(account) = self.accounts.get_mut(&report.id)
                && let Some(lease) = account.lease_of(ended.lease)
                && let Some(kept) = account.balances.get_mut(&lease)
            {
                kept.aside = Some(ended);
            }
            // The leases turn over too, if they have not.
            self.tell(report.id, Event::Timer);
        }
        let Some(account) = self.accounts.get(&report.id).filter(|account| !account.closing) else {
            return;
        };
        let lease = account.current;
        let of_current = account.lease_of(report.balance.lease) == Some(lease);
        let spent = if of_current {
            report.balance.spent
        } else {
            self.spent(report.id, lease)
        };
        let event = if report.needed > 0 {
            lease::Event::Need {
                cost: report.needed,
                queued: report.queued,
                spent,
            }
        } else {
            lease::Event::Spent { spent }
        };
        self.tell(report.id, Event::Lease { lease, event });
    }

    /// Takes up an account; false when the policy knows no such quota any more.
    fn meet(&mut self, report: &Report) -> bool {
        let policy = self.node.policy();
        let definition = policy.quota(&report.name.org, &report.name.quota);
        // The policy has checked the zone and the day.
        let known = definition.and_then(|definition| Some((calendar(&definition).ok()?, terms(&definition))));
        let Some((calendar, terms)) = known else {
            self.node.shard_of(&report.name.org).lock().accounts().forget(report.id);
            return false;
        };
        let account = Account {
            name: Arc::clone(&report.name),
            calendar: calendar.clone(),
            terms: terms.clone(),
            leases: None,
            balances: BTreeMap::new(),
            current: LeaseId::default(),
            wake: None,
            closing: false,
        };
        self.accounts.insert(report.id, account);
        let mut effects = std::mem::take(&mut self.effects);
        let now = self.node.now();
        let leases = Leases::new(self.holder, rand::random(), terms, calendar, now, &mut effects);
        if let Some(account) = self.accounts.get_mut(&report.id) {
            account.leases = Some(leases);
        }
        self.apply_all(report.id, effects);
        true
    }

    /// Learns what a new policy says of the quotas that are leased from.
    fn learn_policy(&mut self) {
        let policy = self.node.policy();
        let ids: Vec<AccountId> = self.accounts.keys().copied().collect();
        for id in ids {
            let Some(account) = self.accounts.get_mut(&id).filter(|account| !account.closing) else {
                continue;
            };
            let definition = policy.quota(&account.name.org, &account.name.quota);
            let known = definition.and_then(|definition| Some((calendar(&definition).ok()?, terms(&definition))));
            let Some((calendar, terms)) = known else {
                self.close(id);
                continue;
            };
            if terms != account.terms {
                account.terms = terms.clone();
                self.tell(id, Event::Terms(terms));
            }
            let changed = self
                .accounts
                .get_mut(&id)
                .filter(|account| account.calendar != calendar);
            if let Some(account) = changed {
                account.calendar = calendar.clone();
                self.tell(id, Event::Calendar(calendar));
            }
        }
    }

    /// Lets nothing more be spent from an account, and gives back what is left of it.
    fn close(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        account.closing = true;
        let left = self.node.shard_of(&account.name.org).lock().accounts().forget(id);
        for balance in left {
            let lease = account.lease_of(balance.lease);
            if let Some(kept) = lease.and_then(|lease| account.balances.get_mut(&lease)) {
                kept.aside = Some(balance);
            }
        }
        self.tell(id, Event::Stop);
    }

    /// Gives back what is left, in bounded time; whether all was.
    async fn give_back(&mut self, within: Duration) -> bool {
        self.stopping = true;
        self.step();
        let ids: Vec<AccountId> = self.accounts.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
        let deadline = tokio::time::Instant::now() + within;
        let mut ticks = tokio::time::interval(Duration::from_millis(REPORTS_MS));
        while !self.accounts.is_empty() {
            tokio::select! {
                came = self.outcomes.1.recv() => self.came_all(came),
                _ = ticks.tick() => {}
                // What is not given back by now is stranded until the period ends: unused, never overspent.
                () = tokio::time::sleep_until(deadline) => {
                    self.give_up();
                    return false;
                }
            }
            self.step();
        }
        true
    }

    /// Tells of everything that is owed and will not be booked.
    fn give_up(&mut self) {
        let owing = |account: &Account| account.leases.as_ref().map(Leases::debts);
        let owed: Vec<_> = self
            .accounts
            .iter()
            .filter_map(|(id, account)| Some((*id, owing(account)?)))
            .collect();
        for (id, debts) in owed {
            for (lease, units) in debts {
                self.unbooked(id, lease, units);
            }
        }
    }
}

/// Abandons a node's quotas when their driver ends, in whatever way: what it held is given back or lost to it, and what
/// nobody fills any more is denied as `UNAVAILABLE`.
struct Abandoning(Arc<Node>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        self.0.quota_counters().running.store(false, Ordering::Relaxed);
        self.0.abandon_quotas();
    }
}
