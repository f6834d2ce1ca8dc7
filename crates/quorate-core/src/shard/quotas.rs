//! The quotas of one request: copies of their balances are judged with the limits, and stored back with them.

use std::collections::BTreeMap;

use super::{Ask, Shard};
use crate::accounts::{AccountId, Declared, account_id};
use crate::answer::{Binding, Few, Reason, Retry, Status, StatusKind, Warning};
use crate::balance::{Balance, Shortfall, Standing};
use crate::limit::Mode;
use crate::quota::{QUOTAS_PER_REQUEST_MAX, Quota};
use crate::request::ChargeMode;
use crate::state::fingerprint::Owner;
use crate::state::layout::Layouts;
use crate::time::Now;

/// When to come back for units that are on their way: a database's answer and a little.
const PENDING_RETRY_NS: u64 = 50_000_000;

/// When to come back while the store is away.
const AWAY_RETRY_NS: u64 = 1_000_000_000;

/// One quota of a request, with a copy of its balance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'p> {
    pub(super) quota: &'p Quota,
    pub(super) id: AccountId,
    pub(super) cost: u64,
    pub(super) balance: Balance,
    /// What earlier requests of a batch lack of it: they wait once, all together.
    lacked: Lack,
    /// No account could be kept for it.
    homeless: bool,
    /// What kept it from passing when it was judged.
    short: Option<Shortfall>,
}

/// What requests of a batch lack of one quota.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lack {
    units: u64,
    /// What was asked for so far: that, and what others of them take.
    asked: u64,
}

/// The quotas of one request.
pub(super) type Drafts<'p> = arrayvec::ArrayVec<Draft<'p>, QUOTAS_PER_REQUEST_MAX>;

/// Why quotas deny a request, and which of them says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Denial {
    pub(super) reason: Reason,
    pub(super) retry: Retry,
    pub(super) by: usize,
}

impl Draft<'_> {
    /// What keeps it from passing.
    fn shortfall(&self, look: bool, now: Now) -> Option<Shortfall> {
        let short_of = |cost| self.balance.shortfall(self.quota, cost, look, now.instant);
        let alone = short_of(self.cost)?;
        if alone == Shortfall::Pending
            && self.lacked.units > 0
            && let Some(Shortfall::Never | Shortfall::Exhausted) = short_of(self.cost.saturating_add(self.lacked.units))
        {
            // It would be had, but not together with the others.
            return Some(Shortfall::Exhausted);
        }
        Some(alone)
    }

    /// Whether units would let it pass.
    const fn lacks(&self) -> bool {
        !self.homeless && matches!(self.short, Some(Shortfall::Pending | Shortfall::Away))
    }

    fn enforced(&self) -> bool {
        self.quota.mode == Mode::Enforce
    }

    /// What of the answer rests on a store that does not answer.
    fn degraded(&self) -> bool {
        self.cost > 0 && self.balance.standing == Standing::Away
    }

    fn denial(&self, by: usize) -> Option<Denial> {
        let (reason, retry) = match self.short? {
            Shortfall::Never => (Reason::CostExceedsLimit, Retry::Never),
            Shortfall::Exhausted => (Reason::QuotaExhausted, Retry::Never),
            Shortfall::Pending => (Reason::QuotaPending, Retry::After(PENDING_RETRY_NS)),
            Shortfall::Away => (Reason::Unavailable, Retry::After(AWAY_RETRY_NS)),
        };
        let reason = if self.homeless { Reason::Overloaded } else { reason };
        Some(Denial { reason, retry, by })
    }
}

impl Shard {
    /// Adds the quotas that a request meets to `drafts`, which is large and stays where it is. `balance` gives the copies
    /// that earlier requests of a batch have spent from.
    pub(super) fn draft<'p>(
        &mut self,
        drafts: &mut Drafts<'p>,
        (ask, owner): (&Ask<'_, 'p>, Owner<'_>),
        now: Now,
        balance: impl Fn(AccountId) -> Option<Balance>,
    ) {
        let amounts = &ask.terms.amounts.0;
        let declared = Declared {
            key: ask.terms.declared,
            org: ask.terms.org_declared,
        };
        for quota in ask.terms.quotas() {
            let cost = amounts.get(usize::from(quota.meter.0)).copied().unwrap_or(0);
            if cost == 0 {
                continue;
            }
            let Some(id) = account_id(&self.hash_key, quota, &owner) else {
                continue;
            };
            let kept = balance(id).or_else(|| self.accounts.load(id, quota, &owner, declared, now.wall));
            // The policy bounds the quotas of a request. A surplus must not go uncounted: it would let someone through.
            drafts.push(Draft {
                quota,
                id,
                cost,
                balance: kept.unwrap_or_default(),
                lacked: Lack::default(),
                homeless: kept.is_none(),
                short: None,
            });
        }
    }

