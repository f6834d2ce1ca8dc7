//! Two million invented keys: memory stays in its bounds, and nobody but the spray is throttled.

use quorate_api::v1::{Reason, ShouldAllowBatchRequest};

use crate::harness::{AskExt, Client, Launch, Server, ask};

const KEYS: usize = 2_000_000;
const BATCH: usize = 1_000;

/// What the server is told to keep to.
const STATE_BYTES_MAX: u64 = 24 << 20;
/// How much the process may grow: that, and the messages in flight. Two million entries would take more.
const GROWTH_MAX: u64 = 80 << 20;

/// An org that declares two keys and lets strangers in, and one that declares nothing.
const POLICY: &str = "
version: 1
defaults: { plan: p, unknown_key: default_plan }
plans: { p: { limits: [{ name: own, per: key, limit: 10, window: 1h }] } }
orgs: { acme: {}, calm: {} }
keys: { known: { org: acme }, late: { org: acme } }
";

/// Asks for invented keys, of one org or each of its own, on several connections; how many were denied.
async fn spray(server: &Server, keys: usize, org: &'static str) -> usize {
    let mut load = tokio::task::JoinSet::new();
    let connections = 2;
    for connection in 0..connections {
        let client = server.client().await;
        load.spawn(async move {
            let mut denied = 0;
            for batch in (connection..keys / BATCH).step_by(connections) {
                denied += spray_batch(&client, batch, org).await;
            }
            denied
        });
    }
    load.join_all().await.into_iter().sum()
}

async fn spray_batch(client: &Client, batch: usize, org: &str) -> usize {
    let invented = (0..BATCH).map(|n| ask(&format!("invented-by-a-stranger-{}", batch * BATCH + n)).of(org));
    let batch = ShouldAllowBatchRequest {
        requests: invented.collect(),
        all_or_nothing: false,
    };
    let answers = client.batch(batch).await.expect("a spray is answered, not refused");
    for answer in answers.responses.iter().filter(|answer| !answer.allowed) {
        assert_eq!(answer.reason(), Reason::RateLimited, "{answer:?}");
    }
    answers.responses.iter().filter(|answer| !answer.allowed).count()
}

/// Asserts that neither the counters nor the process took more than they may.
async fn in_bounds(server: &Server, resident_before: u64) {
    let state = server.metric("quorate_state_bytes", &[]).await;
    assert!(state > 0 && state <= STATE_BYTES_MAX, "the counters take {state} bytes");
    let grown = server.resident_bytes().saturating_sub(resident_before);
    assert!(grown < GROWTH_MAX, "the process grew by {} MiB", grown >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_million_invented_keys_throttle_themselves_and_nobody_else() {
    let server = Launch::with(POLICY)
        .args(["--memory-max", "24MiB", "--org-memory-max", "8MiB"])
        .start();
    let client = server.client().await;
    client.allowed(ask("known").of("acme").costing(4)).await;
    client.allowed(ask("k").of("calm").costing(4)).await;
    let before = server.resident_bytes();

    let denied = spray(&server, KEYS, "acme").await;

    in_bounds(&server, before).await;
    assert!(
        denied > KEYS / 2,
        "most of the spray shared one entry and was throttled: {denied}"
    );
    assert!(
        server.metric("quorate_state_overflowed_total", &[]).await > 0,
        "and a metric says so"
    );
    // Who is known keeps its own, used or not; and so does every other org.
    assert_eq!(client.used(ask("known").of("acme"), "own").await, 4);
    assert_eq!(client.count(&ask("known").of("acme"), 20).await.0, 6);
    assert_eq!(client.count(&ask("late").of("acme"), 20).await.0, 10);
    assert_eq!(client.count(&ask("k").of("calm"), 20).await.0, 6);
    assert_eq!(client.count(&ask("new").of("calm"), 20).await.0, 10);
    // A stranger of the sprayed org shares what the strangers have left: nothing.
    client
        .denied(ask("yet-another-stranger").of("acme"), Reason::RateLimited)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invented_orgs_stay_in_bounds_too() {
    let server = Launch::with(POLICY)
        .args(["--memory-max", "24MiB", "--org-memory-max", "8MiB"])
        .start();
    let client = server.client().await;
    client.allowed(ask("known").of("acme").costing(4)).await;
    let before = server.resident_bytes();
    // Each key without an org is an org of its own.
    spray(&server, KEYS / 2, "").await;
    in_bounds(&server, before).await;
    assert_eq!(client.count(&ask("known").of("acme"), 20).await.0, 6);
    assert_eq!(client.count(&ask("late").of("acme"), 20).await.0, 10);
}
