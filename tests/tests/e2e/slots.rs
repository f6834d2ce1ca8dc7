//! Concurrency slots: held, given back, kept, and run out.

use std::time::Duration;

use quorate_api::v1::{Algorithm, Include, Reason};
use tokio::time::Instant;
use tonic::Code;

use crate::harness::time::decided_at;
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
    time::once_quick("a slot that is kept beyond its time", keep_a_slot).await;
}

/// Two slots with this time to live, one of which is kept; `None` when that one ran out too before it was all seen.
async fn keep_a_slot(ttl: Duration) -> Option<()> {
    let server = Launch::with(jobs(&format!("{{ depth: 2, ttl: {}ms }}", ttl.as_millis()))).start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs");
    let asked = Instant::now();
    let kept = client.allowed(job.clone()).await.decision_id;
    let left = client.allowed(job.clone()).await.decision_id;
    // Halfway, one of them is kept: from then on it has the whole time again.
    let half = u64::try_from(ttl.as_nanos() / 2).expect("short");
    time::pass(half).await;
    let extending = Instant::now();
    let extended = client.extend("o", &kept).await.expect("an answer");
    if !extended.extended {
        assert!(asked.elapsed() >= ttl, "it is held");
        return None;
    }
    assert_eq!(extended.expires_after_ns, 2 * half);
    let full = client.ask(job.clone()).await;
    if full.allowed {
        assert!(
            decided_at(&full.decision_id) >= decided_at(&left) + ttl,
            "both are held"
        );
        return None;
    }
    assert_eq!(full.reason(), Reason::ConcurrencyExceeded);
    // The other's time is over by the end of the second half.
    time::pass(half).await;
    assert!(!client.release("o", &left).await, "it ran out");
    assert!(client.allowed(job.clone()).await.slot_held, "its place is free");
    let full = client.ask(job).await;
    let still_held = client.release("o", &kept).await;
    if full.allowed || !still_held {
        assert!(extending.elapsed() >= ttl, "the one that was kept is still held");
        return None;
    }
    assert_eq!(full.reason(), Reason::ConcurrencyExceeded);
    let gone = client.extend("o", &kept).await.expect("an answer");
    assert!(!gone.extended && gone.expires_after_ns == 0, "{gone:?}");
    Some(())
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
