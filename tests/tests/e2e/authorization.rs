//! Denials before anything is counted: each reason is reachable, and none of them charges.

use quorate_api::v1::{Include, Reason, ShouldAllowRequest};

use crate::harness::ask::ask_with_credential;
use crate::harness::{AskExt, Client, Launch, ask};

const POLICY: &str = r"
version: 1
defaults: { plan: test }
environments: [prod, staging]
plans:
  test:
    limits: [{ name: own, per: key, limit: 10, window: 1h }]
    burst: { allowance: 2, window: 1h }
    pool: { capacity: 2, refill: 1, every: 1h }
    slots: { jobs: 1 }
endpoints:
  - match: GET /audit
    scopes_any: [soc2, gdpr]
  - match: GET /both
    scopes_all: [soc2, gdpr]
  - match: POST /jobs
    slot: jobs
  - match: POST /danger
    forbid: true
  - match: POST /deploy
    environments: [staging]
  - match: POST /internal/*
    exempt: true
  - match: POST /never
    limits: [{ name: nothing, per: key, limit: 0, deny: true }]
orgs:
  acme: { plan: test }
  resting: { plan: test, state: paused }
  out: { plan: test, state: banned }
  closed: { plan: test, state: banned }
keys:
  active: { org: acme }
  scoped: { org: acme, scopes: [soc2] }
  production: { org: acme, environment: prod }
  revoked: { org: acme, state: revoked }
  suspended: { org: acme, state: suspended }
  paused: { org: acme, state: paused }
  banned: { org: acme, state: banned }
  old: { org: acme, expires: 2020-01-01T00:00:00Z }
  young: { org: acme, expires: 2500-01-01T00:00:00Z }
  rests: { org: resting }
  gone: { org: out }
";

async fn terminal(client: &Client, request: ShouldAllowRequest, reason: Reason) {
    let answer = client.denied(request, reason).await;
    assert!(!answer.retryable, "{answer:?}");
    assert_eq!(answer.retry_after_ns, 0);
    assert!(!answer.decision_id.is_empty(), "a denial is a decision: {answer:?}");
}

#[tokio::test]
async fn every_denial_of_identity_and_authorization() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    let cases = [
        (ask("revoked"), Reason::KeyRevoked),
        (ask("suspended"), Reason::KeySuspended),
        (ask("paused"), Reason::Paused),
        (ask("banned"), Reason::Banned),
        (ask("old"), Reason::KeyExpired),
        (ask("rests"), Reason::Paused),
        (ask("gone"), Reason::Banned),
        (ask("anything").of("closed"), Reason::Banned),
        (ask("active").of("elsewhere"), Reason::OrgMismatch),
        (ask("stranger").of("acme"), Reason::KeyUnknown),
        (ask_with_credential("no such secret"), Reason::KeyUnknown),
        (ask_with_credential("no such secret").of("nowhere"), Reason::KeyUnknown),
        (ask(&"k".repeat(257)), Reason::KeyInvalid),
        (ask(""), Reason::KeyInvalid),
        (ask("k\u{0}k"), Reason::KeyInvalid),
        (ask("active").at("GET /audit"), Reason::ScopeMissing),
        (ask("scoped").at("GET /both"), Reason::ScopeMissing),
        (ask("production").from("staging"), Reason::EnvironmentMismatch),
        (
            ask("active").at("POST /deploy").from("prod"),
            Reason::EnvironmentMismatch,
        ),
        (ask("active").at("POST /danger"), Reason::PolicyForbids),
        (ask("active").at("POST /never"), Reason::PolicyForbids),
    ];
    for (request, reason) in cases {
        terminal(&client, request, reason).await;
    }
    // None of these charged the one key that could have been charged.
    assert_eq!(client.used(ask("active"), "own").await, 0);
    assert_eq!(client.used(ask("scoped"), "own").await, 0);
    assert_eq!(client.used(ask("production"), "own").await, 0);
}

/// Neither alone nor in a batch of any kind.
#[tokio::test]
async fn a_mismatch_tells_nothing_of_the_key() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    let asked = || ask("active").of("elsewhere").with(Include::Policy);
    let mut answers = vec![client.ask(asked()).await];
    answers.extend(client.each(vec![asked()]).await.responses);
    answers.extend(client.all(vec![asked()]).await.responses);
    assert_eq!(answers.len(), 3);
    for answer in answers {
        assert_eq!(answer.reason(), Reason::OrgMismatch);
        let policy = answer.policy.expect("it was asked for");
        assert_eq!((&*policy.org, &*policy.plan), ("elsewhere", ""));
    }
}

#[tokio::test]
async fn what_is_missing_can_be_brought() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    client.allowed(ask("scoped").at("GET /audit")).await;
    client.allowed(ask("active").at("GET /audit").scope("gdpr")).await;
    client.allowed(ask("scoped").at("GET /both").scope("gdpr")).await;
    client.allowed(ask("production").from("prod")).await;
    client.allowed(ask("production")).await;
    client.allowed(ask("young").of("acme")).await;
    client.allowed(ask("active").at("POST /deploy").from("staging")).await;
    let longest = "k".repeat(256);
    client.allowed(ask(&longest)).await;
}

#[tokio::test]
async fn a_missing_scope_denies_with_quota_left_and_charges_nothing() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    let without = ask("active").at("GET /audit");
    for _ in 0..20 {
        terminal(&client, without.clone(), Reason::ScopeMissing).await;
    }
    let with = without.scope("soc2");
    assert_eq!(client.used(with.clone(), "own").await, 0, "twenty denials took nothing");
    assert_eq!(
        client.count(&with, 20).await.0,
        12,
        "all ten are left, and two of the pool"
    );
}

#[tokio::test]
async fn unknown_keys_and_orgs_follow_the_policy() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    // An org that declares keys denies others; an org that does not, or none at all, takes the default plan.
    terminal(&client, ask("stranger").of("acme"), Reason::KeyUnknown).await;
    client.allowed(ask("stranger").of("undeclared")).await;
    let alone = client.allowed(ask("stranger").with(Include::Policy)).await;
    assert_eq!(alone.policy.expect("asked for").org, "stranger", "it is its own org");

    let strict = "version: 1\ndefaults: { unknown_org: deny }\nplans: { p: {} }\norgs: { known: { plan: p } }";
    let server = Launch::with(strict).start();
    let client = server.client().await;
    terminal(&client, ask("k").of("unknown"), Reason::PolicyForbids).await;
    terminal(&client, ask("k"), Reason::PolicyForbids).await;
    client.allowed(ask("k").of("known")).await;

    let named = "version: 1\ndefaults: { plan: p, unknown_key: deny }\nplans: { p: {} }\norgs: { o: {} }\nkeys: { k: { org: o } }";
    let server = Launch::with(named).start();
    let client = server.client().await;
    client.allowed(ask("k")).await;
    terminal(&client, ask("x").of("p"), Reason::KeyUnknown).await;
}

#[tokio::test]
async fn an_exempt_endpoint_is_never_denied() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    for key in ["active", "revoked", "gone"] {
        for _ in 0..30 {
            let answer = client.allowed(ask(key).at("POST /internal/hook/1")).await;
            assert!(answer.limit_name.is_empty(), "no limit applies: {answer:?}");
        }
    }
    assert_eq!(client.used(ask("active"), "own").await, 0);
}

#[tokio::test]
async fn a_cost_that_never_fits_says_so() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    // Ten, and two that the pool could add.
    terminal(&client, ask("active").costing(13), Reason::CostExceedsLimit).await;
    let most = client.allowed(ask("active").costing(12)).await;
    assert_eq!(most.pool_units, 2);
}

#[tokio::test]
async fn reasons_of_counting_are_retryable() {
    let server = Launch::with(POLICY).start();
    let client = server.client().await;
    client.allowed(ask("active").at("POST /jobs")).await;
    let denied = client
        .denied(ask("active").at("POST /jobs"), Reason::ConcurrencyExceeded)
        .await;
    assert!(denied.retryable && denied.retry_after_ns == 0, "{denied:?}");
    client.count(&ask("active"), 20).await;
    let denied = client.denied(ask("active"), Reason::RateLimited).await;
    assert!(denied.retryable && denied.retry_after_ns > 0, "{denied:?}");
}
