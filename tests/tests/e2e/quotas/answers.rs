//! What answers say of a quota.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use quorate_api::v1::{Algorithm, Include, Reason};
use serde_json::{Value, json};

use super::{denied, folder, monthly, passes, quota, serve, spend_rest};
use crate::harness::{AskExt, Launch, Server, ask, http, policy, time};

/// When the month that holds an instant ends in a zone.
fn month_ends(at: Timestamp, zone: &str) -> Timestamp {
    let there = at.to_zoned(TimeZone::get(zone).expect("a zone"));
    let first = there
        .first_of_month()
        .expect("a month has one")
        .start_of_day()
        .expect("a day");
    first
        .checked_add(jiff::Span::new().months(1))
        .expect("a month on")
        .timestamp()
}

/// Two clocks of one machine, the steps in which wall time is read, and the rounding of a page.
fn is_about(found: Timestamp, expected: Timestamp) -> bool {
    let apart = found.duration_since(expected).abs();
    apart.as_secs() <= 2
}

fn zoned(status: &str) -> String {
    let plan = quota(&format!("per: org, limit: 2, period: month{status}"));
    format!("{plan}orgs: {{ acme: {{ time_zone: Pacific/Kiritimati }} }}\nkeys: {{ k: {{ org: acme }} }}\n")
}

async fn over_http(server: &Server) -> http::Reply {
    http::should_allow(server.http(), json!({"key": "k"})).await
}

fn instant(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap_or_else(|| panic!("no instant: {value}"));
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[tokio::test]
async fn exhausted_says_when_the_month_ends_where_the_org_is() {
    for (status, expected) in [("", 429), (", status: 402", 402)] {
        let folder = folder();
        let server = serve(zoned(status), &folder);
        let client = server.client().await;
        assert_eq!(spend_rest(&client, &ask("k"), 2).await, 2);
        let answer = denied(&client, &ask("k").with(Include::Limits), Reason::QuotaExhausted).await;
        assert!(!answer.retryable, "it ends with the month, not by waiting: {answer:?}");
        assert_eq!((answer.retry_after_ns, answer.limit, answer.remaining), (0, 2, 0));
        assert_eq!(answer.limit_name, "q");
        let at = time::decided_at(&answer.decision_id);
        let resets = at + std::time::Duration::from_nanos(answer.reset_after_ns);
        assert!(
            is_about(resets, month_ends(at, "Pacific/Kiritimati")),
            "{resets}: {answer:?}"
        );
        let shown = &answer.limits[0];
        assert_eq!(shown.algorithm(), Algorithm::HardQuota);
        assert_eq!((shown.used, shown.remaining, shown.denied), (2, 0, true));

        let reply = over_http(&server).await;
        assert_eq!(reply.status, expected, "{reply:?}");
        assert!(reply.headers.get("retry-after").is_none(), "{reply:?}");
        let error = &reply.json()["error"];
        assert_eq!(error["code"], "QUOTA_EXHAUSTED", "{error}");
        let said = instant(&error["quota_reset_at"]);
        assert!(is_about(said, month_ends(at, "Pacific/Kiritimati")), "{error}");
    }
}

#[tokio::test]
async fn what_is_left_is_told_and_a_look_spends_nothing() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    let client = server.client().await;
    for left in (5..10).rev() {
        let answer = passes(&client, &ask("k").of("o")).await;
        assert_eq!((answer.limit, answer.remaining), (10, left), "{answer:?}");
        assert!(answer.approximate, "others may hold some: {answer:?}");
    }
    for _ in 0..20 {
        passes(&client, &ask("k").of("o").look()).await;
    }
    assert_eq!(client.used(ask("k").of("o"), "q").await, 5);
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 5).await, 5);
    let look = denied(&client, &ask("k").of("o").look(), Reason::QuotaExhausted).await;
    assert!(!look.allowed);
}

