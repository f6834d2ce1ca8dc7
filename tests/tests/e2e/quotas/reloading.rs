//! A policy that changes while its quotas are spent.

use quorate_api::v1::Reason;

use super::{denied, folder, monthly, passes, quota, serve, spend_rest, stop};
use crate::harness::http::get;
use crate::harness::{AskExt, Client, Launch, Server, ask, policy, time};

async fn sequence(server: &Server) -> u64 {
    let page = get(server.http(), "/v1/policy").await.json();
    page["sequence"].as_u64().expect("a number")
}

/// Replaces the policy and waits until it is in force.
async fn reload(server: &Server, policy: &str) {
    let before = sequence(server).await;
    server.replace_policy(policy);
    time::eventually("the reload", || async {
        (sequence(server).await > before).then_some(())
    })
    .await;
}

/// Asks for one unit until it passes: the row learns of a cap in its own time.
async fn until_it_passes(client: &Client) {
    time::until("one more unit", || async {
        client.ask(ask("k").of("o")).await.allowed.then_some(())
    })
    .await;
}

/// Waits until nothing is leased.
async fn until_given_back(server: &Server) {
    time::eventually("the end of all leases", || async {
        (server.metric("quorate_quota_accounts", &[]).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cap_goes_up_and_down() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 10).await, 10);
    reload(&server, &monthly(25)).await;
    until_it_passes(&client).await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 14).await, 14);
    // What was spent stays spent: nothing fits below it, and what is added fits above it only.
    reload(&server, &monthly(5)).await;
    denied(&client, &ask("k").of("o"), Reason::QuotaExhausted).await;
    reload(&server, &monthly(28)).await;
    until_it_passes(&client).await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 2).await, 2);
}

#[tokio::test]
async fn a_cap_that_changed_while_no_server_ran_binds_too() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    assert_eq!(spend_rest(&server.client().await, &ask("k").of("o"), 10).await, 10);
    stop(server);
    let server = serve(monthly(13), &folder);
    let client = server.client().await;
    until_it_passes(&client).await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 2).await, 2);
    stop(server);
    let server = serve(monthly(11), &folder);
    denied(&server.client().await, &ask("k").of("o"), Reason::QuotaExhausted).await;
}

#[tokio::test]
async fn a_quota_comes_and_goes_and_its_usage_stays() {
    let folder = folder();
    let without = policy::one_limit(1_000_000, "1h");
    let server = serve(&without, &folder);
    let client = server.client().await;
    client.allowed(ask("k").of("o")).await;
    reload(&server, &monthly(20)).await;
    passes(&client, &ask("k").of("o").costing(8)).await;
    reload(&server, &without).await;
    for _ in 0..30 {
        client.allowed(ask("k").of("o")).await;
    }
    until_given_back(&server).await;
    reload(&server, &monthly(20)).await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 12).await, 12);
}

#[tokio::test]
async fn another_period_is_another_account() {
    let folder = folder();
    let of = |period: &str| quota(&format!("per: org, limit: 6, period: {period}"));
    let server = serve(of("lifetime"), &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 6).await, 6);
    reload(&server, &of("year")).await;
    until_it_passes(&client).await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 5).await, 5);
    reload(&server, &of("lifetime")).await;
    // Until the driver has turned back it is the year's account, which is spent as well.
    denied(&client, &ask("k").of("o"), Reason::QuotaExhausted).await;
    stop(server);
    let server = serve(of("lifetime"), &folder);
    denied(&server.client().await, &ask("k").of("o"), Reason::QuotaExhausted).await;
}

#[tokio::test]
async fn quotas_cannot_come_to_a_server_without_a_store() {
    let server = Launch::with(policy::one_limit(50, "1h")).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(20)).await;
    server.replace_policy(&monthly(10));
    let failure = time::eventually("the refusal", || async {
        let ready = get(server.http(), "/readyz").await;
        assert_eq!(ready.status, 200, "the old policy is in force");
        let failure = ready.json()["policy"]["last_failure"].clone();
        (!failure.is_null()).then_some(failure)
    })
    .await;
    let said = failure["problems"].to_string();
    assert!(said.contains("quotas") && said.contains("store"), "{said}");
    assert_eq!(sequence(&server).await, 1);
    assert_eq!(client.used(ask("k").of("o"), "own").await, 20);
    // A policy without quotas is taken again.
    reload(&server, &policy::one_limit(40, "1h")).await;
    assert_eq!(client.ask(ask("k").of("o").look()).await.remaining, 20);
}
