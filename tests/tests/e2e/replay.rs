//! `operation_id`: a retry is charged once.

use quorate_api::v1::{ChargeMode, Reason};

use crate::harness::{AskExt, Launch, ask, policy};

fn limits() -> String {
    policy::plan("limits: [{ name: own, per: key, limit: 5, window: 1h }]\nslots: { s: 1 }")
        + "\nendpoints: [{ match: POST /jobs, slot: s }, { match: POST /a }, { match: POST /b }]\n"
}

#[tokio::test]
async fn the_same_operation_is_charged_once_and_answered_alike() {
    let server = Launch::with(limits()).start();
    let client = server.client().await;
    let request = ask("k").of("o").at("POST /a").costing(2).operation("op-1");
    let first = client.allowed(request.clone()).await;
    assert!(!first.replayed);
    for _ in 0..10 {
        let again = client.allowed(request.clone()).await;
        assert!(again.replayed, "{again:?}");
        assert_eq!(again.decision_id, first.decision_id);
        assert_eq!(
            (again.remaining, &again.limit_name),
            (first.remaining, &first.limit_name)
        );
    }
    assert_eq!(client.used(ask("k").of("o"), "own").await, 2);
}

#[tokio::test]
async fn other_content_under_the_same_id_is_refused() {
    let server = Launch::with(limits()).start();
    let client = server.client().await;
    let request = ask("k").of("o").at("POST /a").operation("op");
    client.allowed(request.clone()).await;
    client.invalid(request.clone().at("POST /b"), "operation_id").await;
    client.invalid(request.clone().costing(2), "operation_id").await;
    client.invalid(request.clone().using("tokens", 1), "operation_id").await;
    assert!(client.allowed(request).await.replayed);
    assert_eq!(client.used(ask("k").of("o"), "own").await, 1);
}

#[tokio::test]
async fn an_id_belongs_to_its_org_and_key() {
    let server = Launch::with(limits()).start();
    let client = server.client().await;
    for (org, key) in [("o", "k"), ("o", "l"), ("p", "k")] {
        let answer = client.allowed(ask(key).of(org).operation("op")).await;
        assert!(!answer.replayed, "{org} {key}");
    }
}

#[tokio::test]
async fn denials_and_looks_are_not_kept() {
    let server = Launch::with(limits()).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(5)).await;
    let request = ask("k").of("o").operation("op");
    assert!(!client.denied(request.clone(), Reason::RateLimited).await.replayed);
    client.allowed(ask("k").of("o").costing(1).refund()).await;
    let passed = client.allowed(request.clone()).await;
    assert!(!passed.replayed, "the denial was not kept");
    assert!(client.allowed(request).await.replayed);

    client.allowed(ask("l").of("o").operation("look").look()).await;
    assert!(!client.allowed(ask("l").of("o").operation("look")).await.replayed);
}

#[tokio::test]
async fn a_replay_takes_no_second_slot() {
    let server = Launch::with(limits()).start();
    let client = server.client().await;
    let job = ask("k").of("o").at("POST /jobs").operation("job-1");
    let first = client.allowed(job.clone()).await;
    assert!(first.slot_held);
    assert!(client.allowed(job).await.replayed);
    client
        .denied(ask("k").of("o").at("POST /jobs"), Reason::ConcurrencyExceeded)
        .await;
    assert!(client.release("o", &first.decision_id).await);
    assert!(client.allowed(ask("k").of("o").at("POST /jobs")).await.slot_held);
}

#[tokio::test]
async fn retries_at_once_are_charged_once() {
    let server = Launch::with(limits()).start();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = server.client().await;
        calls.spawn(async move { client.allowed(ask("k").of("o").operation("op")).await.replayed });
    }
    let replayed = calls.join_all().await.into_iter().filter(|replayed| *replayed).count();
    assert_eq!(replayed, 19, "one of twenty was decided");
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 1);
    // Records and refunds are safe to repeat as well.
    for _ in 0..3 {
        client
            .allowed(ask("l").of("o").operation("r").costing(2).mode(ChargeMode::Record))
            .await;
    }
    assert_eq!(client.used(ask("l").of("o"), "own").await, 2);
    for _ in 0..3 {
        client
            .allowed(ask("l").of("o").operation("back").costing(1).refund())
            .await;
    }
    assert_eq!(client.used(ask("l").of("o"), "own").await, 1);
}
