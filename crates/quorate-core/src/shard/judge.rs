//! Judges one request on copies of its cells, charges them if it passes, and says what is to be answered.

use super::pools::Loan;
use super::quotas::{self, Drafts};
use super::statuses::{alone, report, slot_status};
use super::{Ask, Statuses};
use crate::answer::{Binding, Few, Reason, Retry, Warning};
use crate::charge::{self, Evaluation, Marks, Seat, Table, retry};
use crate::limit::Role;
use crate::request::ChargeMode;
use crate::slots::Holding;
use crate::state::cell::Cell;
use crate::time::Now;

/// What was decided. Names are borrowed from the policy.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// Why it was allowed or denied.
    pub reason: Reason,
    /// When the same request could pass.
    pub retry: Retry,
    /// The answer rests on a store that does not answer.
    pub degraded: bool,
    /// The binding limit.
    pub binding: Option<Binding<'p>>,
    /// The binding limit is a quota.
    pub bound_by_quota: bool,
    /// It was denied by a quota that asks for payment.
    pub payment_required: bool,
    /// Units beyond a soft quota, or recorded beyond a hard one.
    pub overage: u64,
    /// Units drawn from the pool.
    pub drawn: u64,
    /// Units that could still be drawn.
    pub burst_remaining: u64,
    /// Limits at or beyond their warning threshold.
    pub warnings: Few<Warning<'p>>,
    /// Limits in shadow mode that would have denied.
    pub shadow_denied: Few<&'p str>,
    /// A slot is held for it.
    pub slot_held: bool,
    /// It could pass as soon as the store has answered for its pool.
    pub awaits_pool: bool,
    /// Nothing but quotas keeps it from spending: what it lacks of them is worth asking for.
    pub(super) may_spend: bool,
    /// It lacks units of quotas, which are to be asked for.
    pub(super) lacks_units: bool,
    /// It was charged (or given back), not only looked at.
    pub(super) charged: bool,
    /// The counters whose cells were changed and have to be stored.
    pub(super) changed: Marks,
    /// It is to take a slot.
    pub(super) takes_slot: bool,
}

impl Default for Decision<'_> {
    /// Allowed, by no limit.
    fn default() -> Self {
        Self {
            reason: Reason::Ok,
            retry: Retry::Passed,
            degraded: false,
            binding: None,
            bound_by_quota: false,
            payment_required: false,
            overage: 0,
            drawn: 0,
            burst_remaining: 0,
            warnings: Few::default(),
            shadow_denied: Few::default(),
            slot_held: false,
            awaits_pool: false,
            may_spend: false,
            lacks_units: false,
            charged: false,
            changed: Marks::default(),
            takes_slot: false,
        }
    }
}

/// Why a request is denied, and by what.
struct Denial {
    reason: Reason,
    retry: Retry,
    by: By,
}

/// What denies.
#[derive(Clone, Copy)]
enum By {
    /// The limit at a place.
    Limit(usize),
    /// The quota at a place.
    Quota(usize),
    /// The slot.
    Slot,
}

/// What a request takes beside limits.
pub(super) struct Beside<'a, 'p> {
    /// Its quotas, with copies of their balances.
    pub(super) quotas: &'a mut Drafts<'p>,
    /// Its pool, where that is durable.
    pub(super) loan: Option<&'a mut Loan>,
    /// The slots that its key holds.
    pub(super) held: Holding,
}

