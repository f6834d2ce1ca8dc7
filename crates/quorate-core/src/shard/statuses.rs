//! The status of each limit of a request, for those who ask for it.

use crate::answer::{Status, StatusKind};
use crate::charge::{self, Evaluation, Seat, Table};
use crate::limit::{Mode, Role};
use crate::slots::Holding;
use crate::state::cell::Cell;
use crate::terms::SlotTerms;
use crate::time::Now;

/// For each counter, how long until it alone would pass its cost.
pub(super) fn alone(seats: &[Seat<'_>], cells: &[Cell], now: Now) -> [u64; crate::limit::COUNTERS_PER_REQUEST_MAX] {
    let mut after = [0; crate::limit::COUNTERS_PER_REQUEST_MAX];
    for (place, (seat, cell)) in after.iter_mut().zip(seats.iter().zip(cells)) {
        *place = cell
            .fits_at(&seat.rule, seat.cost, now)
            .map_or(0, |at| at.since(now.instant));
    }
    after
}

/// Adds the statuses of the limits.
pub(super) fn report<'p>(
    table: &Table<'_, 'p>,
    found: &Evaluation,
    alone: &[u64],
    visit: &mut Vec<Status<'p>>,
    now: Now,
) {
    for (place, (seat, cell)) in table.seats.iter().zip(table.cells).enumerate() {
        let (limit, index) = (seat.rule.limit, charge::index(place));
        visit.push(Status {
            name: &limit.name,
            kind: if limit.role == Role::Allowance {
                StatusKind::Allowance
            } else {
                StatusKind::Limit(limit.algorithm)
            },
            meter: &limit.meter,
            limit: seat.rule.capacity(now.instant),
            used: cell.used(&seat.rule, now),
            remaining: cell.free(&seat.rule, now),
            window_ns: limit.algorithm.window_ns(limit.capacity),
            reset_after_ns: cell.whole_after(&seat.rule, now),
            retry_after_ns: alone[place],
            shadow: limit.mode == Mode::Shadow,
            denied: found.failed.has(index) || found.shadowed.has(index),
            factor_hundredths: seat.rule.factor(now.instant),
        });
    }
}

/// The status of the slot after the decision, which took one or none.
pub(super) fn slot_status(slot: Option<SlotTerms<'_>>, held: Holding, denied: bool, taken: bool) -> Option<Status<'_>> {
    let slot = slot?;
    let used = held.used.saturating_add(u32::from(taken));
    let free = if held.bounded {
        0
    } else {
        slot.depth.saturating_sub(used)
    };
    Some(Status {
        name: slot.name,
        kind: StatusKind::Slots,
        meter: "slots",
        limit: u64::from(slot.depth),
        used: u64::from(used),
        remaining: u64::from(free),
        window_ns: 0,
        reset_after_ns: 0,
        retry_after_ns: 0,
        shadow: slot.shadow,
        denied,
        factor_hundredths: crate::factor::ONE,
    })
}
