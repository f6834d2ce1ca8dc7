//! Orderly stops: every window is there again, slots and operation ids are not.

use quorate_api::v1::Reason;
use rustix::process::Signal;

use super::{MINUTE_AND_HOUR, folder, kill, serve, stop, written};
use crate::harness::{AskExt, Launch, ask, http, policy};

#[tokio::test]
async fn windows_are_kept_whatever_their_length_and_kind() {
    let folder = folder();
    let plan = "limits:\n\
                - { name: minute, limit: 10, window: 59m, per: key }\n\
                - { name: hour, limit: 1_000, window: 10h, per: org }\n\
                - { name: bucket, limit: 20, refill: 1, every: 50m, per: key, algorithm: token_bucket }\n\
                - { name: fixed, limit: 500, window: 100d, per: key, algorithm: fixed_window }";
    let (server, request) = (serve(plan, &folder), ask("k").of("o"));
    let client = server.client().await;
    client.allowed(request.clone().costing(7)).await;
    client.allowed(ask("other").of("o").costing(10)).await;
    stop(server);

    let server = serve(plan, &folder);
    let client = server.client().await;
    for (name, used) in [("minute", 7), ("hour", 17), ("bucket", 7), ("fixed", 7)] {
        assert_eq!(client.used(request.clone(), name).await, used, "{name}");
    }
    assert_eq!(server.metric("quorate_windows_restored_entries", &[]).await, 3);
    client.denied(request.clone().costing(4), Reason::RateLimited).await;
    client.denied(ask("other").of("o"), Reason::RateLimited).await;
    client.allowed(request.clone().costing(3)).await;
    // What was counted after a restart is kept over the next one, with what was counted before.
    stop(server);
    let server = serve(plan, &folder);
    let client = server.client().await;
    assert_eq!(client.used(request.clone(), "minute").await, 10);
    assert_eq!(client.used(request, "hour").await, 20);
    assert!(server.words().contains("windows restored"), "{}", server.words());
}

#[tokio::test]
async fn slots_and_operation_ids_are_forgotten() {
    let folder = folder();
    let text = policy::plan("limits: [{ name: own, per: key, limit: 5, window: 59m }]\nslots: { s: 1 }")
        + "\nendpoints: [{ match: POST /jobs, slot: s }]\n";
    let start = || Launch::keeping(&text, &folder.path().join("data")).start();
    let server = start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs");
    assert!(client.allowed(job.clone()).await.slot_held);
    client.denied(job.clone(), Reason::ConcurrencyExceeded).await;
    let operation = ask("k").of("o").operation("once");
    client.allowed(operation.clone()).await;
    assert!(client.allowed(operation.clone()).await.replayed);
    stop(server);

    let server = start();
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 2);
    assert!(client.allowed(job).await.slot_held);
    assert!(!client.allowed(operation).await.replayed);
    assert_eq!(client.used(ask("k").of("o"), "own").await, 4);
}

#[tokio::test]
async fn what_an_orderly_stop_kept_is_not_restored_twice() {
    let folder = folder();
    let server = serve(MINUTE_AND_HOUR, &folder);
    server.client().await.allowed(ask("k").of("o").costing(10)).await;
    stop(server);
    // It starts, restores, and crashes before anything else: what counts over less than an hour is gone by then.
    let server = serve(MINUTE_AND_HOUR, &folder);
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "minute").await, 10);
    kill(server);
    let server = serve(MINUTE_AND_HOUR, &folder);
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "minute").await, 0);
    assert_eq!(client.used(ask("k").of("o"), "hour").await, 10);
}

/// Whether no time is enough for a few keys is up to the machine; what must not happen is more than a crash forgets.
#[tokio::test]
async fn a_stop_that_has_no_time_to_write_forgets_no_more_than_a_crash() {
    let folder = folder();
    let launch = Launch::keeping(policy::plan(MINUTE_AND_HOUR), &folder.path().join("data"));
    let mut server = launch.args(["--keep-timeout", "0"]).start();
    let client = server.client().await;
    for key in 0..500 {
        client.allowed(ask(&format!("other-{key}")).of("o")).await;
    }
    client.allowed(ask("k").of("o").costing(10)).await;
    written(&server).await;
    server.signal(Signal::TERM);
    let status = server.wait();
    assert!(status.success(), "{status}:\n{}", server.words());
    let in_time = server.words().contains("\"windows kept\"");
    let late = server.words().contains("windows could not be kept in time");
    assert!(in_time != late, "{}", server.words());
    drop(server);

    let server = serve(MINUTE_AND_HOUR, &folder);
    let client = server.client().await;
    let minute = client.used(ask("k").of("o"), "minute").await;
    // What was under way when the time was over may yet have been written.
    assert!(minute == 10 || (late && minute == 0), "{minute} are used");
    assert_eq!(client.used(ask("k").of("o"), "hour").await, 10);
}

#[tokio::test]
async fn a_server_without_a_store_keeps_nothing() {
    let start = || {
        Launch::with(policy::plan(MINUTE_AND_HOUR))
            .arg("--drain-delay")
            .arg("0")
            .start()
    };
    let server = start();
    server.client().await.allowed(ask("k").of("o").costing(10)).await;
    stop(server);
    let server = start();
    assert_eq!(server.client().await.used(ask("k").of("o"), "hour").await, 0);
    let page = http::get(server.http(), "/metrics").await.body;
    assert!(page.contains("quorate_windows_rounds_total 0"), "{page}");
}
