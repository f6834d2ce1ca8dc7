//! The row of a durable quota, and the five things that may be asked of it: words that `quorate-quota`, which leases
//! units from rows, and `quorate-store`, which keeps them, have in common. How a row is leased from is not here, nor how
//! it is kept.
//!
//! A row says how many units of one account and period were granted to which holder. Every change is conditional on
//! the row's version and raises it by one, and writes absolute values: sent twice it applies once.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most units a row may hold. What a store keeps in a signed 64-bit integer, and far above any quota's limit.
pub const GRANT_MAX: u64 = i64::MAX.unsigned_abs();

/// What a quota's account belongs to, within its org.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The org itself.
    Org,
    /// One key, by its id.
    Key(Arc<str>),
    /// One catalogue entry.
    Endpoint(Arc<str>),
    /// One value of each of what the quota names, in the order of the policy: kind and name, then value.
    Each(Arc<[(Arc<str>, Arc<str>)]>),
}

/// Names a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantKey {
    /// The org.
    pub org: Arc<str>,
    /// The quota's name.
    pub quota: Arc<str>,
    /// What the account belongs to.
    pub account: Account,
    /// The period, as `quorate-quota` writes it (`month/2026-11-01`). The same in every time zone's year, so that a
    /// change of zone forgets nothing.
    pub period: Arc<str>,
}

/// One life of one process: fresh at every start, never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId(pub u128);

impl HolderId {
    /// Nobody: what holders left behind that are gone is folded here.
    pub const FOLDED: Self = Self(0);
}

impl fmt::Display for HolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A row. Invariant: `granted` is the sum of `holdings`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The cap, in units.
    pub limit: u64,
    /// Units granted to all holders together.
    pub granted: u64,
    /// Counts the changes.
    pub version: u64,
    /// Units granted to each holder and not returned. Those of 0 may be left out.
    pub holdings: BTreeMap<HolderId, u64>,
}

/// Takes units for a holder, returns some, or with the values unchanged settles whether an earlier change applied.
/// Applies only to a row whose version, `granted` and limit are as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantMove {
    /// The version it applies to. The row's is one more afterwards.
    pub version: u64,
    /// The cap that the row must have.
    pub limit: u64,
    /// `granted` that the row must have.
    pub granted_before: u64,
    /// `granted` afterwards.
    pub granted: u64,
    /// Whose holding changes.
    pub holder: HolderId,
    /// The holding afterwards.
    pub holding: u64,
}

/// Changes the cap of a row. It may come to lie below what is granted: then nothing more can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantCap {
    /// The version it applies to.
    pub version: u64,
    /// The cap afterwards.
    pub limit: u64,
}

/// Gives the holding of one holder that is gone to [`HolderId::FOLDED`]; the sum stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantFold {
    /// The version it applies to.
    pub version: u64,
    /// Who is gone.
    pub gone: HolderId,
    /// The folded holding afterwards.
    pub folded: u64,
}

/// What may be asked of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOperation {
    /// The row as it is, seen after every change that was acknowledged.
    Read,
    /// Makes the row, with nothing granted, unless it exists.
    Create {
        /// The cap.
        limit: u64,
    },
    /// Takes, returns or settles.
    Move(GrantMove),
    /// Changes the cap.
    Cap(GrantCap),
    /// Folds what somebody left behind.
    Fold(GrantFold),
}

/// What came of a [`GrantOperation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// The answer to a read: the row, or that there is none.
    Row(Option<Grant>),
    /// The change applied, and is durable.
    Applied,
    /// The change did not apply and never will: the row is not as expected, or (of a creation) exists.
    Refused,
    /// The operation did not reach the row and never will: the store was away before it was tried.
    NotTried,
    /// Nobody can say whether the change applied, or whether it still will. Of a read: no answer.
    Unknown,
}

impl Grant {
    /// What a holder holds.
    #[must_use]
    pub fn holding(&self, holder: HolderId) -> u64 {
        self.holdings.get(&holder).copied().unwrap_or(0)
    }

    /// Units that nobody holds yet.
    #[must_use]
    pub const fn ungranted(&self) -> u64 {
        self.limit.saturating_sub(self.granted)
    }
}
