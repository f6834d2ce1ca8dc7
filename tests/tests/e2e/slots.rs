//! Concurrency slots: held, given back, kept, and run out.

use quorate_api::v1::{Algorithm, Include, Reason};
use tonic::Code;

use crate::harness::{AskExt, Launch, ask, policy, time};

fn jobs(slot: &str) -> String {
    policy::plan(&format!("slots: {{ s: {slot} }}")) + "\nendpoints: [{ match: POST /jobs, slot: s }]\n"
}

#[tokio::test]
async fn as_many_as_the_depth_and_one_more_for_each_given_back() {
    let server = Launch::with(jobs("3")).start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs");
    let mut held = Vec::new();
    for _ in 0..3 {
        let answer = client.allowed(job.clone()).await;
        assert!(answer.slot_held, "{answer:?}");
        held.push(answer.decision_id);
    }
    let denied = client.denied(job.clone(), Reason::ConcurrencyExceeded).await;
    assert!(
        !denied.slot_held && denied.retryable && denied.retry_after_ns == 0,
        "{denied:?}"
    );
    // Slots are per key, and other endpoints hold none.
    assert!(client.allowed(ask("other").of("o").at("POST /jobs")).await.slot_held);
    assert!(!client.allowed(ask("k").of("o").at("GET /jobs")).await.slot_held);

    assert!(client.release("o", &held[1]).await);
    assert!(!client.release("o", &held[1]).await, "it is free already");
    let next = client.allowed(job.clone()).await;
    client.denied(job, Reason::ConcurrencyExceeded).await;
    assert!(client.release("o", &next.decision_id).await);
    assert!(!client.release("elsewhere", &held[0]).await, "it is not that org's");
}

#[tokio::test]
async fn looks_hold_nothing() {
    let server = Launch::with(jobs("1")).start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs");
    for _ in 0..5 {
        assert!(!client.allowed(job.clone().look()).await.slot_held);
        assert!(!client.allowed(job.clone().costing(0)).await.slot_held);
    }
    client.allowed(job.clone()).await;
    let look = client
        .denied(job.look().with(Include::Limits), Reason::ConcurrencyExceeded)
        .await;
    let status = look
        .limits
        .iter()
        .find(|status| status.algorithm() == Algorithm::Concurrency);
    let status = status.unwrap_or_else(|| panic!("the slots have a status: {look:?}"));
    assert_eq!((status.limit, status.used, status.denied), (1, 1, true));
}

#[tokio::test]
async fn a_denied_request_holds_no_slot() {
    let policy = policy::plan("limits: [{ name: own, per: key, limit: 1, window: 1h }]\nslots: { s: 2 }")
        + "\nendpoints: [{ match: POST /jobs, slot: s }]\n";
    let server = Launch::with(policy).start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs");
    client.allowed(job.clone()).await;
    for _ in 0..5 {
        let denied = client
            .denied(job.clone().with(Include::Limits), Reason::RateLimited)
            .await;
        let slots = denied
            .limits
            .iter()
            .find(|status| status.algorithm() == Algorithm::Concurrency);
        assert_eq!(slots.expect("asked for").used, 1);
    }
}

#[tokio::test]
async fn a_slot_runs_out_unless_it_is_kept() {
    let server = Launch::with(jobs("{ depth: 2, ttl: 3s }")).start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs");
    let kept = client.allowed(job.clone()).await.decision_id;
    let left = client.allowed(job.clone()).await.decision_id;
    // Halfway, one of them is kept: from then on it has the whole time again.
    time::pass(1_500_000_000).await;
    let extended = client.extend("o", &kept).await.expect("it is held");
    assert!(extended.extended);
    assert_eq!(extended.expires_after_ns, 3_000_000_000);
    client.denied(job.clone(), Reason::ConcurrencyExceeded).await;
    // The other's time is over by the end of the second half.
    time::pass(1_500_000_000).await;
    assert!(!client.release("o", &left).await, "it ran out");
    assert!(client.allowed(job.clone()).await.slot_held, "its place is free");
    client.denied(job, Reason::ConcurrencyExceeded).await;
    assert!(client.release("o", &kept).await, "the one that was kept is still held");
    let gone = client.extend("o", &kept).await.expect("an answer");
    assert!(!gone.extended && gone.expires_after_ns == 0, "{gone:?}");
}

#[tokio::test]
async fn malformed_releases_name_the_field() {
    let server = Launch::with(jobs("1")).start();
    let client = server.client().await;
    let some_id = client.allowed(ask("k").of("o").at("POST /jobs")).await.decision_id;
    for (org, id, field) in [
        ("", some_id.as_str(), "org"),
        ("o", "", "decision_id"),
        ("o", "not an id", "decision_id"),
    ] {
        for error in [
            client.try_release(org, id).await.expect_err("malformed"),
            client.extend(org, id).await.expect_err("malformed"),
        ] {
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains(field), "{error:?}");
        }
    }
    assert!(client.release("o", &some_id).await, "nothing was released by those");
}
