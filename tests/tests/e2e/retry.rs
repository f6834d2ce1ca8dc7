//! When to come back: the instant that a denial states is the first at which the same cost passes.

use std::time::Duration;

use quorate_api::v1::{Include, Reason, ShouldAllowRequest};
use tokio::time::Instant;

use crate::harness::{AskExt, Client, Launch, ask, policy, time};

/// Asks without a pause until it passes: never before the instant that the first denial stated, always from it on.
async fn passes_exactly_when_stated(client: &Client, request: ShouldAllowRequest) {
    let sent = Instant::now();
    let denied = client.ask(request.clone()).await;
    let answered = Instant::now();
    assert!(!denied.allowed && denied.retry_after_ns > 0, "{denied:?}");
    let stated = Duration::from_nanos(denied.retry_after_ns);
    loop {
        let asked = Instant::now();
        let answer = client.ask(request.clone()).await;
        if answer.allowed {
            let passed = Instant::now();
            assert!(passed >= sent + stated, "it passed {:?} early", sent + stated - passed);
            return;
        }
        // Decided at the earliest when it was asked, so after the stated instant it must pass.
        assert!(asked < answered + stated, "denied after the stated instant: {answer:?}");
    }
}

#[tokio::test]
async fn a_sliding_window_passes_at_the_stated_instant_and_not_before() {
    let server = Launch::with(policy::one_limit(5, "1s")).start();
    let client = server.client().await;
    client.allowed(ask("k").costing(2)).await;
    client.allowed(ask("k").costing(3)).await;
    passes_exactly_when_stated(&client, ask("k")).await;
    // A larger cost has to wait for more units to age out, and its own instant is exact too.
    passes_exactly_when_stated(&client, ask("k").costing(5)).await;
}

#[tokio::test]
async fn large_limits_and_large_costs_are_exact_too() {
    let server = Launch::with(policy::one_limit(10_000, "1s")).start();
    let client = server.client().await;
    for _ in 0..100 {
        client.allowed(ask("k").costing(100)).await;
    }
    passes_exactly_when_stated(&client, ask("k").costing(777)).await;
}

#[tokio::test]
async fn buckets_and_fixed_windows_are_exact_too() {
    let buckets = policy::plan(
        "limits:\n  \
           - { name: bucket, per: key, algorithm: token_bucket, limit: 4, refill: 4, every: 1s }",
    );
    let server = Launch::with(buckets).start();
    let client = server.client().await;
    client.allowed(ask("k").costing(4)).await;
    passes_exactly_when_stated(&client, ask("k")).await;
    passes_exactly_when_stated(&client, ask("k").costing(3)).await;

    let fixed = policy::plan("limits: [{ name: f, per: key, algorithm: fixed_window, limit: 4, window: 1s }]");
    let server = Launch::with(fixed).start();
    let client = server.client().await;
    client.count(&ask("k"), 9).await;
    passes_exactly_when_stated(&client, ask("k")).await;
}

#[tokio::test]
async fn of_several_limits_that_deny_the_latest_is_told() {
    let two = policy::plan(
        "limits:\n  \
           - { name: short, per: key, limit: 3, window: 500ms }\n  \
           - { name: long, per: key, limit: 3, window: 2s }",
    );
    let server = Launch::with(two).start();
    let client = server.client().await;
    client.allowed(ask("k").costing(3)).await;
    let denied = client.denied(ask("k").with(Include::Limits), Reason::RateLimited).await;
    assert_eq!(denied.limit_name, "long");
    let stated: Vec<u64> = denied.limits.iter().map(|status| status.retry_after_ns).collect();
    assert!(denied.limits.iter().all(|status| status.denied), "{denied:?}");
    assert!(
        stated[0] < stated[1] && stated[1] == denied.retry_after_ns,
        "{denied:?}"
    );
    passes_exactly_when_stated(&client, ask("k")).await;
}

#[tokio::test]
async fn a_denied_request_changes_no_later_answer() {
    let server = Launch::with(policy::one_limit(2, "1s")).start();
    let client = server.client().await;
    client.allowed(ask("k").costing(2)).await;
    let denied = client.denied(ask("k"), Reason::RateLimited).await;
    for _ in 0..200 {
        let again = client.ask(ask("k")).await;
        assert!(
            again.allowed || again.retry_after_ns <= denied.retry_after_ns,
            "{again:?}"
        );
    }
    time::pass(denied.retry_after_ns).await;
    assert_eq!(
        client.count(&ask("k"), 5).await.0,
        2,
        "both units are back, whatever was tried meanwhile"
    );
}

#[tokio::test]
async fn whole_again_when_stated() {
    let server = Launch::with(policy::one_limit(5, "1s")).start();
    let client = server.client().await;
    client.allowed(ask("k").costing(2)).await;
    let answer = client.allowed(ask("k").costing(2)).await;
    assert_eq!((answer.limit, answer.remaining), (5, 1));
    assert!(
        answer.reset_after_ns > 900_000_000 && answer.reset_after_ns <= 1_100_000_000,
        "{answer:?}"
    );
    time::pass(answer.reset_after_ns).await;
    let look = client.ask(ask("k").look()).await;
    assert_eq!((look.remaining, look.reset_after_ns), (5, 0));
}

#[tokio::test]
async fn jitter_is_added_only_when_asked_and_at_most_a_tenth() {
    let server = Launch::with(policy::one_limit(1, "1h")).start();
    let client = server.client().await;
    client.allowed(ask("k")).await;
    let exact = client.ask(ask("k")).await.retry_after_ns;
    let mut spread = Vec::new();
    for _ in 0..50 {
        spread.push(client.ask(ask("k").jitter()).await.retry_after_ns);
    }
    // Later answers state less, by the time that the fifty took.
    let latest = client.ask(ask("k")).await.retry_after_ns;
    assert!(
        spread
            .iter()
            .all(|stated| *stated >= latest && *stated <= exact + exact / 10),
        "{spread:?}"
    );
    spread.dedup();
    assert!(spread.len() > 40, "fifty callers do not come back together: {spread:?}");
}
