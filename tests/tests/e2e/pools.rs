//! Burst pools on the embedded store: a stop keeps their level to the unit, a crash loses a chunk at most, and nothing
//! is lent twice. Units are counted by the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_api::v1::{Algorithm, Include, Reason, ShouldAllowRequest, ShouldAllowResponse};
use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::harness::data::{self, folder, serve, stop};
use crate::harness::{AskExt, Client, Launch, Server, ask, policy, time};

/// A denial that says so early a time waits for the store; the pools of these tests refill far more slowly.
const PENDING_NS: u64 = 2_000_000_000;

/// The modes of a pool.
const MODES: [&str; 2] = ["overflow", "ceiling"];

/// Callers that ask at once.
const CALLERS: u64 = 4;

/// A pool of so many units that hardly refills. In overflow mode a key has one unit of its own an hour.
fn pooled(mode: &str, capacity: u64) -> String {
    let own = if mode == "overflow" { 1 } else { 1_000_000 };
    policy::plan(&format!(
        "limits: [{{ name: own, per: key, limit: {own}, window: 1h }}]\n\
         burst: {{ allowance: 100_000, window: 1h }}\n\
         pool: {{ capacity: {capacity}, refill: {capacity}, every: 400d, mode: {mode} }}"
    ))
}

/// Asks until it is not told that the store has yet to answer.
async fn settled(client: &Client, request: &ShouldAllowRequest) -> ShouldAllowResponse {
    let pending = |answer: &ShouldAllowResponse| !answer.allowed && answer.retry_after_ns <= PENDING_NS;
    data::settled(client, request, pending).await
}

/// Draws so many units in requests of one each, by a key that has none left of its own.
async fn draw(client: &Client, key: &str, units: u64) {
    for _ in 0..units {
        let answer = settled(client, &ask(key).of("o")).await;
        assert!(answer.allowed, "{answer:?}");
        assert_eq!(answer.pool_units, 1, "{answer:?}");
    }
}

/// Draws what is left; how much it was.
async fn drain(client: &Client, key: &str) -> u64 {
    for drawn in 0.. {
        let answer = settled(client, &ask(key).of("o")).await;
        if !answer.allowed {
            let reason = answer.reason();
            assert!(
                matches!(reason, Reason::RateLimited | Reason::PoolExhausted),
                "{answer:?}"
            );
            assert!(!answer.degraded, "{answer:?}");
            return drawn;
        }
        assert_eq!(answer.pool_units, 1, "{answer:?}");
    }
    unreachable!("the pool has an end")
}

/// A key that has nothing left of its own.
async fn spent_key(client: &Client, mode: &str, key: &str) {
    if mode == "overflow" {
        // Whether its window survived a restart is not this test's business.
        let answer = client.ask(ask(key).of("o").costing(1).look()).await;
        if answer.pool_units == 0 && answer.allowed {
            client.allowed(ask(key).of("o")).await;
        }
    }
}

#[tokio::test]
async fn a_stop_in_good_order_keeps_the_level_to_the_unit() {
    for mode in MODES {
        let folder = folder();
        let server = serve(pooled(mode, 200), &folder);
        let client = server.client().await;
        spent_key(&client, mode, "first").await;
        draw(&client, "first", 33).await;
        stop(server);
        let server = serve(pooled(mode, 200), &folder);
        let client = server.client().await;
        let looks = ask("new").of("o").look().with(Include::Limits);
        time::until("a look that knows the level", || async {
            let limits = client.ask(looks.clone()).await.limits;
            let pool = limits
                .into_iter()
                .find(|status| status.algorithm() == Algorithm::BurstPool);
            (pool.expect("it is told of").used == 33).then_some(())
        })
        .await;
        spent_key(&client, mode, "second").await;
        assert_eq!(drain(&client, "second").await, 167, "{mode}");
        stop(server);
        let server = serve(pooled(mode, 200), &folder);
        let client = server.client().await;
        spent_key(&client, mode, "third").await;
        assert_eq!(drain(&client, "third").await, 0, "{mode}");
    }
}

