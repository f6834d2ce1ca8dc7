//! Usage: sums of what writers have counted, each in all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use quorate_core::grant::{GRANT_MAX, HolderId};

use super::Subject;
use super::names::{odd_names, too_long};
use super::subject::again;
use crate::StoreError;
use crate::usage::{Life, Span, UsageKey, UsageQuery, Used};

const HOUR_S: u64 = 3_600;

/// When the cases take place: in a future that no time at which rows are forgotten reaches.
const BASE_S: u64 = 2_000_000 * HOUR_S;

/// How long forgetting may take.
const FORGOTTEN_MAX: Duration = Duration::from_secs(60);

/// Some seconds after that. The largest number there is stays what it is.
const fn at(seconds: u64) -> u64 {
    match seconds {
        GRANT_MAX.. => seconds,
        _ => BASE_S + seconds,
    }
}

pub(super) async fn what_is_sent_again_counts_once(subject: Subject) {
    let (key, writer) = (subject.usage_key("acme", 0), subject.holder(1));
    for (calls, units) in [(1, 10), (1, 10), (5, 70), (6, 71)] {
        subject
            .writes_usage(writer, &[(key.clone(), Used { calls, units })])
            .await;
    }
    assert_eq!(
        subject.sums(&subject.query("acme", Span::Hour, 0, 1), 100).await,
        [(key, Used { calls: 6, units: 71 })]
    );
}

pub(super) async fn writers_are_added_up(subject: Subject) {
    let key = subject.usage_key("acme", 0);
    join_all((1..=10_u16).map(|n| {
        let (subject, key) = (&subject, &key);
        async move {
            for times in 1..=3 {
                let used = Used {
                    calls: times,
                    units: times * u64::from(n),
                };
                subject.writes_usage(subject.holder(n), &[(key.clone(), used)]).await;
            }
        }
    }))
    .await;
    let sum = Used { calls: 30, units: 165 };
    assert_eq!(
        subject.sums(&subject.query("acme", Span::Hour, 0, 1), 100).await,
        [(key, sum)]
    );
}

