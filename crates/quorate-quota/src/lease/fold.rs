//! Which holders of a row are folded into nobody's holding, so that the row stays small.
//!
//! Folding asks whether somebody is gone, and nothing here can know. So it must be safe to be wrong: the sum stays,
//! every holder writes its holding from what the row lists and not from memory, and a holder that finds itself folded
//! while a move is undecided takes the outcome that costs it units (`outcome.rs`). Being wrong strands what it had not
//! spent, at most; so only holdings that did not change for an hour are folded, and empty ones.

use quorate_core::grant::{Grant, GrantFold, HolderId};
use quorate_core::time::Instant;

use super::row::Row;
use crate::bounds::{FOLD_NS, HOLDERS_MAX, WATCHED_MAX};

/// When a row is tidied, and whom it loses. A value, for the simulation to be wrong far more often.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldRule {
    /// A row that lists more holders than this is tidied.
    pub(super) holders_max: usize,
    /// Who held the same for so long is taken to be gone.
    pub(super) unchanged_ns: u64,
}

impl Default for FoldRule {
    fn default() -> Self {
        Self {
            holders_max: HOLDERS_MAX,
            unchanged_ns: FOLD_NS,
        }
    }
}

/// The holders of one row that may be gone.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    unchanged_ns: u64,
    /// Watched since `since`, with what they held then.
    watched: Vec<(HolderId, u64)>,
    since: Instant,
    /// Whom to watch next begins here, so that everybody is watched in turn.
    from: HolderId,
    /// To be folded, with what they hold.
    ready: Vec<(HolderId, u64)>,
}

impl Watch {
    pub(super) const fn new(rule: FoldRule) -> Self {
        Self {
            unchanged_ns: rule.unchanged_ns,
            watched: Vec::new(),
            since: Instant(0),
            from: HolderId(0),
            ready: Vec::new(),
        }
    }

    /// Looks at a row that lists more holders than are wanted.
    pub(super) fn look(&mut self, grant: &Grant, me: HolderId, now: Instant) {
        let others = grant
            .holdings
            .iter()
            .map(|(id, units)| (*id, *units))
            .filter(|(id, _)| *id != me && *id != HolderId::FOLDED);
        let is_due = self.watched.is_empty() || now.since(self.since) >= self.unchanged_ns;
        self.ready.clear();
        self.ready.extend(
            others
                .clone()
                .filter(|other| other.1 == 0 || is_due && self.watched.contains(other))
                .take(WATCHED_MAX),
        );
        if is_due {
            let from = self.from;
            self.watched.clear();
            self.watched.extend(
                others
                    .clone()
                    .filter(|(id, _)| *id >= from)
                    .chain(others.filter(|(id, _)| *id < from))
                    .filter(|other| !self.ready.contains(other))
                    .take(WATCHED_MAX),
            );
            self.from = self
                .watched
                .last()
                .map_or(HolderId(0), |(id, _)| HolderId(id.0.wrapping_add(1)));
            self.since = now;
        }
    }

    /// The next fold of `row`, which was not changed by anybody else since the look.
    pub(super) fn next(&self, row: &Row) -> Option<GrantFold> {
        let (gone, units) = *self.ready.last()?;
        Some(GrantFold {
            version: row.version,
            gone,
            folded: row.folded.checked_add(units)?,
        })
    }

    /// Books that the fold of `gone` applied.
    pub(super) fn folded(&mut self, gone: HolderId) {
        self.ready.retain(|(id, _)| *id != gone);
    }

    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// When to look again.
    pub(super) const fn due(&self) -> Instant {
        self.since.after(self.unchanged_ns)
    }
}
