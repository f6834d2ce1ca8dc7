//! What a lease does next, now that it knows what it knows. One operation at a time.

use quorate_core::grant::{GrantCap, GrantOperation};

use super::rate::Rate;
use super::row::Row;
use super::{Effect, Errand, Flight, Lease, OperationId, Pending, Phase, Sight};
use crate::bounds::{AMPLE_NS, CHUNK_SHARE, FRESH_NS, HORIZON_NS, IDLE_NS, REFRESH_NS};

/// What the balance wants.
enum Due {
    Nothing,
    Read,
    Take(u64),
}

impl Lease {
    /// Asks the driver for units that should go back: first out of the balance, only then out of the row.
    pub(super) fn withdraw(&mut self, effects: &mut Vec<Effect>) {
        self.watch_balance();
        if self.withdrawal.is_asked {
            return;
        }
        let up_to = if !self.is_open() {
            // Even when nothing is left: the answer says for the last time what was spent.
            if self.withdrawal.is_done {
                return;
            }
            self.withdrawal.is_all = true;
            u64::MAX
        } else if self.pending.is_none() && self.want.is_none() && self.books.returning() == 0 {
            self.surplus()
        } else {
            0
        };
        if up_to > 0 {
            self.withdrawal.is_asked = true;
            effects.push(Effect::Withdraw { up_to });
        }
    }

    /// Notes since when the balance has been more than two of the largest chunks.
    fn watch_balance(&mut self) {
        let is_ample = match self.sight {
            Sight::Seen(row) => self.books.balance() > chunk_max(&row).saturating_mul(2),
            Sight::Unseen | Sight::Absent => false,
        };
        self.ample_since = is_ample.then(|| self.ample_since.unwrap_or(self.now));
    }

    /// Units of the balance that others should have: all when nobody spends here, what decisions asked for and did not
    /// spend, or what a lowered cap wants back.
    fn surplus(&mut self) -> u64 {
        let Sight::Seen(row) = self.sight else { return 0 };
        let most = self.books.balance().min(row.returnable());
        if self.now.since(self.touched) >= IDLE_NS {
            return most;
        }
        if self.ample_since.is_some_and(|since| self.now.since(since) >= AMPLE_NS) {
            return most.min(self.books.balance() - chunk_max(&row));
        }
        let is_asked = self.withdrawal.at_version == Some(row.version);
        if self.is_soft() || row.excess() == 0 || is_asked {
            return 0;
        }
        self.withdrawal.at_version = Some(row.version);
        most.min(row.excess())
    }

    /// Sends the next operation, if one is due and none is under way.
    pub(super) fn proceed(&mut self, effects: &mut Vec<Effect>) {
        if self.flight.is_some() || self.closes(effects) || self.now < self.retry.not_before {
            return;
        }
        let Some((errand, operation)) = self.next(effects) else {
            self.closes(effects);
            return;
        };
        self.operations = self.operations.saturating_add(1);
        let id = OperationId(self.operations);
        self.flight = Some(Flight {
            id,
            errand,
            sent: self.now,
        });
        effects.push(Effect::Send { id, operation });
    }

    /// Closes a lease that has nothing left to do.
    fn closes(&mut self, effects: &mut Vec<Effect>) -> bool {
        let owes = self.books.debt() > 0
            && match self.sight {
                Sight::Seen(row) => self.is_stale || row.room(self.is_soft()) > 0,
                Sight::Unseen | Sight::Absent => true,
            };
        if self.phase == Phase::Closing
            && self.pending.is_none()
            && self.cap_in_doubt.is_none()
            && self.withdrawal.is_done
            && self.books.returning() == 0
            && !owes
        {
            self.phase = Phase::Closed;
            effects.push(Effect::Closed);
        }
        self.phase == Phase::Closed
    }

    fn next(&mut self, effects: &mut Vec<Effect>) -> Option<(Errand, GrantOperation)> {
        let read = (Errand::Read, GrantOperation::Read);
        if let Some(pending) = self.pending {
            // Still undecided. Sent again it applies at most once, and whatever applies decides it.
            return Some(if self.is_stale {
                read
            } else if pending.is_take() && !self.is_open() {
                self.bump(&pending)
            } else {
                (Errand::Move, GrantOperation::Move(pending.change))
            });
        }
        match self.sight {
            Sight::Seen(row) if !self.is_stale => self.next_of(row, effects),
            Sight::Absent if !self.is_stale => self.wants_row().then_some((
                Errand::Create(self.terms.limit),
                GrantOperation::Create {
                    limit: self.terms.limit,
                },
            )),
            _ => (self.wants_row() || self.cap.is_some() || self.cap_in_doubt.is_some()).then_some(read),
        }
    }

