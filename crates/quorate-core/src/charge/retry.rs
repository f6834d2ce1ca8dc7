//! When a denied request would pass if nothing else happens: exact for its cost, allowance and pool included, under the
//! factors known now with their scheduled starts and ends.
//!
//! Between two changes of a factor, whether a request passes is monotone in time: windows empty, allowance and pool
//! fill. So each such piece is searched by itself. Without burst the answer is the latest of the limits' own; with
//! burst it is found by bisection, at most 64 evaluations.

#[cfg(test)]
mod tests;

use super::{Burst, Table, evaluate};
use crate::limit::Role;
use crate::time::{Instant, Now};

/// The earliest instant after `now` at which the request passes; `None` when it never does.
#[must_use]
pub fn earliest(table: &Table<'_, '_>, now: Now) -> Option<Instant> {
    let factors = table.seats.first().map(|seat| seat.rule.factors)?;
    let mut start = now.instant;
    loop {
        let end = factors.next_change(start);
        if let Some(found) = within(table, now, start, end) {
            return Some(found);
        }
        start = end?;
    }
}

/// The moment `at` on both clocks, as far as it can be told now.
fn moment(now: Now, at: Instant) -> Now {
    Now {
        instant: at,
        wall: now.wall.after(at.since(now.instant)),
    }
}

/// The earliest instant of the piece from `start` to `end` at which the request passes.
fn within(table: &Table<'_, '_>, now: Now, start: Instant, end: Option<Instant>) -> Option<Instant> {
    let passes = |at: Instant| evaluate(table, moment(now, at)).passes();
    if passes(start) {
        return Some(start);
    }
    let last = end.map_or(Instant::MAX, |end| Instant(end.0 - 1));
    let whole = if lends(table) {
        whole_at(table, now, start)
    } else {
        own_at(table, now, start)?
    };
    let mut high = whole.min(last);
    if !passes(high) {
        return None;
    }
    // Without burst the instant is exact already, and the one before it shows so. It is not before `start`, which does
    // not pass.
    let before = Instant(high.0 - 1);
    let mut low = if passes(before) { start } else { before };
    while high.0 - low.0 > 1 {
        let middle = Instant(low.0 + (high.0 - low.0) / 2);
        if passes(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// Whether the burst bears on the request.
fn lends(table: &Table<'_, '_>) -> bool {
    let burst = Burst::of(table.seats);
    let lifted = table
        .seats
        .iter()
        .any(|seat| seat.rule.limit.role == Role::Lifted && seat.cost > 0);
    burst.allowance.is_some() && burst.pool.is_some() && lifted
}

/// The first instant from `start` on at which every limit by itself passes; `None` when one does not in this piece.
fn own_at(table: &Table<'_, '_>, now: Now, start: Instant) -> Option<Instant> {
    let from = moment(now, start);
    let ceiling = |seat: &super::Seat<'_>| seat.rule.limit.role == Role::Pool && super::is_ceiling(seat);
    let judged = table
        .seats
        .iter()
        .zip(table.cells)
        .filter(|(seat, _)| seat.enforced() && seat.cost > 0 && (seat.own() || ceiling(seat)));
    judged
        .map(|(seat, cell)| cell.fits_at(&seat.rule, seat.cost, from))
        .try_fold(start, |latest, at| at.map(|at| latest.max(at)))
}

/// The first instant from `start` on at which every counter is whole again: it passes then or not in this piece.
fn whole_at(table: &Table<'_, '_>, now: Now, start: Instant) -> Instant {
    let from = moment(now, start);
    let all = table.seats.iter().zip(table.cells);
    all.map(|(seat, cell)| start.after(cell.whole_after(&seat.rule, from)))
        .max()
        .unwrap_or(start)
}
