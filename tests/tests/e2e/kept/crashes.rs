//! Crashes: what counts over an hour or more loses the last second at most, what counts over less is forgotten.

use quorate_api::v1::Reason;

use super::{MINUTE_AND_HOUR, folder, kill, serve, written};
use crate::harness::{AskExt, ask};

#[tokio::test]
async fn an_hour_is_kept_and_a_minute_is_forgotten() {
    let folder = folder();
    let server = serve(MINUTE_AND_HOUR, &folder);
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(10)).await;
    client.denied(ask("k").of("o"), Reason::RateLimited).await;
    written(&server).await;
    kill(server);

    let server = serve(MINUTE_AND_HOUR, &folder);
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "minute").await, 0);
    assert_eq!(client.used(ask("k").of("o"), "hour").await, 10);
    client.allowed(ask("k").of("o").costing(5)).await;
    client.denied(ask("k").of("o"), Reason::RateLimited).await;
}

#[tokio::test]
async fn many_crashes_forgive_nothing() {
    let folder = folder();
    let mut used = 0;
    for life in 1..=5_u64 {
        let server = serve(MINUTE_AND_HOUR, &folder);
        let client = server.client().await;
        assert_eq!(client.used(ask("k").of("o"), "hour").await, used);
        client.allowed(ask("k").of("o").costing(life % 3 + 1)).await;
        used += life % 3 + 1;
        // Keys that come and go beside it.
        for other in 0..life * 20 {
            client.allowed(ask(&format!("{life}-{other}")).of("o")).await;
        }
        written(&server).await;
        kill(server);
    }
    let server = serve(MINUTE_AND_HOUR, &folder);
    assert_eq!(server.client().await.used(ask("k").of("o"), "hour").await, used);
    assert_eq!(server.metric("quorate_windows_restored_entries", &[]).await, 301);
}

#[tokio::test]
async fn what_was_given_back_is_given_back_after_a_crash_too() {
    let folder = folder();
    let server = serve(MINUTE_AND_HOUR, &folder);
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(8)).await;
    written(&server).await;
    client.allowed(ask("k").of("o").costing(8).refund()).await;
    written(&server).await;
    kill(server);
    let server = serve(MINUTE_AND_HOUR, &folder);
    assert_eq!(server.client().await.used(ask("k").of("o"), "hour").await, 0);
}