    /// Stores what was spent.
    pub(super) fn store_quotas(&mut self, drafts: &Drafts<'_>) {
        for draft in drafts.iter().filter(|draft| !draft.homeless) {
            self.accounts.store(draft.id, draft.balance);
        }
    }

    /// Asks for what was short: of a look only whether it can be had.
    pub(super) fn need_quotas(&mut self, drafts: &Drafts<'_>, look: bool) {
        for draft in drafts.iter().filter(|draft| draft.lacks()) {
            let all = self.together(draft);
            let spends = all.saturating_sub(draft.lacked.asked);
            self.accounts.need(draft.id, all, if look { 0 } else { spends });
        }
    }

    /// What a request needs together with what earlier ones of its batch take, and lack.
    fn together(&self, draft: &Draft<'_>) -> u64 {
        let kept = self.accounts.spent(draft.id, draft.balance.lease);
        let taken = draft.balance.spent.saturating_sub(kept);
        draft.cost.saturating_add(taken).saturating_add(draft.lacked.units)
    }

    /// Notes what a request of a batch lacks.
    pub(super) fn note_lack(&self, drafts: &Drafts<'_>, lacking: &mut BTreeMap<AccountId, Lack>) {
        for draft in drafts.iter().filter(|draft| draft.lacks()) {
            let lack = Lack {
                units: draft.lacked.units.saturating_add(draft.cost),
                asked: self.together(draft),
            };
            lacking.insert(draft.id, lack);
        }
    }

    /// Asks for the units that a request will find short, before it is decided. Charges nothing.
    pub fn ask_ahead(&mut self, layouts: &Layouts, ask: &Ask<'_, '_>, now: Now) {
        let look = Ask { look: true, ..*ask };
        let decision = self.decide(layouts, &look, now, None);
        if ask.mode == ChargeMode::Record || ask.look || !decision.may_spend {
            return;
        }
        let now = self.not_before_latest(now);
        let mut drafts = Drafts::new();
        self.draft(&mut drafts, (ask, super::owner(ask)), now, |_| None);
        if evaluate(&mut drafts, ask.mode, false, now) {
            self.need_quotas(&drafts, false);
        }
    }
}

/// Has quotas of a request that was not judged yet stand together with what earlier ones of its batch lack.
pub(super) fn join(drafts: &mut Drafts<'_>, lacking: &BTreeMap<AccountId, Lack>) {
    for draft in drafts {
        draft.lacked = lacking.get(&draft.id).copied().unwrap_or_default();
    }
}

/// Looks at every quota, and spends nothing. Whether one lacks units that are worth asking for: those of a request are
/// not where another of its quotas has none for it, unless each is charged for itself.
pub(super) fn evaluate(drafts: &mut Drafts<'_>, mode: ChargeMode, look: bool, now: Now) -> bool {
    let (mut lacks, mut over) = (false, false);
    for draft in drafts {
        draft.short = draft.shortfall(look, now);
        match draft.short {
            None => {}
            Some(Shortfall::Pending | Shortfall::Away) => lacks = true,
            Some(Shortfall::Never | Shortfall::Exhausted) => over |= draft.enforced(),
        }
    }
    lacks && (!over || mode == ChargeMode::Each)
}

/// Of several denials the terminal ones first, then the one that ends last; ties by policy order.
pub(super) fn denial(drafts: &Drafts<'_>) -> Option<Denial> {
    let denials = drafts.iter().enumerate().filter(|(_, draft)| draft.enforced());
    denials.filter_map(|(by, draft)| draft.denial(by)).max_by_key(|denial| {
        let order = core::cmp::Reverse(drafts[denial.by].quota.order);
        (rank(denial.reason, denial.retry), order)
    })
}

