//! Stores with something of everything.

use std::sync::Arc;

use futures_util::future::join_all;
use quorate_core::grant::{Account, GRANT_MAX, Grant, GrantKey, HolderId};

use crate::Store;
use crate::audit::{AuditKind, AuditPlace, AuditRecord};
use crate::document::{Document, DocumentKey};
use crate::embedded::Embedded;
use crate::pool::PoolLevel;
use crate::usage::{Life, Span, UsageKey, Used};

/// A few records of each kind, plain ones and odd ones.
pub(super) async fn fill(store: &Embedded) {
    let each = [("tag".into(), "a\0b".into()), ("user".into(), "zoë".into())];
    let accounts = [
        Account::Org,
        Account::Key("k_1".into()),
        Account::Endpoint("GET /things/{id}".into()),
        Account::Each(each.into()),
    ];
    for (units, account) in (1..).zip(accounts) {
        let holdings = [(HolderId(units.into()), units), (HolderId::FOLDED, 2)];
        grant(store, account, "month/2026-11-01", &holdings).await;
    }
    grant(store, Account::Org, "month/2026-12-01", &[]).await;
    grant(store, Account::Org, "life", &[(HolderId(u128::MAX), GRANT_MAX)]).await;

    document(store, "plan", "", "gold", 3, Some("{\"name\": \"gold\"}")).await;
    document(store, "plan", "acme", "gold", 1, Some("\"\\\u{1}\n🦀")).await;
    document(store, "key", "acme", "k_1", 2, None).await;
    document(store, "key", "acme", "k_2", GRANT_MAX, Some("")).await;

    for (span, start_s) in [(Span::Hour, 3_600), (Span::Day, 86_400), (Span::Month, 0)] {
        used(store, span, start_s, HolderId(1), 7).await;
    }
    used(store, Span::Hour, 3_600, HolderId(2), GRANT_MAX).await;

    audit(store, HolderId(1), 3).await;
    audit(store, HolderId(u128::MAX), 1).await;

    let level = |missing, at_ns| PoolLevel { missing, at_ns };
    let pools = [
        ("acme".into(), "burst".into(), level(5, 1_700_000_000_000_000_000)),
        ("acme".into(), "other".into(), level(0, 0)),
    ];
    crate::pool::Pools::write_pools(store, &pools).await.unwrap();
    let pieces = [
        ("windows/0".to_owned(), (0..=u8::MAX).collect()),
        ("windows/1".to_owned(), Vec::new()),
        ("zö\0".to_owned(), vec![0]),
    ];
    crate::snapshot::Snapshots::write_pieces(store, &pieces).await.unwrap();
}

/// More of everything than fits one page.
pub(super) async fn fill_much(store: &Embedded) {
    join_all((1..=2_100_u64).map(|n| async move {
        let period = format!("month/{n}");
        grant(store, Account::Org, &period, &[(HolderId(9), n)]).await;
    }))
    .await;
    join_all((1..=70).map(|n| async move {
        document(store, "plan", "acme", &format!("p{n}"), n, Some("{}")).await;
    }))
    .await;
    join_all((1..=2_100).map(|n| used(store, Span::Hour, n * 3_600, HolderId(9), n))).await;
    audit(store, HolderId(9), 420).await;
    let pools: Vec<_> = (1..=2_100)
        .map(|n| {
            (
                format!("org{n}").into(),
                "burst".into(),
                PoolLevel { missing: n, at_ns: n },
            )
        })
        .collect();
    crate::pool::Pools::write_pools(store, &pools).await.unwrap();
    let pieces: Vec<_> = (0..36).map(|n| (format!("windows/{n:02}"), vec![n; 1_000])).collect();
    crate::snapshot::Snapshots::write_pieces(store, &pieces).await.unwrap();
}

async fn grant(store: &dyn Store, account: Account, period: &str, holdings: &[(HolderId, u64)]) {
    let key = GrantKey {
        org: "acme".into(),
        quota: "monthly".into(),
        account,
        period: period.into(),
    };
    let grant = Grant {
        limit: GRANT_MAX,
        granted: holdings.iter().map(|(_, units)| units).sum(),
        version: 12,
        holdings: holdings.iter().copied().collect(),
    };
    store.import_grant(&key, &grant).await.unwrap();
}

async fn document(store: &dyn Store, kind: &str, org: &str, id: &str, version: u64, body: Option<&str>) {
    let key = DocumentKey {
        kind: kind.into(),
        org: org.into(),
        id: id.into(),
    };
    let body = body.map(Into::into);
    store.import_document(&key, &Document { version, body }).await.unwrap();
}

async fn used(store: &dyn Store, span: Span, start_s: u64, writer: HolderId, units: u64) {
    let key = UsageKey {
        org: "acme".into(),
        span,
        start_s,
        key: "k_1".into(),
        endpoint: "GET /things/{id}".into(),
        meter: "tokens".into(),
    };
    store
        .write_usage(writer, &[(key, Used { calls: 1, units })], Life::FOR_EVER)
        .await
        .unwrap();
}

async fn audit(store: &dyn Store, writer: HolderId, records: u64) {
    let mut before = [0; 32];
    for sequence in 1..=records {
        let kind = match sequence % 3 {
            1 => AuditKind::Event,
            2 => AuditKind::Intent,
            _ => AuditKind::Outcome(AuditPlace {
                writer,
                sequence: sequence - 1,
            }),
        };
        let body: Arc<str> = format!("{{\"n\": {sequence}}}").into();
        let record = AuditRecord::chained(&before, AuditPlace { writer, sequence }, sequence, kind, body);
        before = record.hash;
        store.append_audit(&record).await.unwrap();
    }
}
