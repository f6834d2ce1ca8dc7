//! The org's pool: what it lends, when it lends nothing, and when it caps.

use std::time::Duration;

use quorate_api::v1::{Algorithm, Include, Reason};

use crate::harness::time::{decided_at, passes_exactly_when_stated};
use crate::harness::{AskExt, Client, Launch, Server, ask, policy, time};

/// Ten an hour, four more from a pool of five that hardly refills.
fn pooled() -> String {
    policy::plan(
        "limits: [{ name: own, per: key, limit: 10, window: 1h }]\n\
         burst: { allowance: 4, window: 1h }\n\
         pool: { capacity: 5, refill: 1, every: 10d }",
    )
}

#[tokio::test]
async fn the_shortfall_alone_comes_from_the_pool() {
    let server = Launch::with(pooled()).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(8)).await;
    let mixed = client.allowed(ask("k").of("o").costing(5).with(Include::Limits)).await;
    assert_eq!(mixed.pool_units, 3, "two of its own, three from the pool");
    assert_eq!(mixed.burst_remaining, 1, "the allowance binds: 4 - 3");
    let used = |algorithm: Algorithm| {
        let status = mixed.limits.iter().find(|status| status.algorithm() == algorithm);
        status
            .unwrap_or_else(|| panic!("no {algorithm:?} in {:?}", mixed.limits))
            .used
    };
    assert_eq!(used(Algorithm::SlidingWindow), 10);
    assert_eq!(used(Algorithm::BurstAllowance), 3);
    assert_eq!(used(Algorithm::BurstPool), 3);
    // The allowance has one left: a cost of two is denied and takes nothing, a cost of one passes.
    client.denied(ask("k").of("o").costing(2), Reason::RateLimited).await;
    assert_eq!(client.allowed(ask("k").of("o")).await.pool_units, 1);
}

#[tokio::test]
async fn overflow_never_takes_away_a_keys_own_limit() {
    let server = Launch::with(pooled()).start();
    let client = server.client().await;
    let (greedy, _) = client.count(&ask("greedy").of("o"), 20).await;
    assert_eq!(greedy, 14, "its own ten and an allowance of four");
    let (second, denied) = client.count(&ask("second").of("o"), 20).await;
    assert_eq!(second, 11, "its own ten, and the last unit of the pool");
    assert_eq!(denied.expect("it was denied").reason(), Reason::RateLimited);
    let (third, _) = client.count(&ask("third").of("o"), 20).await;
    assert_eq!(third, 10, "its own ten");
}

#[tokio::test]
async fn ceiling_caps_the_whole_org() {
    let ceiling = policy::plan(
        "limits: [{ name: own, per: key, limit: 10, window: 1h }]\n\
         pool: { capacity: 15, refill: 1, every: 10d, mode: ceiling }",
    );
    let server = Launch::with(ceiling).start();
    let client = server.client().await;
    let first = client.each(vec![ask("a").of("o"); 10]).await;
    assert!(first.all_allowed, "its own");
    let second = client.each(vec![ask("b").of("o"); 10]).await.responses;
    let passed = second.iter().filter(|answer| answer.allowed).count();
    assert_eq!(passed, 5, "15 for the org");
    let denied = client.denied(ask("b").of("o").costing(3), Reason::PoolExhausted).await;
    assert!(denied.retryable && denied.retry_after_ns > 0, "{denied:?}");
    // Another org is not capped by this one.
    client.allowed(ask("a").of("p").costing(10)).await;
}

#[tokio::test]
async fn a_denial_of_the_ceiling_says_when_the_pool_lets_the_cost_through() {
    let refilling = policy::plan(
        "limits: [{ name: own, per: key, limit: 1_000_000, window: 1h }]\n\
         pool: { capacity: 6, refill: 1, every: 500ms, mode: ceiling }",
    );
    let server = Launch::with(refilling).start();
    let client = server.client().await;
    passes_exactly_when_stated(&client, ask("k").of("o").costing(3), Reason::PoolExhausted).await;
}

/// A key that used its own four and the two of the pool, and was told that the pool's refill, which takes so long, is
/// what it waits for, and not the window's end; `None` when it had refilled before that.
async fn spend_the_pool(within: Duration) -> Option<(Client, Server)> {
    let refilling = policy::plan(&format!(
        "limits: [{{ name: own, per: key, limit: 4, window: 1h }}]\n\
         burst: {{ allowance: 3, window: 1h }}\n\
         pool: {{ capacity: 2, refill: 1, every: {}ms }}",
        within.as_millis()
    ));
    let server = Launch::with(refilling).start();
    let client = server.client().await;
    let charged = client.allowed(ask("k").of("o").costing(6)).await;
    let look = client.ask(ask("k").of("o").look()).await;
    let refilled = decided_at(&charged.decision_id) + within;
    if decided_at(&look.decision_id) >= refilled {
        return None;
    }
    assert_eq!((look.allowed, look.reason()), (false, Reason::RateLimited), "{look:?}");
    let stated = decided_at(&look.decision_id) + Duration::from_nanos(look.retry_after_ns);
    assert_eq!(stated, refilled, "the pool has one again then");
    Some((client, server))
}

#[tokio::test]
async fn a_denial_says_when_the_allowance_and_the_pool_let_the_cost_through() {
    let (client, _server) = time::once_quick("a denial before the pool refills", spend_the_pool).await;
    let denied = client.ask(ask("k").of("o")).await;
    if !denied.allowed {
        assert_eq!(denied.reason(), Reason::RateLimited);
        time::pass(denied.retry_after_ns).await;
        assert_eq!(client.allowed(ask("k").of("o")).await.pool_units, 1);
    }
    // Now the allowance is spent: the window is what counts.
    let denied = client.denied(ask("k").of("o"), Reason::RateLimited).await;
    assert!(denied.retry_after_ns > 1_800_000_000_000, "half an hour: {denied:?}");
}