    fn wants_row(&self) -> bool {
        self.want.is_some() || self.books.debt() > 0 || self.books.returning() > 0
    }

    /// A move that changes nothing but the version, in the place of one that is no longer wanted.
    fn bump(&self, pending: &Pending) -> (Errand, GrantOperation) {
        let mut change = pending.change;
        change.granted = change.granted_before;
        change.holding = pending.before;
        (Errand::Bump, GrantOperation::Move(change))
    }

    fn next_of(&mut self, row: Row, effects: &mut Vec<Effect>) -> Option<(Errand, GrantOperation)> {
        if self.books.returning() > 0 {
            let units = self.books.returning().min(row.returnable());
            if units > 0 {
                return Some(self.start(Pending {
                    change: row.give_back(self.holder, units),
                    before: row.holding,
                    in_doubt: false,
                }));
            }
            // Folded by somebody who thought this holder gone: the row does not list it any more.
            let units = self.books.keep(!self.is_open());
            if units > 0 {
                let overage = if self.is_soft() { units.min(row.excess()) } else { 0 };
                effects.push(Effect::Credit { units, overage });
            }
        }
        // One of unknown outcome may apply for as long as the row has its version, also when the lease closes and wants no
        // other.
        let in_its_place = self.cap_in_doubt.map(|_| row.limit);
        if let Some(limit) = self.cap.or(in_its_place) {
            let version = row.version;
            return Some((Errand::Cap(limit), GrantOperation::Cap(GrantCap { version, limit })));
        }
        match self.due(&row, effects) {
            Due::Take(units) => Some(self.start(Pending {
                change: row.take(self.holder, units),
                before: row.holding,
                in_doubt: false,
            })),
            Due::Read => Some((Errand::Read, GrantOperation::Read)),
            Due::Nothing => self.tidy(&row),
        }
    }

    fn start(&mut self, pending: Pending) -> (Errand, GrantOperation) {
        self.pending = Some(pending);
        (Errand::Move, GrantOperation::Move(pending.change))
    }

    fn due(&mut self, row: &Row, effects: &mut Vec<Effect>) -> Due {
        let is_soft = self.is_soft();
        let room = row.room(is_soft);
        let (balance, debt) = (self.books.balance(), self.books.debt());
        let lacks = |units: u64| units.saturating_sub(balance).saturating_add(debt);
        if !self.is_open() {
            return if debt.min(room) > 0 {
                Due::Take(debt.min(room))
            } else {
                Due::Nothing
            };
        }
        let chunk = self.rate.chunk(row, is_soft);
        if let Some(want) = self.want {
            if lacks(want.cost) > room {
                if row.as_of < want.since && self.now.since(row.as_of) > FRESH_NS {
                    return Due::Read;
                }
                self.exhausted(row, effects);
            } else if want.is_look() && row.as_of < want.since && self.now.since(row.as_of) > REFRESH_NS {
                return Due::Read;
            }
            let units = want.queued.min(Rate::crowd(row, is_soft).max(want.cost));
            if lacks(want.cost) <= room && lacks(units).min(room) > 0 {
                return Due::Take(lacks(units).max(chunk).min(room));
            }
            self.want = None;
        }
        if debt.min(room) > 0 {
            return Due::Take(debt.max(chunk).min(room));
        }
        let low = self.low_water(row);
        if low > 0 && balance <= low && room > 0 {
            return Due::Take(chunk.min(room));
        }
        Due::Nothing
    }

    /// The balance at which the next chunk is due; 0 for none. An account that has gone quiet takes nothing ahead, or it
    /// would take again what it just returned.
    pub(super) fn low_water(&self, row: &Row) -> u64 {
        if self.now.since(self.touched) >= HORIZON_NS {
            return 0;
        }
        self.rate.low_water(row, self.is_soft(), self.retry.slow_ns())
    }

    /// What keeps the row small and the knowledge of it young.
    fn tidy(&self, row: &Row) -> Option<(Errand, GrantOperation)> {
        if !self.is_open() {
            return None;
        }
        let is_old = self.touched > row.as_of && self.now.since(row.as_of) >= REFRESH_NS;
        if let Some(watch) = &self.watch {
            if let Some(fold) = watch.next(row) {
                return Some((Errand::Fold(fold), GrantOperation::Fold(fold)));
            }
            if self.now >= watch.due() && self.touched > watch.since() {
                return Some((Errand::Read, GrantOperation::Read));
            }
        }
        is_old.then_some((Errand::Read, GrantOperation::Read))
    }
}

/// The largest chunk that is taken of a row when no cost asks for more.
fn chunk_max(row: &Row) -> u64 {
    (row.limit / CHUNK_SHARE).max(1)
}
