//! Another policy at the next start: windows survive it as they survive a reload.

use quorate_api::v1::Reason;

use super::{folder, kill, serve, stop, written};
use crate::harness::{AskExt, ask};

fn own(limit: u64, window: &str) -> String {
    format!("limits: [{{ name: own, per: key, limit: {limit}, window: {window} }}]")
}

#[tokio::test]
async fn another_limit_sees_what_was_used() {
    let folder = folder();
    let server = serve(&own(10, "59m"), &folder);
    server.client().await.allowed(ask("k").of("o").costing(6)).await;
    stop(server);
    for (limit, room) in [(8, 2), (5, 0), (20, 14)] {
        let server = serve(&own(limit, "59m"), &folder);
        let client = server.client().await;
        assert_eq!(client.used(ask("k").of("o"), "own").await, 6, "nothing is forgiven");
        assert_eq!(client.ask(ask("k").of("o").look()).await.remaining, room);
        stop(server);
    }
}

#[tokio::test]
async fn another_window_carries_what_was_used_over() {
    let folder = folder();
    let server = serve(&own(10, "59m"), &folder);
    server.client().await.allowed(ask("k").of("o").costing(6)).await;
    stop(server);
    for window in ["2h", "40m", "3d"] {
        let server = serve(&own(10, window), &folder);
        assert_eq!(server.client().await.used(ask("k").of("o"), "own").await, 6, "{window}");
        stop(server);
    }
}

#[tokio::test]
async fn another_algorithm_begins_full() {
    let folder = folder();
    let server = serve(&own(10, "2h"), &folder);
    server.client().await.allowed(ask("k").of("o").costing(1)).await;
    written(&server).await;
    kill(server);
    let bucket = "limits: [{ name: own, per: key, limit: 10, window: 2h, algorithm: token_bucket }]";
    let server = serve(bucket, &folder);
    let client = server.client().await;
    client.denied(ask("k").of("o").costing(10), Reason::RateLimited).await;
    assert!(client.used(ask("k").of("o"), "own").await >= 9);
}

#[tokio::test]
async fn what_no_policy_names_any_more_is_dropped_and_the_rest_kept() {
    let folder = folder();
    let two =
        "limits: [{ name: own, per: key, limit: 10, window: 2h }, { name: gone, per: key, limit: 20, window: 3h }]";
    let server = serve(two, &folder);
    server.client().await.allowed(ask("k").of("o").costing(6)).await;
    stop(server);
    let server = serve(&own(10, "2h"), &folder);
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(1)).await;
    stop(server);
    let server = serve(two, &folder);
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 7);
    assert_eq!(client.used(ask("k").of("o"), "gone").await, 0);
}