/// Judges a request, and writes what was decided over `decision`, a new one.
pub(super) fn judge<'p>(
    seats: &[Seat<'p>],
    cells: &mut [Cell],
    beside: Beside<'_, 'p>,
    ask: &Ask<'_, 'p>,
    now: Now,
    statuses: Statuses<'_, 'p>,
    decision: &mut Decision<'p>,
) {
    let Beside {
        quotas: drafts,
        mut loan,
        held,
    } = beside;
    if ask.refund {
        return refund((seats, cells), drafts, held, ask, now, statuses, decision);
    }
    let mut found = charge::evaluate(&Table { seats, cells }, now);
    let lacks_units = quotas::evaluate(drafts, ask.mode, ask.look, now);
    let slot_full = ask.terms.slot.is_some_and(|slot| held.is_full(slot.depth));
    let slot_denies = slot_full && ask.terms.slot.is_some_and(|slot| !slot.shadow);
    let record = ask.mode == ChargeMode::Record;
    let of_quotas = quotas::denial(drafts);
    // What is charged in spite of a denial draws no more of a durable pool than that has.
    let may_draw = record
        || ask.mode == ChargeMode::Each
        || (!slot_denies && of_quotas.is_none_or(|denial| denial.reason == Reason::QuotaPending));
    if let Some(loan) = loan.as_deref_mut()
        && may_draw
        && loan.lacks(&found, ask)
    {
        found = loan.evaluate(seats, cells, now);
    }
    let of_limits = denial(&Table { seats, cells }, &found, slot_denies, now).filter(|_| !record);
    let may_spend =
        of_limits.is_none() || loan.as_deref().is_some_and(Loan::is_pending) || ask.mode == ChargeMode::Each;
    let denial = worse(later(of_limits, loan.as_deref()), of_quotas.filter(|_| !record));
    let retries = statuses.is_some().then(|| alone(seats, cells, now));
    let charged = !ask.look && (denial.is_none() || ask.mode == ChargeMode::Each);
    let changed = if charged {
        charge::commit(seats, cells, &found, ask.mode, now)
    } else {
        Marks::default()
    };
    let overage = if charged {
        quotas::commit(drafts, denial.is_none(), ask.mode)
    } else {
        0
    };
    let table = Table { seats, cells };
    note(decision, &table, &found, now);
    decision.overage = overage;
    decision.degraded = quotas::degraded(drafts);
    if let Some(loan) = loan {
        decision.awaits_pool = loan.is_pending();
        decision.degraded |= loan.is_degraded(if denial.is_none() { found.draw } else { 0 });
    }
    quotas::tell(drafts, &mut decision.shadow_denied, &mut decision.warnings);
    if denial.is_none() {
        decision.drawn = if found.passes() { found.draw } else { 0 };
    }
    (decision.charged, decision.changed) = (charged, changed);
    (decision.may_spend, decision.lacks_units) = (may_spend, may_spend && lacks_units && !(charged && record));
    let slot_free = !slot_full || (record && !held.bounded);
    decision.takes_slot = charged && denial.is_none() && ask.terms.slot.is_some() && slot_free;
    if let Some(slot) = ask.terms.slot.filter(|slot| slot_full && slot.shadow) {
        decision.shadow_denied.push(slot.name);
    }
    (decision.binding, decision.bound_by_quota) = bound(denial.as_ref(), &table, drafts, ask, now);
    if let Some(By::Quota(place)) = denial.as_ref().map(|denial| denial.by) {
        decision.payment_required = drafts[place].quota.payment_required;
    }
    if let Some(denial) = denial {
        (decision.reason, decision.retry) = (denial.reason, denial.retry);
    }
    if let (Some(visit), Some(retries)) = (statuses, retries) {
        report(&table, &found, &retries, visit, now);
        visit.extend(slot_status(ask.terms.slot, held, slot_full, decision.takes_slot));
        quotas::report(drafts, now, visit);
    }
}

fn refund<'p>(
    (seats, cells): (&[Seat<'p>], &mut [Cell]),
    drafts: &mut Drafts<'p>,
    held: Holding,
    ask: &Ask<'_, 'p>,
    now: Now,
    statuses: Statuses<'_, 'p>,
    decision: &mut Decision<'p>,
) {
    let changed = if ask.look {
        Marks::default()
    } else {
        charge::refund(seats, cells, now)
    };
    if !ask.look {
        quotas::refund(drafts);
    }
    let table = Table { seats, cells };
    let found = Evaluation::default();
    note(decision, &table, &found, now);
    (decision.charged, decision.changed) = (!ask.look, changed);
    decision.may_spend = true;
    (decision.binding, decision.bound_by_quota) = bound(None, &table, drafts, ask, now);
    if let Some(visit) = statuses {
        report(&table, &found, &alone(seats, cells, now), visit, now);
        visit.extend(slot_status(ask.terms.slot, held, false, false));
        quotas::report(drafts, now, visit);
    }
}

/// What limits say, not to be tried again before the store may have answered for a pool that has the units.
fn later(denial: Option<Denial>, loan: Option<&Loan>) -> Option<Denial> {
    let mut denial = denial?;
    if let (Retry::After(nanos), Some(wait)) = (denial.retry, loan.and_then(Loan::retry_ns)) {
        denial.retry = Retry::After(nanos.max(wait));
    }
    Some(denial)
}

/// Of what limits and what quotas say the worse: what ends later.
fn worse(limits: Option<Denial>, quotas: Option<quotas::Denial>) -> Option<Denial> {
    let Some(quota) = quotas else {
        return limits;
    };
    let of_limits = limits.as_ref().map(|limit| quotas::rank(limit.reason, limit.retry));
    if of_limits.is_some_and(|rank| rank >= quotas::rank(quota.reason, quota.retry)) {
        return limits;
    }
    Some(Denial {
        reason: quota.reason,
        retry: quota.retry,
        by: By::Quota(quota.by),
    })
}

/// The binding limit, and whether it is a quota.
fn bound<'p>(
    denial: Option<&Denial>,
    table: &Table<'_, 'p>,
    drafts: &Drafts<'p>,
    ask: &Ask<'_, 'p>,
    now: Now,
) -> (Option<Binding<'p>>, bool) {
    match denial.map(|denial| denial.by) {
        None => match (least_room(table, now), quotas::least_room(drafts)) {
            (Some((limit, place, free)), Some((quota, _))) if limit <= quota => {
                (Some(binding(table, place, free, now)), false)
            }
            (_, Some((_, place))) => (Some(quotas::binding(&drafts[place], now)), true),
            (limit, None) => (limit.map(|(_, place, free)| binding(table, place, free, now)), false),
        },
        Some(By::Limit(place)) => {
            let free = table.cells[place].free(&table.seats[place].rule, now);
            (Some(binding(table, place, free, now)), false)
        }
        Some(By::Quota(place)) => (Some(quotas::binding(&drafts[place], now)), true),
        Some(By::Slot) => {
            let slot = ask.terms.slot.map(|slot| Binding {
                name: slot.name,
                limit: u64::from(slot.depth),
                remaining: 0,
                window_ns: 0,
                reset_after_ns: 0,
            });
            (slot, false)
        }
    }
}

