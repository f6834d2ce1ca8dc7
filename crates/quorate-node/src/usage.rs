//! Writes behind what was used, and sums it up for whoever asks. A crash loses what was counted since the last write:
//! at most [`WRITE_EVERY`], and what a store that was away could not take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::grant::HolderId;
use quorate_core::limit::MeterId;
use quorate_core::usage::Row;
use quorate_store::usage::{Span, UsageKey, UsageQuery, Used};
use quorate_store::{Store, StoreError};
use tokio::sync::watch;

use crate::Node;

/// How often what was counted is written: a busy server's usage costs the store an operation or two per org in that
/// time.
pub const WRITE_EVERY: Duration = Duration::from_secs(10);

/// The most rows that wait while the store is away; the oldest hours go first. About 40 MB.
const WAITING_MAX: usize = 100_000;

/// The most rows of one page of a report.
const PAGE: usize = 1_000;

/// The most rows that a report is made of: what fits a reader's memory.
const REPORT_ROWS_MAX: usize = 1_000_000;

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 24 * HOUR_S;

/// Writes behind what a node counts.
#[derive(Debug)]
pub struct UsageWriter {
    node: Arc<Node>,
    writer: HolderId,
    waiting: BTreeMap<UsageKey, Used>,
    rows: Vec<Row>,
}

impl UsageWriter {
    /// A writer; the node counts from now on. `writer` names this life of this process.
    #[must_use]
    pub fn new(node: Arc<Node>, writer: HolderId) -> Self {
        node.count_usage();
        Self {
            node,
            writer,
            waiting: BTreeMap::new(),
            rows: Vec::new(),
        }
    }

    /// Writes from time to time until `stop` says so, and then once more.
    pub async fn run(mut self, store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.write(&*store).await;
        }
        self.write(&*store).await;
    }

    async fn write(&mut self, store: &dyn Store) {
        let counters = &self.node.quota_counters().usage;
        self.node.usage_rows(&mut self.rows);
        let policy = self.node.policy();
        for row in self.rows.drain(..) {
            wait_for(&mut self.waiting, &row, |meter| policy.meter_name(meter).into());
        }
        while self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
            counters.lost.fetch_add(1, Ordering::Relaxed);
        }
        if self.waiting.is_empty() {
            return;
        }
        let rows: Vec<_> = self.waiting.iter().map(|(key, used)| (key.clone(), *used)).collect();
        match store.write_usage(self.writer, &rows).await {
            Ok(operations) => {
                self.waiting.clear();
                counters.operations.fetch_add(operations, Ordering::Relaxed);
            }
            // They wait, and newer counts of the same hours take their place.
            Err(_) => {
                counters.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Notes a row's counts, a row per meter. Calls stand with `requests`.
fn wait_for(waiting: &mut BTreeMap<UsageKey, Used>, row: &Row, meter: impl Fn(MeterId) -> Arc<str>) {
    for (number, units) in (0_u8..).zip(row.units) {
        if units == 0 && number > 0 {
            continue;
        }
        let key = UsageKey {
            org: Arc::clone(&row.org),
            span: Span::Hour,
            start_s: row.hour_s,
            key: Arc::clone(&row.key),
            endpoint: Arc::clone(&row.endpoint),
            meter: meter(MeterId(number)),
        };
        let calls = row.calls;
        waiting.insert(key, Used { calls, units });
    }
}

/// What an org used, from `from_s` on and before `until_s`, in seconds since the Unix epoch, summed up per span of UTC.
/// Hours are what is stored; longer spans are their sums. The first span is told whole, also what of it lies before
/// `from_s`.
///
/// # Errors
/// The store is away; or the report would be too large.
pub async fn report(
    store: &dyn Store,
    org: &str,
    span: Span,
    from_s: u64,
    until_s: u64,
) -> Result<BTreeMap<UsageKey, Used>, StoreError> {
    let query = UsageQuery {
        org: org.into(),
        span: Span::Hour,
        from_s: start_of(span, from_s),
        until_s,
    };
    let mut sums: BTreeMap<UsageKey, Used> = BTreeMap::new();
    let mut after: Option<UsageKey> = None;
    loop {
        let page = store.usage(&query, after.as_ref(), PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(sums);
        };
        after = Some(last.clone());
        for (key, used) in page {
            let key = UsageKey {
                span,
                start_s: start_of(span, key.start_s),
                ..key
            };
            let sum = sums.entry(key).or_default();
            sum.calls = sum.calls.saturating_add(used.calls);
            sum.units = sum.units.saturating_add(used.units);
        }
        if sums.len() > REPORT_ROWS_MAX {
            let problem =
                format!("the report has more than {REPORT_ROWS_MAX} rows: ask for less time or a longer span");
            return Err(StoreError::Refused(problem));
        }
    }
}

/// The first second of the span of UTC that holds a second.
fn start_of(span: Span, at_s: u64) -> u64 {
    match span {
        Span::Hour => at_s - at_s % HOUR_S,
        Span::Day => at_s - at_s % DAY_S,
        Span::Month => month_of(at_s),
    }
}

/// The first second of a month: the days since the epoch as a civil date and back (Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms", days_from_civil and civil_from_days, for years from 1970 on).
fn month_of(at_s: u64) -> u64 {
    let days = at_s / DAY_S + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on.
    let month = (5 * of_year + 2) / 153;
    let first_of_month = (153 * month + 2) / 5;
    let first = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + first_of_month;
    (first - 719_468) * DAY_S
}

#[cfg(test)]
mod tests;
