//! What a lease tells others: what is known of the row, which thresholds are reached, that a cost does not fit, and
//! when it wants to be woken.

use quorate_core::time::Instant;

use super::row::Row;
use super::{Alert, Effect, Known, Lease, Sight};
use crate::bounds::{AMPLE_NS, AWAY_NS, FRESH_NS, IDLE_NS, OUTCOME_NS_MAX, REFRESH_NS};

impl Lease {
    /// Tells what changed since it was last told.
    pub(super) fn tell(&mut self, effects: &mut Vec<Effect>) {
        if let Sight::Seen(row) = self.sight {
            self.alert(&row, self.used(&row), effects);
        }
        let known = self.known();
        if known.is_some() && known != self.told {
            self.told = known;
            effects.extend(known.map(Effect::Known));
        }
        if !self.is_settled && self.holds_nothing() && self.now.since(self.touched) >= IDLE_NS {
            self.is_settled = true;
            effects.push(Effect::Settled);
        }
        self.arm(effects);
    }

    /// Tells that what is wanted does not fit, after the thresholds that the denial skips.
    pub(super) fn exhausted(&mut self, row: &Row, effects: &mut Vec<Effect>) {
        // A look denies nobody, and a cost that no such quota ever lets through says nothing about its use.
        if self.want.is_some_and(|want| !want.is_look() && want.cost <= row.limit) {
            self.alert(row, u64::MAX, effects);
        }
        // A row that was seen since they asked answers them however long the store took.
        let is_news = self.want.is_some_and(|want| row.as_of >= want.since);
        let seen = if is_news { self.now } else { row.as_of };
        effects.push(Effect::Exhausted {
            ungranted: row.room(self.is_soft()),
            until: seen.after(FRESH_NS),
        });
    }

    /// Units granted, less those that are still here.
    fn used(&self, row: &Row) -> u64 {
        row.granted
            .saturating_sub(self.books.balance())
            .saturating_sub(self.books.returning())
            .saturating_add(self.books.debt())
    }

    /// Alerts of every threshold that `reached` units reach and that was not told.
    fn alert(&mut self, row: &Row, reached: u64, effects: &mut Vec<Effect>) {
        let used = self.used(row);
        let limit = self.limit(row);
        for percent in self.terms.thresholds.iter().copied() {
            if self.is_alerted(percent) || reached < units_at(percent, limit) {
                continue;
            }
            self.alerted |= 1 << percent;
            effects.push(Effect::Alert(Alert { percent, used, limit }));
        }
    }

    /// The limit that thresholds are shares of: one about to be raised is not alerted of any more.
    fn limit(&self, row: &Row) -> u64 {
        self.cap.unwrap_or(0).max(row.limit)
    }

    fn is_alerted(&self, percent: u8) -> bool {
        // There is no bit for what is over 127 percent: it is never told.
        percent >= 128 || self.alerted >> percent & 1 == 1
    }

    fn known(&self) -> Option<Known> {
        let overdraft = if self.is_away() { self.terms.overdraft() } else { 0 };
        let Sight::Seen(row) = self.sight else {
            return (overdraft > 0 || self.told.is_some()).then_some(Known {
                limit: self.terms.limit,
                granted: 0,
                report_at: None,
                overdraft,
                until: Instant(0),
            });
        };
        let is_soft = self.is_soft();
        let low = self.low_water(&row);
        let is_above = low > 0 && self.books.balance() > low;
        let low = (is_above && row.room(is_soft) > 0).then_some(low);
        // The balance at which the next threshold is reached by what is spent here.
        let next = self
            .terms
            .thresholds
            .iter()
            .filter(|percent| !self.is_alerted(**percent));
        let alert_at = next
            .filter_map(|percent| row.granted.checked_sub(units_at(*percent, self.limit(&row))))
            .max();
        Some(Known {
            limit: row.limit,
            granted: row.granted,
            report_at: low.max(alert_at),
            overdraft,
            until: row.as_of.after(REFRESH_NS),
        })
    }

    fn is_away(&self) -> bool {
        self.retry.is_failing()
            || self.pending.is_some_and(|pending| pending.in_doubt)
            || self.flight.is_some_and(|flight| self.now.since(flight.sent) >= AWAY_NS)
    }

    fn holds_nothing(&self) -> bool {
        self.is_open()
            && self.flight.is_none()
            && self.pending.is_none()
            && self.cap_in_doubt.is_none()
            && self.want.is_none()
            && !self.withdrawal.is_asked
            && self.books.balance() == 0
            && self.books.debt() == 0
            && self.books.returning() == 0
    }

    /// Asks to be woken, unless that is going to happen early enough anyway.
    fn arm(&mut self, effects: &mut Vec<Effect>) {
        let Some(at) = self.next_wake() else { return };
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            effects.push(Effect::Wake { at });
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let sent = self.flight.map(|flight| flight.sent);
        let away = sent.filter(|_| self.is_soft()).map(|sent| sent.after(AWAY_NS));
        let overdue = sent.map(|sent| sent.after(OUTCOME_NS_MAX));
        let retry = sent.is_none().then_some(self.retry.not_before);
        let idle = Some(self.touched.after(IDLE_NS)).filter(|_| !self.is_settled);
        let ample = self.ample_since.map(|since| since.after(AMPLE_NS));
        [away, overdue, retry, idle, ample]
            .into_iter()
            .flatten()
            .filter(|at| *at > self.now)
            .min()
    }
}

/// Units from which on a threshold is reached.
fn units_at(percent: u8, limit: u64) -> u64 {
    let product = u128::from(percent) * u128::from(limit);
    u64::try_from(product.div_ceil(100)).unwrap_or(u64::MAX)
}
