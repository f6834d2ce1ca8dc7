//! Tells an account's leases what happened, and does what they say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::accounts::AccountId;
use quorate_core::balance::{self, Balance, Standing};
use quorate_core::grant::{GrantOperation, GrantOutcome};
use quorate_core::time::Instant;
use quorate_quota::calendar::Period;
use quorate_quota::lease::{self, Known, OperationId};
use quorate_quota::periods::{Effect, Event, LeaseId};
use tokio::time::timeout;

use super::Notice;
use super::account::Kept;
use super::driver::{Came, Quotas};

/// The longest that an operation waits for its turn. Together with [`OPERATION_MAX`] less than what the lease machine
/// waits for an outcome, so that whoever drives it knows of every failure as soon as it does.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(10);

/// The longest that the store may take over one operation: three times what a client of a database gives it.
const OPERATION_MAX: Duration = Duration::from_secs(10);

impl Quotas {
    /// Tells an account's leases what happened, and does what they say about it.
    pub(super) fn tell(&mut self, id: AccountId, event: Event) {
        let now = self.node.now();
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(leases) = self.accounts.get_mut(&id).and_then(|account| account.leases.as_mut()) {
            leases.handle(now, event, &mut effects);
        }
        self.apply_all(id, effects);
    }

    /// Does what leases say. What they ask for in return is told after everything is done.
    pub(super) fn apply_all(&mut self, id: AccountId, mut effects: Vec<Effect>) {
        let mut withdrawn = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Open { lease, period } => self.open(id, lease, &period),
                Effect::Turn { lease, period } => self.turn(id, lease, &period),
                Effect::Lease { lease, effect } => {
                    if let lease::Effect::Withdraw { up_to } = effect {
                        let (units, spent) = self.withdraw(id, lease, up_to);
                        let event = lease::Event::Withdrawn { units, spent };
                        withdrawn.push(Event::Lease { lease, event });
                    } else {
                        self.apply(id, lease, effect);
                    }
                }
                Effect::Unbooked { lease, units } => self.unbooked(id, lease, units),
                Effect::Forget { lease } => self.forget(id, lease),
                Effect::Wake { at } => self.wake(id, at),
                Effect::Settled => self.settled(id),
                Effect::Closed => self.drop_account(id),
            }
        }
        self.effects = effects;
        for event in withdrawn {
            self.tell(id, event);
        }
    }

    fn apply(&mut self, id: AccountId, lease: LeaseId, effect: lease::Effect) {
        match effect {
            lease::Effect::Send {
                id: operation,
                operation: change,
            } => self.send(id, lease, operation, change),
            lease::Effect::Credit { units, overage } => {
                self.credit(id, lease, units, overage);
                self.arrived(id);
            }
            lease::Effect::Known(known) => {
                let failed = self.kept(id, lease).is_some_and(|kept| kept.away);
                let mut is_news = false;
                self.change(id, lease, |balance| {
                    is_news = known.until > balance.known_until;
                    learn(balance, &known, failed);
                });
                // Whoever only looks waits for nothing but this.
                if is_news || known.overdraft > 0 {
                    self.arrived(id);
                }
            }
            lease::Effect::Exhausted { ungranted, until } => {
                self.change(id, lease, |balance| {
                    balance.ungranted = ungranted;
                    balance.short_until = until;
                    balance.standing = Standing::Short;
                });
                self.arrived(id);
            }
            lease::Effect::Alert(alert) => {
                self.counters.alerts.fetch_add(1, Ordering::Relaxed);
                if let Some(kept) = self.kept(id, lease) {
                    let key = kept.key.clone();
                    (self.listener)(Notice::Alert { key, alert });
                }
            }
            // What concerns the whole account is told by its own effects, and withdrawals were done.
            lease::Effect::Withdraw { .. }
            | lease::Effect::Wake { .. }
            | lease::Effect::Settled
            | lease::Effect::Closed => {}
        }
    }

    fn kept(&mut self, id: AccountId, lease: LeaseId) -> Option<&mut Kept> {
        self.accounts.get_mut(&id)?.balances.get_mut(&lease)
    }

    /// Makes the balance of a lease: at the shard if it can take it, else aside until its turn.
    fn open(&mut self, id: AccountId, lease: LeaseId, period: &Period) {
        self.last_lease += 1;
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let balance = Balance {
            lease: balance::LeaseId(self.last_lease),
            begins: Instant(period.starts_ns),
            ends: Instant(period.ends_ns),
            ..Balance::default()
        };
        let taken = self
            .node
            .shard_of(&account.name.org)
            .lock()
            .accounts()
            .open(id, balance);
        let kept = Kept {
            id: balance.lease,
            key: account.key(period),
            aside: (!taken).then_some(balance),
            away: false,
        };
        account.balances.insert(lease, kept);
    }

    /// Decisions spend from a lease's balance from now on; what is left of the one before is put aside.
    fn turn(&mut self, id: AccountId, lease: LeaseId, period: &Period) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        account.current = lease;
        let Some(kept) = account.balances.get_mut(&lease) else {
            return;
        };
        let aside = kept.aside.take();
        let (begins, ends) = (Instant(period.starts_ns), Instant(period.ends_ns));
        let mut shard = self.node.shard_of(&account.name.org).lock();
        let turned = shard.accounts().turn(id, kept.id, aside, (begins, ends));
        drop(shard);
        for ended in turned.into_iter().flatten() {
            let of = account.lease_of(ended.lease);
            if let Some(kept) = of.and_then(|lease| account.balances.get_mut(&lease)) {
                kept.aside = Some(ended);
            }
        }
    }

    /// Sends one operation to the store, on a task of its own.
    fn send(&mut self, id: AccountId, lease: LeaseId, operation: OperationId, change: GrantOperation) {
        let Some((balance, key)) = self.kept(id, lease).map(|kept| (kept.id, kept.key.clone())) else {
            return;
        };
        self.counters.operations.fetch_add(1, Ordering::Relaxed);
        let (store, places) = (Arc::clone(&self.store), Arc::clone(&self.places));
        let outcomes = self.outcomes.0.clone();
        self.operations.spawn(async move {
            // It waits here rather than in the store: what was not sent has surely not applied.
            let outcome = match timeout(PLACE_WAIT_MAX, places.acquire()).await {
                Ok(Ok(_place)) => {
                    let done = timeout(OPERATION_MAX, store.grant(&key, change)).await;
                    done.unwrap_or(GrantOutcome::Unknown)
                }
                _ => GrantOutcome::NotTried,
            };
            let came = Came {
                account: id,
                balance,
                operation,
                outcome,
            };
            // Nobody listens any more when the driver is gone.
            let _gone = outcomes.send(came);
        });
    }

    /// What the store said.
    pub(super) fn came(&mut self, came: Came) {
        let Came {
            account,
            balance,
            operation: id,
            outcome,
        } = came;
        // Leases and their operations are numbered anew when an account is met again; balances are not. What was asked
        // for a lease that is gone must not be told to the one that has its number now.
        let Some(lease) = self.accounts.get(&account).and_then(|known| known.lease_of(balance)) else {
            return;
        };
        let failed = matches!(outcome, GrantOutcome::NotTried | GrantOutcome::Unknown);
        if failed {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
        }
        let kept = self.kept(account, lease);
        let has_turned = kept.is_some_and(|kept| std::mem::replace(&mut kept.away, failed) != failed);
        if has_turned {
            self.count_away(failed);
        }
        // First what a soft quota lets through while the store is away: whoever saw that it is, and not that, would be
        // denied what it has.
        let event = lease::Event::Outcome { id, outcome };
        self.tell(account, Event::Lease { lease, event });
        if has_turned {
            self.set_away(account, lease, failed);
        }
    }

    fn set_away(&mut self, id: AccountId, lease: LeaseId, away: bool) {
        self.change(id, lease, |balance| {
            balance.standing = match (away, balance.standing) {
                (true, _) => Standing::Away,
                (false, Standing::Away) => Standing::Open,
                (false, standing) => standing,
            };
        });
        if away {
            self.arrived(id);
        }
    }

    fn count_away(&mut self, away: bool) {
        let before = self.away;
        self.away = if away { before + 1 } else { before.saturating_sub(1) };
        self.counters.away.store(self.away, Ordering::Relaxed);
        match (before, self.away) {
            (0, 1..) => (self.listener)(Notice::StoreAway),
            (1.., 0) => (self.listener)(Notice::StoreBack),
            _ => {}
        }
    }

    /// Adds units to a lease's balance, wherever it is.
    fn credit(&mut self, id: AccountId, lease: LeaseId, units: u64, beyond: u64) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let Some(kept) = account.balances.get_mut(&lease) else {
            return;
        };
        match &mut kept.aside {
            Some(aside) => aside.credit(units, beyond),
            None => {
                let mut shard = self.node.shard_of(&account.name.org).lock();
                shard.accounts().credit(id, kept.id, units, beyond);
            }
        }
    }

    /// Changes a lease's balance, wherever it is.
    fn change(&mut self, id: AccountId, lease: LeaseId, change: impl FnOnce(&mut Balance)) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let Some(kept) = account.balances.get_mut(&lease) else {
            return;
        };
        match &mut kept.aside {
            Some(aside) => change(aside),
            None => {
                let mut shard = self.node.shard_of(&account.name.org).lock();
                shard.accounts().with(id, kept.id, change);
            }
        }
    }

    /// Takes units out of a lease's balance; how many, and what was spent in all.
    fn withdraw(&mut self, id: AccountId, lease: LeaseId, up_to: u64) -> (u64, u64) {
        let mut taken = (0, 0);
        self.change(id, lease, |balance| taken = (balance.withdraw(up_to), balance.spent));
        taken
    }

    /// What was spent in all from a lease's balance.
    pub(super) fn spent(&mut self, id: AccountId, lease: LeaseId) -> u64 {
        let mut spent = 0;
        self.change(id, lease, |balance| spent = balance.spent);
        spent
    }

    /// Units that a lease owes are never booked.
    pub(super) fn unbooked(&mut self, id: AccountId, lease: LeaseId, units: u64) {
        self.counters.unbooked.fetch_add(units, Ordering::Relaxed);
        if let Some(kept) = self.kept(id, lease) {
            let key = kept.key.clone();
            (self.listener)(Notice::Unbooked { key, units });
        }
    }

    fn forget(&mut self, id: AccountId, lease: LeaseId) {
        if let Some(kept) = self
            .accounts
            .get_mut(&id)
            .and_then(|account| account.balances.remove(&lease))
            && kept.away
        {
            self.count_away(false);
        }
    }

    fn wake(&mut self, id: AccountId, at: Instant) {
        if let Some(account) = self.accounts.get_mut(&id) {
            if let Some(before) = account.wake.replace(at) {
                self.wakes.remove(&(before, id));
            }
            self.wakes.insert((at, id));
        }
    }

    /// Forgets an account that holds nothing and is not used.
    fn settled(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get(&id) else {
            return;
        };
        let mut shard = self.node.shard_of(&account.name.org).lock();
        let forgotten = shard.accounts().forget_settled(id);
        drop(shard);
        if forgotten {
            self.drop_account(id);
        }
    }

    pub(super) fn drop_account(&mut self, id: AccountId) {
        let Some(account) = self.accounts.remove(&id) else {
            return;
        };
        if let Some(wake) = account.wake {
            self.wakes.remove(&(wake, id));
        }
        for _ in account.balances.values().filter(|kept| kept.away) {
            self.count_away(false);
        }
    }

    /// Whoever waits for units of an account asks again.
    fn arrived(&self, id: AccountId) {
        if let Some(account) = self.accounts.get(&id) {
            self.node.quotas_arrived(&account.name.org);
        }
    }
}

/// Books what is known of a row; `failed` when the last operation on it did.
fn learn(balance: &mut Balance, known: &Known, failed: bool) {
    let ungranted = known.ungranted();
    // Only a row with more room than a read has shown is worth asking again.
    let is_short = balance.standing == Standing::Short && ungranted <= balance.ungranted;
    if failed || known.overdraft > 0 {
        balance.standing = Standing::Away;
    } else if !is_short {
        balance.standing = Standing::Open;
    }
    balance.limit = known.limit;
    balance.ungranted = ungranted;
    balance.known_until = known.until;
    balance.report_at = known.report_at.unwrap_or(0);
    balance.overdraft = known.overdraft;
}