#[tokio::test]
async fn a_new_org_is_lent_to_at_once_whatever_its_pools_size() {
    for capacity in [1, 8, 10_000] {
        let folder = folder();
        let server = serve(pooled("ceiling", capacity), &folder);
        let client = server.client().await;
        for (org, cost) in [("small", 1), ("large", capacity)] {
            let answer = settled(&client, &ask("k").of(org).costing(cost)).await;
            assert!(answer.allowed, "{cost} of {capacity}: {answer:?}");
            assert_eq!(answer.pool_units, cost);
        }
    }
}

#[tokio::test]
async fn what_is_given_back_is_there_after_a_restart() {
    let folder = folder();
    let server = serve(pooled("ceiling", 100), &folder);
    let client = server.client().await;
    draw(&client, "k", 60).await;
    client.ask(ask("k").of("o").costing(20).refund()).await;
    stop(server);
    let server = serve(pooled("ceiling", 100), &folder);
    assert_eq!(drain(&server.client().await, "k").await, 60);
}

/// Callers that ask until their server is gone. `lent` grows by what the pool lent, as they see it.
async fn load(server: &Server, life: u64, lent: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, lent) = (server.client().await, Arc::clone(lent));
        callers.spawn(async move {
            loop {
                let request = ask(&format!("k{life}-{caller}")).of("o");
                let Ok(answer) = client.inner.clone().should_allow(request).await else {
                    return;
                };
                lent.fetch_add(answer.into_inner().pool_units, Ordering::SeqCst);
            }
        });
    }
    callers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_a_pool_lends_nothing_twice_and_loses_little() {
    const CAPACITY: u64 = 2_000;
    const ROUNDS: u64 = 5;
    for mode in MODES {
        let folder = folder();
        let lent = Arc::<AtomicU64>::default();
        for life in 0..ROUNDS {
            let mut server = serve(pooled(mode, CAPACITY), &folder);
            let mut callers = load(&server, life, &lent).await;
            let before = lent.load(Ordering::SeqCst);
            time::until("units lent before the crash", || async {
                (lent.load(Ordering::SeqCst) > before + 40 * life).then_some(())
            })
            .await;
            server.signal(Signal::KILL);
            server.wait();
            while let Some(ended) = callers.join_next().await {
                ended.expect("no caller fails");
            }
        }
        let server = serve(pooled(mode, CAPACITY), &folder);
        let client = server.client().await;
        spent_key(&client, mode, "last").await;
        let lent = lent.load(Ordering::SeqCst) + drain(&client, "last").await;
        assert!(lent <= CAPACITY, "{mode}: {lent} units of {CAPACITY} were lent");
        // What was lent to callers that never heard of it counts as lost here.
        let lost = CAPACITY - lent;
        let most = ROUNDS * (CAPACITY / 20 + CALLERS);
        assert!(lost <= most, "{mode}: {lost} units are lost, more than {most}");
        println!("{mode}: {lost} units lost by {ROUNDS} crashes, none lent twice");
    }
}

#[tokio::test]
async fn operations_on_the_store_are_few_and_counted() {
    let folder = folder();
    let server = serve(pooled("ceiling", 10_000), &folder);
    let client = server.client().await;
    draw(&client, "k", 1_000).await;
    let operations = server.metric("quorate_pool_operations_total", &[]).await;
    assert!(
        (2..=50).contains(&operations),
        "{operations} operations for 1,000 units"
    );
    assert_eq!(server.metric("quorate_pools_kept", &[]).await, 1);
    assert_eq!(server.metric("quorate_pools_running", &[]).await, 1);
}

#[tokio::test]
async fn without_a_store_a_pool_lives_in_memory() {
    let server = Launch::with(pooled("ceiling", 50)).start();
    let client = server.client().await;
    let (passed, _) = client.count(&ask("k").of("o"), 60).await;
    assert_eq!(passed, 50, "none waits for a store");
    assert_eq!(server.metric("quorate_pools_running", &[]).await, 0);
}

/// Nobody else can have windows or pools on it.
#[tokio::test]
async fn on_a_data_directory_pools_are_kept_whatever_is_said_of_windows() {
    let folder = folder();
    let server = Launch::keeping(pooled("ceiling", 50), &folder.path().join("data"))
        .arg("--unshared-windows")
        .start();
    draw(&server.client().await, "k", 10).await;
    assert_eq!(server.metric("quorate_pools_running", &[]).await, 1);
    stop(server);
}
