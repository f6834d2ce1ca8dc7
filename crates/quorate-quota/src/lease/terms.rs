//! What the policy says of a quota, as far as its leases must know.

use std::sync::Arc;

use quorate_core::grant::GRANT_MAX;

use crate::bounds::OVERDRAFT_SHARE;

/// What happens at a quota's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is granted beyond it.
    Hard,
    /// Units beyond it are granted too, and marked.
    Soft {
        /// Units that one holder lets through beyond its balance while the store is away. They are booked when it is
        /// back.
        overdraft: u64,
    },
}

impl Kind {
    /// A soft quota of so many units that lets through a hundredth of it, and at least one unit, per holder while the
    /// store is away.
    #[must_use]
    pub fn soft(limit: u64) -> Self {
        Self::Soft {
            overdraft: (limit / OVERDRAFT_SHARE).max(1),
        }
    }
}

/// The terms of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The limit in units, at most [`GRANT_MAX`].
    pub limit: u64,
    /// What happens at it.
    pub kind: Kind,
    /// At which uses to alert, in percent of the limit, from 1 to 127.
    pub thresholds: Arc<[u8]>,
}

impl Terms {
    /// Terms, with the limit held at what a row can say.
    #[must_use]
    pub fn new(limit: u64, kind: Kind, thresholds: Arc<[u8]>) -> Self {
        Self {
            limit: limit.min(GRANT_MAX),
            kind,
            thresholds,
        }
    }

    pub(super) const fn is_soft(&self) -> bool {
        matches!(self.kind, Kind::Soft { .. })
    }

    /// Units that may be let through beyond the balance while the store is away.
    pub(super) const fn overdraft(&self) -> u64 {
        match self.kind {
            Kind::Hard => 0,
            Kind::Soft { overdraft } => overdraft,
        }
    }
}
