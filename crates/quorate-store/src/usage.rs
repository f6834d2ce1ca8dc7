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

/// Usage.
#[async_trait::async_trait]
pub trait Usage: Send + Sync {
    /// Writes what `writer` has counted in each row in all. In few operations: rows of one org and period go together.
    /// Returns how many operations on the database it took.
    ///
    /// # Errors
    /// The store is away; the same rows may be sent again. [`StoreError::Refused`] beyond a bound: then none is written.
    async fn write_usage(&self, writer: HolderId, rows: &[(UsageKey, Used)]) -> Result<u64, StoreError>;

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