#[tokio::test]
async fn warnings_come_with_the_answer_that_crosses_and_not_before() {
    let folder = folder();
    let server = serve(
        quota("per: org, limit: 10, period: month, warn_at: [50%, 80%]"),
        &folder,
    );
    let client = server.client().await;
    for spent in 1..=10 {
        let answer = passes(&client, &ask("k").of("o")).await;
        let told: Vec<_> = answer.warnings.iter().map(|warning| warning.used_percent).collect();
        let expected: &[u32] = if spent < 5 { &[] } else { &[spent * 10] };
        assert_eq!(told, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn alerts_are_in_the_log_and_counted_each_once() {
    let folder = folder();
    let fields = "per: org, limit: 20, period: month, alert_at: [50%, 100%]";
    let server = serve(quota(fields), &folder);
    let client = server.client().await;
    spend_rest(&client, &ask("k").of("o"), 1).await;
    for _ in 0..3 {
        denied(&client, &ask("k").of("o"), Reason::QuotaExhausted).await;
    }
    time::eventually("both alerts", || async {
        (server.metric("quorate_quota_alerts_total", &[]).await == 2).then_some(())
    })
    .await;
    let words = server.words();
    let alerts: Vec<&str> = words
        .lines()
        .filter(|line| line.contains("quota threshold reached"))
        .collect();
    assert_eq!(alerts.len(), 2, "{words}");
    for (alert, percent) in alerts.iter().zip(["50", "100"]) {
        assert!(
            alert.contains(percent) && alert.contains('q') && alert.contains('o'),
            "{alert}"
        );
    }
}

#[tokio::test]
async fn a_refund_gives_back_and_a_replay_charges_nothing() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    let client = server.client().await;
    passes(&client, &ask("k").of("o").costing(8)).await;
    client.allowed(ask("k").of("o").costing(5).refund()).await;
    assert_eq!(client.used(ask("k").of("o"), "q").await, 3);
    let once = ask("k").of("o").costing(4).operation("op-1");
    let first = passes(&client, &once).await;
    for _ in 0..3 {
        let again = client.allowed(once.clone()).await;
        assert!(again.replayed);
        assert_eq!(again.decision_id, first.decision_id);
    }
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 3).await, 3);
    // What is denied is not kept: it may pass later.
    denied(&client, &ask("k").of("o").operation("op-2"), Reason::QuotaExhausted).await;
    client.allowed(ask("k").of("o").refund()).await;
    assert!(!passes(&client, &ask("k").of("o").operation("op-2")).await.replayed);
}

#[tokio::test]
async fn what_one_denies_the_other_is_not_charged() {
    let folder = folder();
    let both = |limit: u64, quota: u64| {
        policy::plan(&format!(
            "limits: [{{ name: l, per: key, limit: {limit}, window: 1d }}]\n\
             quotas: [{{ name: q, per: org, limit: {quota}, period: month }}]"
        ))
    };
    let server = serve(both(100, 3), &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 1).await, 3);
    for _ in 0..5 {
        denied(&client, &ask("k").of("o"), Reason::QuotaExhausted).await;
    }
    assert_eq!(client.used(ask("k").of("o"), "l").await, 3);
    drop(server);
    let server = Launch::keeping(both(2, 100), &folder.path().join("other")).start();
    let client = server.client().await;
    passes(&client, &ask("k").of("o").costing(2)).await;
    for _ in 0..5 {
        client.denied(ask("k").of("o"), Reason::RateLimited).await;
    }
    assert_eq!(client.used(ask("k").of("o"), "q").await, 2);
}

#[tokio::test]
async fn metrics_tell_of_quotas_and_their_store() {
    let folder = folder();
    let server = serve(monthly(100), &folder);
    let client = server.client().await;
    passes(&client, &ask("k").of("o").costing(5)).await;
    let metrics = [
        "quorate_quota_running",
        "quorate_quota_accounts",
        "quorate_quota_operations_total",
        "quorate_store_changes_total",
        "quorate_store_commits_total",
        "quorate_store_commit_microseconds_total",
    ];
    for metric in metrics {
        time::eventually(metric, || async {
            (server.metric(metric, &[]).await > 0).then_some(())
        })
        .await;
    }
    for metric in [
        "quorate_quota_accounts_away",
        "quorate_store_failing",
        "quorate_store_changes_lost_total",
    ] {
        assert_eq!(server.metric(metric, &[]).await, 0, "{metric}");
    }
}
