//! When to come back: the instant that a denial states is the first at which the same cost passes.

use std::time::Duration;

use quorate_api::v1::{Include, Reason, ShouldAllowResponse};

use crate::harness::time::{self, decided_at, once_quick};
use crate::harness::{AskExt, Client, Launch, Server, ask, policy};

async fn passes_exactly_when_stated(client: &Client, request: quorate_api::v1::ShouldAllowRequest) {
    time::passes_exactly_when_stated(client, request, Reason::RateLimited).await;
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
    // Fixed windows follow wall time, which is read once a second, and decisions are dated by the clock that no step
    // of wall time moves: the two drift apart a little.
    let drift = Duration::from_millis(5);
    time::passes_when_stated(&client, ask("k"), Reason::RateLimited, drift).await;
}

/// A key that two limits deny, and what it was told; `None` when the shorter window was over before that.
async fn two_denials(within: Duration) -> Option<(Server, ShouldAllowResponse)> {
    let two = policy::plan(&format!(
        "limits:\n  \
           - {{ name: short, per: key, limit: 3, window: {}ms }}\n  \
           - {{ name: long, per: key, limit: 3, window: {}ms }}",
        within.as_millis(),
        2 * within.as_millis(),
    ));
    let server = Launch::with(two).start();
    let client = server.client().await;
    let charged = client.allowed(ask("k").costing(3)).await;
    let denied = client.ask(ask("k").with(Include::Limits)).await;
    let quick = decided_at(&denied.decision_id) < decided_at(&charged.decision_id) + within;
    quick.then_some((server, denied))
}

#[tokio::test]
async fn of_several_limits_that_deny_the_latest_is_told() {
    let (server, denied) = once_quick("two limits that deny", two_denials).await;
    let client = server.client().await;
    assert_eq!(denied.reason(), Reason::RateLimited);
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
    let (server, both) = once_quick("two hundred denials within a window", hammer_a_window).await;
    let client = server.client().await;
    time::pass(both.retry_after_ns).await;
    client.allowed(ask("k").costing(2)).await;
}

/// A key that was denied two hundred times within one window of this length, each time with the same instant to come
/// back, and what it was told about both of its units; `None` when the window was over before that.
async fn hammer_a_window(within: Duration) -> Option<(Server, ShouldAllowResponse)> {
    let server = Launch::with(policy::one_limit(2, &format!("{}ms", within.as_millis()))).start();
    let client = server.client().await;
    client.allowed(ask("k").costing(2)).await;
    let stated =
        |answer: &ShouldAllowResponse| decided_at(&answer.decision_id) + Duration::from_nanos(answer.retry_after_ns);
    let first = client.ask(ask("k")).await;
    for _ in 0..200 {
        let again = client.ask(ask("k")).await;
        if again.allowed {
            assert!(decided_at(&again.decision_id) >= stated(&first), "{again:?}");
            return None;
        }
        assert_eq!(stated(&again), stated(&first));
    }
    let both = client.ask(ask("k").costing(2).look()).await;
    (!both.allowed).then_some((server, both))
}

#[tokio::test]
async fn whole_again_when_stated() {
    let (server, answer) = once_quick("two charges within a window", charge_twice).await;
    let client = server.client().await;
    assert_eq!((answer.limit, answer.remaining), (5, 1));
    time::pass(answer.reset_after_ns).await;
    let look = client.ask(ask("k").look()).await;
    assert_eq!((look.remaining, look.reset_after_ns), (5, 0));
}

/// A key that charged twice within one window of this length, and its second answer; `None` when the window was over
/// before that.
async fn charge_twice(within: Duration) -> Option<(Server, ShouldAllowResponse)> {
    let server = Launch::with(policy::one_limit(5, &format!("{}ms", within.as_millis()))).start();
    let client = server.client().await;
    let first = client.allowed(ask("k").costing(2)).await;
    let second = client.allowed(ask("k").costing(2)).await;
    // A window from the last charge, rounded up to a tick, which is far less than a hundredth of it.
    let reset_after = Duration::from_nanos(second.reset_after_ns);
    assert!(
        reset_after >= within && reset_after <= within + within / 100,
        "{second:?}"
    );
    (decided_at(&second.decision_id) < decided_at(&first.decision_id) + within).then_some((server, second))
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
