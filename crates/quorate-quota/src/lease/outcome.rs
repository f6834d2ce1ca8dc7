//! What an answer of the store means, above all for a take or a return that nobody could say the outcome of.
//!
//! A move applies to one version of the row only. So while the row has that version the move may still apply, whatever
//! was heard of it; once the row has another, it did or never will, and the holding listed for this holder says which:
//! nobody else raises it or lowers it, but for a fold, which makes it 0. A take applied iff the holding is what the take
//! made of it, which is never 0; a return did not apply iff the holding is still what it was before, which is never 0.
//! Where a fold hid the answer, the take's units are not credited and the return's are not returned again: stranded,
//! not spent twice.

use quorate_core::grant::{Grant, GrantOutcome};
use quorate_core::time::Instant;

use super::fold::Watch;
use super::row::Row;
use super::{Effect, Errand, Flight, Lease, OperationId, Pending, Sight};

impl Lease {
    pub(super) fn outcome(&mut self, id: OperationId, outcome: GrantOutcome, effects: &mut Vec<Effect>) {
        let Some(flight) = self.flight.take_if(|flight| flight.id == id) else {
            return;
        };
        #[cfg(test)]
        let outcome = super::tests::sabotage(self, &flight, outcome, effects);
        let took_ns = self.now.since(flight.sent);
        match outcome {
            GrantOutcome::Row(grant) if matches!(flight.errand, Errand::Read) => {
                self.retry.answered(took_ns);
                self.see(grant.as_ref(), flight.sent, effects);
            }
            GrantOutcome::Applied if !matches!(flight.errand, Errand::Read) => {
                self.retry.applied(took_ns);
                self.applied(&flight, effects);
            }
            GrantOutcome::Refused if !matches!(flight.errand, Errand::Read) => {
                self.retry.answered(took_ns);
                self.retry.raced(self.now);
                // Somebody changed the row; it may have been this very move, arrived by another way. The holding says.
                self.unknown(&flight);
            }
            GrantOutcome::NotTried => {
                self.retry.failed(self.now);
                // It never applies, unless it was sent before and that may.
                self.pending.take_if(|pending| !pending.in_doubt);
            }
            // An answer that does not belong to the question says as little.
            _ => {
                self.retry.failed(self.now);
                self.unknown(&flight);
            }
        }
    }

    fn applied(&mut self, flight: &Flight, effects: &mut Vec<Effect>) {
        if let (Errand::Create(limit), Sight::Absent) = (flight.errand, self.sight) {
            self.sight = Sight::Seen(Row::made(limit, flight.sent));
            self.cap = (limit != self.terms.limit).then_some(self.terms.limit);
            return;
        }
        let Sight::Seen(row) = self.sight else {
            self.is_stale = true;
            return;
        };
        // Whatever was undecided at the version before never applies.
        self.cap_in_doubt = None;
        let next = row.version.saturating_add(1);
        let as_of = flight.sent;
        match flight.errand {
            Errand::Move => {
                let Some(pending) = self.pending.take() else { return };
                self.sight = Sight::Seen(row.moved(&pending.change, as_of));
                self.settle(&pending, true, effects);
            }
            Errand::Bump => {
                // The version moved without the pending move: it never applies.
                let pending = self.pending.take();
                self.sight = Sight::Seen(Row {
                    version: next,
                    as_of,
                    ..row
                });
                if let Some(pending) = pending {
                    self.settle(&pending, false, effects);
                }
            }
            Errand::Cap(limit) => {
                self.cap.take_if(|cap| *cap == limit);
                self.sight = Sight::Seen(Row {
                    version: next,
                    limit,
                    as_of,
                    ..row
                });
            }
            Errand::Fold(fold) => {
                if let Some(watch) = &mut self.watch {
                    watch.folded(fold.gone);
                }
                let folded = fold.folded;
                self.sight = Sight::Seen(Row {
                    version: next,
                    folded,
                    as_of,
                    ..row
                });
            }
            Errand::Read | Errand::Create(_) => self.is_stale = true,
        }
    }

    fn unknown(&mut self, flight: &Flight) {
        self.is_stale |= !matches!(flight.errand, Errand::Read);
        if let (Errand::Move, Some(pending)) = (flight.errand, &mut self.pending) {
            pending.in_doubt = true;
        }
        if let (Errand::Cap(_), Sight::Seen(row)) = (flight.errand, self.sight) {
            self.cap_in_doubt = Some(row.version);
        }
    }

    /// Looks at the row as it was no earlier than `as_of`.
    fn see(&mut self, grant: Option<&Grant>, as_of: Instant, effects: &mut Vec<Effect>) {
        self.is_stale = false;
        let row = grant.map(|grant| Row::read(grant, self.holder, as_of));
        self.cap_in_doubt
            .take_if(|version| row.is_none_or(|row| row.version != *version));
        if let Some(pending) = self.pending {
            let has_moved = row.is_none_or(|row| row.version != pending.change.version);
            if has_moved {
                let holding = row.map_or(0, |row| row.holding);
                let has_applied = if pending.is_take() {
                    holding == pending.change.holding
                } else {
                    holding != pending.before
                };
                self.pending = None;
                self.settle(&pending, has_applied, effects);
            }
        }
        if let (Some(grant), Some(row)) = (grant, row) {
            self.watch = if grant.holdings.len() > self.fold_rule.holders_max {
                let mut watch = self
                    .watch
                    .take()
                    .unwrap_or_else(|| Box::new(Watch::new(self.fold_rule)));
                watch.look(grant, self.holder, self.now);
                Some(watch)
            } else {
                None
            };
            if !matches!(self.sight, Sight::Seen(_)) && row.limit != self.terms.limit && self.is_open() {
                // The policy changed while this process was not there to see it.
                self.cap = Some(self.terms.limit);
            }
            // What this version shows may yet be undone by a cap that nobody knows the outcome of.
            let is_decided = self.cap_in_doubt.is_none();
            self.cap.take_if(|cap| *cap == row.limit && is_decided);
        }
        self.sight = row.map_or(Sight::Absent, Sight::Seen);
    }

    /// Books what came of a move.
    pub(super) fn settle(&mut self, pending: &Pending, has_applied: bool, effects: &mut Vec<Effect>) {
        if !has_applied {
            return;
        }
        let units = pending.units();
        if !pending.is_take() {
            self.books.give_back(units);
            return;
        }
        self.rate.took();
        let beyond = pending.change.granted.saturating_sub(pending.change.limit);
        let credit = self.books.take(units, !self.is_open());
        if credit > 0 {
            // Numbered in the order granted, the first of them are credited.
            let overage = beyond.min(units).saturating_sub(units - credit);
            effects.push(Effect::Credit { units: credit, overage });
        }
    }
}