/// Notes what is to be said of any decision, as the cells stand now.
fn note<'p>(decision: &mut Decision<'p>, table: &Table<'_, 'p>, found: &Evaluation, now: Now) {
    decision.burst_remaining = charge::burst_remaining(table, now);
    for (place, (seat, cell)) in table.seats.iter().zip(table.cells).enumerate() {
        let limit = seat.rule.limit;
        if found.shadowed.has(charge::index(place)) {
            decision.shadow_denied.push(&*limit.name);
        }
        let Some(warn_at) = limit.warn_at.filter(|_| seat.own() && seat.enforced()) else {
            continue;
        };
        let used_percent = percent(cell.used(&seat.rule, now), seat.rule.capacity(now.instant));
        if used_percent >= u32::from(warn_at) {
            decision.warnings.push(Warning {
                name: &limit.name,
                used_percent,
            });
        }
    }
}

/// Whole percent of `limit` that are used, rounded down.
fn percent(used: u64, limit: u64) -> u32 {
    let Some(hundredfold) = used.checked_mul(100) else {
        return u32::MAX;
    };
    u32::try_from(hundredfold.checked_div(limit).unwrap_or(100)).unwrap_or(u32::MAX)
}

/// Of several denials the terminal ones first, then the one that ends last; ties by policy order.
fn denial(table: &Table<'_, '_>, found: &Evaluation, slot_denies: bool, now: Now) -> Option<Denial> {
    if found.passes() {
        let slot = Denial {
            reason: Reason::ConcurrencyExceeded,
            retry: Retry::Later,
            by: By::Slot,
        };
        return slot_denies.then_some(slot);
    }
    let failed = || (0..table.seats.len()).filter(|place| found.failed.has(charge::index(*place)));
    let never = failed().filter(|place| !charge::can_ever_pass(table.seats, *place, now));
    if let Some(place) = never.min_by_key(|place| table.seats[*place].rule.limit.order) {
        let forbids = table.seats[place].rule.limit.capacity == 0;
        let reason = if forbids {
            Reason::PolicyForbids
        } else {
            Reason::CostExceedsLimit
        };
        return Some(Denial {
            reason,
            retry: Retry::Never,
            by: By::Limit(place),
        });
    }
    let last = failed().max_by_key(|place| {
        let (seat, cell) = (&table.seats[*place], &table.cells[*place]);
        // What fits only with the burst or a boost is ranked by when it is whole.
        let whole = || now.instant.after(cell.whole_after(&seat.rule, now));
        let ends = cell.fits_at(&seat.rule, seat.cost, now).unwrap_or_else(whole);
        (ends, core::cmp::Reverse(seat.rule.limit.order))
    })?;
    let reason = match table.seats[last].rule.limit.role {
        Role::Pool => Reason::PoolExhausted,
        _ => Reason::RateLimited,
    };
    let retry = match retry::earliest(table, now) {
        Some(at) => Retry::After(at.since(now.instant).max(1)),
        None => Retry::Never,
    };
    let reason = if retry == Retry::Never {
        Reason::CostExceedsLimit
    } else {
        reason
    };
    Some(Denial {
        reason,
        retry,
        by: By::Limit(last),
    })
}

/// The enforced limit that the fewest more requests like this one fit, with how many; ties by policy order.
fn least_room(table: &Table<'_, '_>, now: Now) -> Option<((u64, u16), usize, u64)> {
    let mut least: Option<((u64, u16), usize, u64)> = None;
    for (place, (seat, cell)) in table.seats.iter().zip(table.cells).enumerate() {
        if !seat.own() || !seat.enforced() || seat.cost == 0 {
            continue;
        }
        let free = cell.free(&seat.rule, now);
        // Most requests cost one unit, and a division takes as long as twenty other steps.
        let times = if seat.cost == 1 { free } else { free / seat.cost };
        let room = (times, seat.rule.limit.order);
        if least.is_none_or(|(known, ..)| room < known) {
            least = Some((room, place, free));
        }
    }
    least
}

/// The counter at `place`, of which `remaining` are free.
fn binding<'p>(table: &Table<'_, 'p>, place: usize, remaining: u64, now: Now) -> Binding<'p> {
    let (seat, cell) = (&table.seats[place], &table.cells[place]);
    let limit = seat.rule.limit;
    let capacity = seat.rule.capacity(now.instant);
    Binding {
        name: &limit.name,
        limit: capacity,
        remaining,
        window_ns: limit.algorithm.window_ns(limit.capacity),
        reset_after_ns: cell.whole_after(&seat.rule, now),
    }
}