/// Orders denials: those that nothing but a change ends, then those that only the period ends, then the later ones.
pub(super) const fn rank(reason: Reason, retry: Retry) -> (u8, u64) {
    match (retry, reason) {
        (Retry::Never, Reason::QuotaExhausted) => (1, 0),
        (Retry::Never, _) => (2, 0),
        (Retry::After(nanos), _) => (0, nanos),
        _ => (0, 0),
    }
}

/// Spends from every quota; returns the units beyond a quota's limit. What does not fit is not spent, but for what is
/// only recorded: that has happened already, and is owed.
pub(super) fn commit(drafts: &mut Drafts<'_>, passes: bool, mode: ChargeMode) -> u64 {
    let mut overage = 0_u64;
    for draft in drafts {
        let fits = draft.short.is_none();
        let over = if mode == ChargeMode::Record {
            draft.balance.record(draft.cost)
        } else if fits && (passes || mode == ChargeMode::Each) {
            draft.balance.spend(draft.cost)
        } else {
            0
        };
        overage = overage.saturating_add(over);
    }
    overage
}

/// Gives the cost back to every quota.
pub(super) fn refund(drafts: &mut Drafts<'_>) {
    for draft in drafts {
        draft.balance.refund(draft.cost);
    }
}

/// Whether the answer rests on a store that does not answer.
pub(super) fn degraded(drafts: &Drafts<'_>) -> bool {
    drafts.iter().any(Draft::degraded)
}

/// What shadow quotas would have denied, and which thresholds are reached.
pub(super) fn tell<'p>(drafts: &Drafts<'p>, shadow_denied: &mut Few<&'p str>, warnings: &mut Few<Warning<'p>>) {
    for draft in drafts {
        if !draft.enforced() {
            // What is only on its way would not have been denied: a request waits for it.
            if draft.short.is_some_and(|short| short != Shortfall::Pending) {
                shadow_denied.push(&*draft.quota.name);
            }
            continue;
        }
        let used_percent = used_percent(draft);
        let reached = |threshold: &&u8| used_percent >= u32::from(**threshold);
        if draft.quota.warn_at.iter().any(|threshold| reached(&threshold)) {
            warnings.push(Warning {
                name: &draft.quota.name,
                used_percent,
            });
        }
    }
}

fn used_percent(draft: &Draft<'_>) -> u32 {
    let percent = u128::from(draft.balance.used()) * 100 / u128::from(draft.quota.limit.max(1));
    u32::try_from(percent).unwrap_or(u32::MAX)
}

/// A quota as the binding limit.
pub(super) fn binding<'p>(draft: &Draft<'p>, now: Now) -> Binding<'p> {
    Binding {
        name: &draft.quota.name,
        limit: draft.quota.limit,
        remaining: remaining(draft),
        window_ns: draft.balance.ends.since(draft.balance.begins),
        reset_after_ns: draft.balance.ends.since(now.wall),
    }
}

fn remaining(draft: &Draft<'_>) -> u64 {
    // Before anything is known of the row nothing can be promised.
    draft.balance.remaining().min(draft.quota.limit)
}

/// The quota that the fewest more requests like this one fit, with how many do.
pub(super) fn least_room(drafts: &Drafts<'_>) -> Option<((u64, u16), usize)> {
    let enforced = drafts.iter().enumerate().filter(|(_, draft)| draft.enforced());
    enforced
        .map(|(place, draft)| ((remaining(draft) / draft.cost.max(1), draft.quota.order), place))
        .min()
}

/// The statuses of a request's quotas.
pub(super) fn report<'p>(drafts: &Drafts<'p>, now: Now, visit: &mut Vec<Status<'p>>) {
    for (place, draft) in drafts.iter().enumerate() {
        let retry_after_ns = match draft.denial(place).map(|denial| denial.retry) {
            Some(Retry::After(nanos)) => nanos,
            _ => 0,
        };
        visit.push(Status {
            name: &draft.quota.name,
            kind: StatusKind::Quota { hard: draft.quota.hard },
            meter: &draft.quota.meter_name,
            limit: draft.quota.limit,
            used: draft.balance.used(),
            remaining: remaining(draft),
            window_ns: draft.balance.ends.since(draft.balance.begins),
            reset_after_ns: draft.balance.ends.since(now.wall),
            retry_after_ns,
            shadow: !draft.enforced(),
            denied: draft.short.is_some(),
            factor_hundredths: crate::factor::ONE,
        });
    }
}
