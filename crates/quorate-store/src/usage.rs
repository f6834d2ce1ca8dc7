//! What was used: calls and units per org, key, endpoint, meter and calendar period. Reports, never enforcement.
//!
//! A row has one writer, who writes what it has counted since its start: sent twice it counts once. A reader adds up the
//! writers.

use std::sync::Arc;

use quorate_core::grant::HolderId;

use crate::StoreError;

/// How long the period of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// An hour of UTC.
    Hour,
    /// A day of UTC.
    Day,
    /// A month of UTC.
    Month,
}

/// Names what is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The org.
    pub org: Arc<str>,
    /// The length of the period.
    pub span: Span,
    /// Its start, in seconds since the Unix epoch.
    pub start_s: u64,
    /// The key.
    pub key: Arc<str>,
    /// The catalogue entry.
    pub endpoint: Arc<str>,
    /// The meter.
    pub meter: Arc<str>,
}

impl Span {
    /// The longest that a period of it lasts, in seconds.
    #[must_use]
    pub const fn seconds_max(self) -> u64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 24 * 3_600,
            Self::Month => 31 * 24 * 3_600,
        }
    }
}

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Wall time now, in seconds since the Unix epoch.
    pub now_s: u64,
    /// How many seconds a row is kept after the end of its period; `None` for ever.
    pub kept_s: Option<u64>,
}

impl Life {
    /// Rows are kept for ever.
    pub const FOR_EVER: Self = Self { now_s: 0, kept_s: None };

    /// How many seconds a row still has; 0 when its life is over, `None` when it never is.
    #[must_use]
    pub fn left_s(&self, span: Span, start_s: u64) -> Option<u64> {
        let ended_s = start_s.saturating_add(span.seconds_max());
        Some(ended_s.saturating_add(self.kept_s?).saturating_sub(self.now_s))
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Calls that were allowed.
    pub calls: u64,
    /// Units that were charged.
    pub units: u64,
}

/// Which rows to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// The org.
    pub org: Arc<str>,
    /// The length of the periods.
    pub span: Span,
    /// The first start that is wanted, in seconds since the Unix epoch.
    pub from_s: u64,
    /// The first that is not.
    pub until_s: u64,
}

/// The most rows that one step forgets: few enough that whatever waits for the disk meanwhile hardly notices.
pub const FORGOTTEN_AT_ONCE: usize = 1_024;

/// Usage.
#[async_trait::async_trait]
pub trait Usage: Send + Sync {
    /// Writes what `writer` has counted in each row in all, to be kept for as long as `life` says; rows whose life is over
    /// are left out. In few operations: rows of one org and period go together. Returns how many operations on the
    /// database it took.
    ///
    /// # Errors
    /// The store is away; the same rows may be sent again. [`StoreError::Refused`] beyond a bound: then none is written.
    async fn write_usage(&self, writer: HolderId, rows: &[(UsageKey, Used)], life: Life) -> Result<u64, StoreError>;

    /// One small step of forgetting rows whose life is over: how many it forgot, of [`FORGOTTEN_AT_ONCE`] at most. To be
    /// called again and again: the steps go through all rows, and then begin anew. A database that forgets by itself has
    /// nothing to do.
    ///
    /// # Errors
    /// The store is away.
    async fn forget_usage(&self, life: Life) -> Result<usize, StoreError>;

    /// The sums over all writers (at most `u64::MAX`), in order of the keys, after `after`: at most `max`. An empty page
    /// is the end.
    ///
    /// # Errors
    /// The store is away.
    async fn usage(
        &self,
        query: &UsageQuery,
        after: Option<&UsageKey>,
        max: usize,
    ) -> Result<Vec<(UsageKey, Used)>, StoreError>;

    /// Rows of all orgs with their writers, in no particular order, after `after`: at most `max`; an empty page is the
    /// end. For exports.
    ///
    /// # Errors
    /// The store is away.
    async fn usage_rows(
        &self,
        after: Option<&(UsageKey, HolderId)>,
        max: usize,
    ) -> Result<Vec<(UsageKey, HolderId, Used)>, StoreError>;
}
