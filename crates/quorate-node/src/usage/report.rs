//! What an org used, summed up from the hours that are stored.

use std::collections::BTreeMap;

use quorate_core::time::SECOND;
use quorate_quota::calendar::{Calendar, CalendarKind, Period};
use quorate_store::usage::{Span, UsageKey, UsageQuery, Used};
use quorate_store::{Store, StoreError};

/// The most rows of one page of a report.
const PAGE: usize = 1_000;

/// The most rows that a report is made of: what fits a reader's memory.
const REPORT_ROWS_MAX: usize = 1_000_000;

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
    let mut spans = Spans::new(span);
    let query = UsageQuery {
        org: org.into(),
        span: Span::Hour,
        from_s: spans.start_of(from_s),
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
                start_s: spans.start_of(key.start_s),
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

/// The spans of UTC that seconds lie in. Rows come in their order, so the last span is mostly the next one too.
pub(super) struct Spans {
    calendar: Calendar,
    last: Option<Period>,
}

impl Spans {
    pub(super) fn new(span: Span) -> Self {
        let kind = match span {
            Span::Hour => CalendarKind::Hour,
            Span::Day => CalendarKind::Day,
            Span::Month => CalendarKind::Month,
        };
        let calendar = Calendar::new(kind, 1, "UTC").expect("UTC is in the database, and months begin on the first");
        Self { calendar, last: None }
    }

    /// The first second of the span that holds a second.
    pub(super) fn start_of(&mut self, at_s: u64) -> u64 {
        let at_ns = at_s.saturating_mul(SECOND);
        let holds = |period: &Period| period.starts_ns <= at_ns && at_ns < period.ends_ns;
        let known = self.last.take().filter(holds);
        let period = known.unwrap_or_else(|| self.calendar.period_at(at_ns));
        let start_s = period.starts_ns / SECOND;
        self.last = Some(period);
        start_s
    }
}
