//! The row of a lease as it was last seen, and what may be written over it.

use quorate_core::grant::{GRANT_MAX, Grant, GrantMove, HolderId};
use quorate_core::time::Instant;

/// The row as last seen, without the names of other holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) version: u64,
    pub(super) limit: u64,
    pub(super) granted: u64,
    /// What the row lists for this holder. The base of every move: a holder that others thought gone and folded finds
    /// less here than it took, and must not write back what it remembers.
    pub(super) holding: u64,
    pub(super) folded: u64,
    /// How many living or dead processes hold something, this one included.
    pub(super) holders: u64,
    /// The sum of all holdings. Equal to `granted`; were a store ever to hold otherwise, nothing is taken beyond
    /// either.
    pub(super) sum: u64,
    /// The row was so no earlier than this.
    pub(super) as_of: Instant,
}

impl Row {
    /// A row just made.
    pub(super) fn made(limit: u64, as_of: Instant) -> Self {
        Self {
            version: 0,
            limit,
            granted: 0,
            holding: 0,
            folded: 0,
            holders: 1,
            sum: 0,
            as_of,
        }
    }

    /// A row that was read.
    pub(super) fn read(grant: &Grant, holder: HolderId, as_of: Instant) -> Self {
        let others = grant
            .holdings
            .iter()
            .filter(|(id, units)| **id != holder && **id != HolderId::FOLDED && **units > 0);
        let holders = u64::try_from(others.count()).unwrap_or(u64::MAX).saturating_add(1);
        let sum = grant
            .holdings
            .values()
            .fold(0_u64, |sum, units| sum.saturating_add(*units));
        Self {
            version: grant.version,
            limit: grant.limit,
            granted: grant.granted,
            holding: grant.holding(holder),
            folded: grant.holding(HolderId::FOLDED),
            holders,
            sum,
            as_of,
        }
    }

    /// Units that may be taken: up to the limit, or for a soft quota as far as a row can count.
    pub(super) fn room(&self, soft: bool) -> u64 {
        let top = if soft { GRANT_MAX } else { self.limit.min(GRANT_MAX) };
        top.saturating_sub(self.granted.max(self.sum))
    }

    /// Units granted beyond the limit, which a lowered cap wants back.
    pub(super) const fn excess(&self) -> u64 {
        self.granted.saturating_sub(self.limit)
    }

    /// The most that can be returned at once.
    pub(super) fn returnable(&self) -> u64 {
        self.holding.min(self.granted)
    }

    /// Takes `units`, which are at most [`Row::room`].
    pub(super) const fn take(&self, holder: HolderId, units: u64) -> GrantMove {
        GrantMove {
            version: self.version,
            limit: self.limit,
            granted_before: self.granted,
            granted: self.granted.saturating_add(units),
            holder,
            holding: self.holding.saturating_add(units),
        }
    }

    /// Returns `units`, which are at most [`Row::returnable`].
    pub(super) const fn give_back(&self, holder: HolderId, units: u64) -> GrantMove {
        GrantMove {
            version: self.version,
            limit: self.limit,
            granted_before: self.granted,
            granted: self.granted.saturating_sub(units),
            holder,
            holding: self.holding.saturating_sub(units),
        }
    }

    /// The row after a move of this holder that is known to have applied to it.
    pub(super) const fn moved(&self, change: &GrantMove, as_of: Instant) -> Self {
        let sum = self.sum.saturating_sub(self.holding).saturating_add(change.holding);
        Self {
            version: change.version.saturating_add(1),
            granted: change.granted,
            holding: change.holding,
            sum,
            as_of,
            ..*self
        }
    }
}