pub(super) async fn a_query_takes_its_org_span_and_time(subject: Subject) {
    let writer = subject.holder(1);
    let used = Used { calls: 1, units: 1 };
    let mut rows: Vec<_> = (0..5)
        .map(|hour| (subject.usage_key("acme", hour * HOUR_S), used))
        .collect();
    rows.push((subject.usage_key("other", HOUR_S), used));
    for span in [Span::Day, Span::Month] {
        let key = UsageKey {
            span,
            ..subject.usage_key("acme", HOUR_S)
        };
        rows.push((key, used));
    }
    subject.writes_usage(writer, &rows).await;
    let starts = |from_s, until_s| {
        let query = subject.query("acme", Span::Hour, from_s, until_s);
        let subject = &subject;
        async move {
            let sums = subject.sums(&query, 100).await;
            sums.into_iter()
                .map(|(key, _)| key.start_s - BASE_S)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(starts(HOUR_S, 3 * HOUR_S).await, [HOUR_S, 2 * HOUR_S]);
    assert_eq!(starts(HOUR_S + 1, 3 * HOUR_S + 1).await, [2 * HOUR_S, 3 * HOUR_S]);
    assert_eq!(starts(4 * HOUR_S, GRANT_MAX).await, [4 * HOUR_S]);
    assert!(starts(HOUR_S, HOUR_S).await.is_empty());
    assert!(starts(3 * HOUR_S, HOUR_S).await.is_empty());
    let months = subject
        .sums(&subject.query("acme", Span::Month, 0, GRANT_MAX), 100)
        .await;
    assert_eq!(months.len(), 1);
    let nobody = subject
        .sums(&subject.query("nobody", Span::Hour, 0, GRANT_MAX), 100)
        .await;
    assert_eq!(nobody, []);
}

pub(super) async fn rows_are_not_confused_and_in_order(subject: Subject) {
    let writer = subject.holder(1);
    let base = subject.usage_key("acme", HOUR_S);
    let mut expected = BTreeMap::new();
    for name in odd_names() {
        let keys = [
            UsageKey {
                key: Arc::clone(&name),
                ..base.clone()
            },
            UsageKey {
                endpoint: Arc::clone(&name),
                ..base.clone()
            },
            UsageKey {
                meter: name,
                ..base.clone()
            },
        ];
        for key in keys {
            let number = u64::try_from(expected.len()).expect("a small number");
            let used = Used {
                calls: number,
                units: number * 2,
            };
            expected.insert(key, used);
        }
    }
    let rows: Vec<_> = expected.clone().into_iter().collect();
    subject.writes_usage(writer, &rows).await;
    let query = subject.query("acme", Span::Hour, 0, GRANT_MAX);
    for max in [1, 7, rows.len() - 1, rows.len(), rows.len() + 1] {
        assert_eq!(subject.sums(&query, max).await, rows, "in pages of {max}");
    }
}

pub(super) async fn many_rows_are_written_at_once(subject: Subject) {
    const ROWS: u64 = 2_500;
    let rows: Vec<_> = (0..ROWS)
        .map(|n| {
            let key = UsageKey {
                key: format!("key{n:05}").into(),
                ..subject.usage_key("acme", 0)
            };
            (key, Used { calls: n, units: n })
        })
        .collect();
    let operations = again(|| subject.store.write_usage(subject.holder(1), &rows, Life::FOR_EVER))
        .await
        .expect("a write");
    assert!(
        operations < ROWS / 10,
        "{operations} operations for {ROWS} rows of one period"
    );
    let query = subject.query("acme", Span::Hour, 0, 1);
    assert_eq!(subject.sums(&query, 1_000).await, rows);
    let nothing = again(|| subject.store.write_usage(subject.holder(1), &[], Life::FOR_EVER)).await;
    assert!(nothing.is_ok());
}

pub(super) async fn numbers_reach_their_ends(subject: Subject) {
    let key = subject.usage_key("acme", GRANT_MAX);
    let used = Used {
        calls: GRANT_MAX,
        units: GRANT_MAX,
    };
    for n in [1, 2] {
        subject.writes_usage(subject.holder(n), &[(key.clone(), used)]).await;
    }
    let rows = subject.usage_listed(1_000).await;
    assert_eq!(rows.get(&(key.clone(), subject.holder(2))), Some(&used));
    let query = subject.query("acme", Span::Hour, 0, u64::MAX);
    let sum = Used {
        calls: GRANT_MAX * 2,
        units: GRANT_MAX * 2,
    };
    assert_eq!(subject.sums(&query, 10).await, [(key.clone(), sum)]);
    subject.writes_usage(subject.holder(3), &[(key.clone(), used)]).await;
    let most = Used {
        calls: u64::MAX,
        units: u64::MAX,
    };
    assert_eq!(subject.sums(&query, 10).await, [(key, most)], "a sum stops at its end");
}

pub(super) async fn one_row_beyond_a_bound_refuses_all(subject: Subject) {
    let fine = (subject.usage_key("acme", 0), Used { calls: 1, units: 1 });
    let over = GRANT_MAX + 1;
    let key = |change: fn(&mut UsageKey)| {
        let mut key = subject.usage_key("acme", 0);
        change(&mut key);
        (key, Used::default())
    };
    let beyond = [
        key(|key| key.key = too_long()),
        key(|key| key.endpoint = too_long()),
        key(|key| key.meter = too_long()),
        key(|key| key.org = too_long()),
        key(|key| key.start_s = GRANT_MAX + 1),
        (fine.0.clone(), Used { calls: over, units: 0 }),
        (fine.0.clone(), Used { calls: 0, units: over }),
    ];
    for row in beyond {
        let rows = [fine.clone(), row];
        let written = subject
            .store
            .write_usage(subject.holder(1), &rows, Life::FOR_EVER)
            .await;
        assert!(matches!(written, Err(StoreError::Refused(_))), "{written:?}");
    }
    assert_eq!(subject.sums(&subject.query("acme", Span::Hour, 0, 1), 10).await, []);
}

pub(super) async fn pages_of_rows_leave_nothing_out(subject: Subject) {
    let mut rows = BTreeMap::new();
    for n in 0..12_u16 {
        let writer = subject.holder(n % 3);
        let key = subject.usage_key(&format!("org{}", n % 4), u64::from(n / 6));
        let used = Used {
            calls: u64::from(n),
            units: 7,
        };
        rows.insert((key.clone(), writer), used);
        subject.writes_usage(writer, &[(key, used)]).await;
    }
    for max in [5, 13, 1_000] {
        let listed = subject.usage_listed(max).await;
        for (row, used) in &rows {
            assert_eq!(listed.get(row), Some(used), "{row:?} in pages of {max}");
        }
    }
}

pub(super) async fn rows_are_forgotten_when_their_life_is_over(subject: Subject) {
    const KEPT_S: u64 = 24 * HOUR_S;
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let life = Life {
        now_s: elapsed.as_secs(),
        kept_s: Some(KEPT_S),
    };
    let key = |name: &str, left_s: u64, span: Span| UsageKey {
        key: name.into(),
        span,
        start_s: life.now_s + left_s - KEPT_S - span.seconds_max(),
        ..subject.usage_key("acme", 0)
    };
    let used = Used { calls: 1, units: 1 };
    let spans = [Span::Hour, Span::Day, Span::Month];
    let rows = spans.map(|span| {
        let over = key("over", 0, span);
        let ends = key("ends", 2, span);
        let lives = key("lives", KEPT_S, span);
        [over, ends, lives].map(|key| (key, used))
    });
    again(|| subject.store.write_usage(subject.holder(1), rows.as_flattened(), life))
        .await
        .expect("a write");
    let later = Life {
        now_s: life.now_s + 2,
        ..life
    };
    for (span, rows) in spans.into_iter().zip(&rows) {
        let query = UsageQuery {
            org: subject.own("acme"),
            span,
            from_s: 0,
            until_s: BASE_S,
        };
        // As often as it takes: by steps, or by time.
        let begun = Instant::now();
        loop {
            let left = subject.sums(&query, 100).await;
            let named = |row: &(UsageKey, Used)| left.contains(row);
            assert!(!named(&rows[0]), "its life was over when it was written: {left:?}");
            assert!(named(&rows[2]), "{left:?}");
            if !named(&rows[1]) {
                break;
            }
            assert!(begun.elapsed() < FORGOTTEN_MAX, "it is never forgotten: {left:?}");
            again(|| subject.store.forget_usage(later)).await.expect("a step");
        }
    }
    again(|| subject.store.forget_usage(Life::FOR_EVER))
        .await
        .expect("a step");
}

impl Subject {
    fn usage_key(&self, org: &str, start_s: u64) -> UsageKey {
        UsageKey {
            org: self.own(org),
            span: Span::Hour,
            start_s: at(start_s),
            key: "k1".into(),
            endpoint: "GET /things/{id}".into(),
            meter: "requests".into(),
        }
    }

    fn query(&self, org: &str, span: Span, from_s: u64, until_s: u64) -> UsageQuery {
        UsageQuery {
            org: self.own(org),
            span,
            from_s: at(from_s),
            until_s: at(until_s),
        }
    }

    async fn writes_usage(&self, writer: HolderId, rows: &[(UsageKey, Used)]) {
        again(|| self.store.write_usage(writer, rows, Life::FOR_EVER))
            .await
            .expect("a write");
    }

    /// The answer to a query, read in pages.
    async fn sums(&self, query: &UsageQuery, max: usize) -> Vec<(UsageKey, Used)> {
        let mut sums: Vec<(UsageKey, Used)> = Vec::new();
        loop {
            let after = sums.last().map(|(key, _)| key);
            let page = again(|| self.store.usage(query, after, max)).await.expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            if page.is_empty() {
                return sums;
            }
            sums.extend(page);
        }
    }

    /// All rows of the store, read in pages.
    async fn usage_listed(&self, max: usize) -> BTreeMap<(UsageKey, HolderId), Used> {
        let mut listed = BTreeMap::new();
        let mut after: Option<(UsageKey, HolderId)> = None;
        loop {
            let page = again(|| self.store.usage_rows(after.as_ref(), max))
                .await
                .expect("a page");
            assert!(page.len() <= max, "a page of {} where {max} were asked for", page.len());
            let Some((key, writer, _)) = page.last() else {
                return listed;
            };
            after = Some((key.clone(), *writer));
            for (key, writer, used) in page {
                let before = listed.insert((key.clone(), writer), used);
                assert_eq!(before, None, "{key:?} is on two pages");
            }
        }
    }
}
