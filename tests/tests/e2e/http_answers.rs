//! Answers over HTTP: statuses, bodies, and the headers of every profile.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::http::{Reply, get, should_allow};
use crate::harness::{Launch, Server, policy, time};

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

/// One limit of five a minute, and these header profiles.
fn with_headers(profiles: &str) -> String {
    policy::plan("limits: [{ name: own, per: key, limit: 5, window: 1m }]") + &format!("\nheaders: [{profiles}]\n")
}

async fn ask(server: &Server, question: Value) -> Reply {
    should_allow(server.http(), question).await
}

#[tokio::test]
async fn an_answer_says_what_the_contract_says() {
    let server = Launch::with(policy::one_limit(5, "1m")).start();
    let reply = ask(&server, json!({ "key": "k", "org": "o", "cost": 2 })).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    let answer = reply.json();
    assert_eq!(answer["allowed"], true);
    assert_eq!(answer["reason"], "OK");
    assert_eq!(
        (&answer["limit_name"], &answer["limit"], &answer["remaining"]),
        (&json!("own"), &json!(5), &json!(3))
    );
    assert_eq!(answer["window_ns"], 60_000_000_000_u64);
    assert!(
        answer.get("error").is_none() && answer.get("limits").is_none(),
        "{answer}"
    );

    let include = json!(["limits", "headers", "policy", "shadow"]);
    let answer = ask(&server, json!({ "key": "k", "org": "o", "include": include }))
        .await
        .json();
    assert_eq!(answer["limits"][0]["used"], 3);
    assert_eq!(answer["policy"]["plan"], "test");
    assert_eq!(answer["policy"]["org"], "o");
    assert_eq!(answer["shadow_denied"], json!([]));
    assert!(answer["headers"].is_array());
}

#[tokio::test]
async fn a_denial_for_a_rate_is_429_and_says_when_to_come_back() {
    let server = Launch::with(policy::one_limit(1, "1s")).start();
    let question = json!({ "key": "k", "org": "o" });
    assert_eq!(ask(&server, question.clone()).await.status, 200);
    let denied = time::until("a denial", || async {
        let reply = ask(&server, question.clone()).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.header("retry-after"), "1", "rounded up, at least one");
    let body = denied.json();
    assert_eq!(body["allowed"], false);
    assert_eq!(body["reason"], "RATE_LIMITED");
    assert_eq!(body["retryable"], true);
    let error = &body["error"];
    assert_eq!(error["code"], "RATE_LIMITED");
    assert!(
        error["message"].as_str().is_some_and(|message| !message.is_empty()),
        "{body}"
    );
    assert_eq!(error["retry_after"], 1);
    assert!(
        error.get("quota_reset_at").is_some_and(Value::is_null),
        "no quota denied: {body}"
    );
    time::pass(body["retry_after_ns"].as_u64().expect("a number")).await;
    assert_eq!(ask(&server, question).await.status, 200);
}

/// A policy under which every denial that a policy can make is a request away.
const EVERY_REASON: &str = r"
version: 1
defaults: { plan: test }
environments: [prod, staging]
plans:
  test:
    limits: [{ name: own, per: key, limit: 3, window: 1h }]
    slots: { jobs: 1 }
  capped:
    limits: [{ name: own, per: key, limit: 3, window: 1h }]
    pool: { capacity: 1, refill: 1, every: 1h, mode: ceiling }
endpoints:
  - { match: GET /audit, scopes_any: [soc2] }
  - { match: POST /jobs, slot: jobs }
  - { match: POST /danger, forbid: true }
orgs: { acme: {}, out: { state: banned }, rests: { state: paused }, capped: { plan: capped } }
keys:
  k: { org: acme }
  bound: { org: acme, environment: prod }
  revoked: { org: acme, state: revoked }
  suspended: { org: acme, state: suspended }
  old: { org: acme, expires: 2020-01-01T00:00:00Z }
";

#[tokio::test]
async fn every_reason_has_its_status() {
    let server = Launch::with(EVERY_REASON).start();
    for (charge, status) in [
        (json!({ "key": "full", "org": "o", "cost": 3 }), 200),
        (json!({ "key": "worker", "org": "o", "endpoint": "POST /jobs" }), 200),
        (json!({ "key": "c", "org": "capped" }), 200),
    ] {
        assert_eq!(ask(&server, charge).await.status, status);
    }
    let cases = [
        (json!({ "key": "full", "org": "o" }), 429, "RATE_LIMITED", true),
        (json!({ "key": "c", "org": "capped" }), 429, "POOL_EXHAUSTED", true),
        (
            json!({ "key": "worker", "org": "o", "endpoint": "POST /jobs" }),
            429,
            "CONCURRENCY_EXCEEDED",
            true,
        ),
        (json!({ "key": "stranger", "org": "acme" }), 401, "KEY_UNKNOWN", false),
        (json!({ "credential": "nobody's" }), 401, "KEY_UNKNOWN", false),
        (json!({ "key": "k".repeat(257) }), 401, "KEY_INVALID", false),
        (json!({ "key": "revoked" }), 403, "KEY_REVOKED", false),
        (json!({ "key": "suspended" }), 403, "KEY_SUSPENDED", false),
        (json!({ "key": "old" }), 403, "KEY_EXPIRED", false),
        (json!({ "key": "k", "org": "other" }), 403, "ORG_MISMATCH", false),
        (json!({ "key": "x", "org": "out" }), 403, "BANNED", false),
        (json!({ "key": "x", "org": "rests" }), 403, "PAUSED", false),
        (
            json!({ "key": "k", "endpoint": "GET /audit" }),
            403,
            "SCOPE_MISSING",
            false,
        ),
        (
            json!({ "key": "bound", "environment": "staging" }),
            403,
            "ENVIRONMENT_MISMATCH",
            false,
        ),
        (
            json!({ "key": "k", "endpoint": "POST /danger" }),
            403,
            "POLICY_FORBIDS",
            false,
        ),
        (json!({ "key": "k", "cost": 4 }), 422, "COST_EXCEEDS_LIMIT", false),
    ];
    for (question, status, code, retryable) in cases {
        let reply = ask(&server, question.clone()).await;
        assert_eq!(reply.status, status, "{question}: {}", reply.body);
        assert_eq!(reply.json()["error"]["code"], code, "{question}");
        assert_eq!(reply.json()["reason"], code);
        assert_eq!(
            reply.headers.contains_key("retry-after"),
            retryable,
            "{question}: {:?}",
            reply.headers
        );
    }
}

#[tokio::test]
async fn headers_in_unix_seconds() {
    let server = Launch::with(with_headers("x-ratelimit-unix")).start();
    let before = unix_seconds();
    let reply = ask(&server, json!({ "key": "k", "org": "o", "cost": 2 })).await;
    assert_eq!(reply.header("x-ratelimit-limit"), "5");
    assert_eq!(reply.header("x-ratelimit-remaining"), "3");
    assert_eq!(reply.header("x-ratelimit-window"), "sliding_60s");
    let reset: u64 = reply.header("x-ratelimit-reset").parse().expect("a number");
    assert!((before + 60..=unix_seconds() + 61).contains(&reset), "{reset}");
    assert!(!reply.headers.contains_key("retry-after"));
    assert_eq!(
        ask(&server, json!({ "key": "k", "org": "o", "cost": 3 })).await.status,
        200
    );
    let denied = ask(&server, json!({ "key": "k", "org": "o" })).await;
    assert_eq!(denied.header("x-ratelimit-remaining"), "0");
    let wait: u64 = denied.header("retry-after").parse().expect("a number");
    let stated = denied.json()["retry_after_ns"].as_u64().expect("a number");
    assert_eq!(wait, stated.div_ceil(1_000_000_000), "the same, rounded up");
    // A minute from the first charge, which a busy machine may have made a while ago.
    let charged_ago = unix_seconds() - before;
    assert!((59 - charged_ago.min(59)..=61).contains(&wait), "{wait}");
}

#[tokio::test]
async fn headers_in_seconds_from_now() {
    let server = Launch::with(with_headers("x-ratelimit-draft03")).start();
    let reply = ask(&server, json!({ "key": "k", "org": "o" })).await;
    assert_eq!(reply.header("x-ratelimit-limit"), r#"5, 5;w=60;name="own""#);
    assert_eq!(reply.header("x-ratelimit-remaining"), "4");
    let reset: u64 = reply.header("x-ratelimit-reset").parse().expect("a number");
    assert!((60..=61).contains(&reset), "{reset}");
}

#[tokio::test]
async fn headers_of_the_ietf() {
    let server = Launch::with(with_headers("ietf")).start();
    let reply = ask(&server, json!({ "key": "k", "org": "o" })).await;
    assert_eq!(reply.header("ratelimit-policy"), r#""own";q=5;w=60"#);
    let limit = reply.header("ratelimit");
    assert!(matches!(limit, r#""own";r=4;t=60"# | r#""own";r=4;t=61"#), "{limit}");
}

#[tokio::test]
async fn the_legacy_warning_from_eighty_percent_on() {
    let server = Launch::with(with_headers("warning")).start();
    let first = ask(&server, json!({ "key": "k", "org": "o", "cost": 3 })).await;
    assert!(!first.headers.contains_key("warning"), "{:?}", first.headers);
    let crossing = ask(&server, json!({ "key": "k", "org": "o" })).await;
    assert_eq!(crossing.header("warning"), r#"299 - "80% of own consumed""#);
}

#[tokio::test]
async fn several_profiles_together_and_the_same_over_grpc() {
    use crate::harness::AskExt;
    use quorate_api::v1::Include;

    let server = Launch::with(with_headers("x-ratelimit-unix, ietf, warning")).start();
    let reply = ask(&server, json!({ "key": "k", "org": "o", "cost": 4 })).await;
    for name in [
        "x-ratelimit-limit",
        "x-ratelimit-window",
        "ratelimit",
        "ratelimit-policy",
        "warning",
    ] {
        assert!(reply.headers.contains_key(name), "{name}: {:?}", reply.headers);
    }
    // Ready-made headers come over gRPC on request: for the request as it is decided there.
    let client = server.client().await;
    let answer = client
        .allowed(crate::harness::ask("l").of("o").costing(4).with(Include::Headers))
        .await;
    let names = |headers: &[quorate_api::v1::Header]| -> Vec<String> {
        headers.iter().map(|header| header.name.to_lowercase()).collect()
    };
    let over_http: Vec<String> = reply.headers.keys().map(|name| name.as_str().to_owned()).collect();
    for name in names(&answer.headers) {
        assert!(over_http.contains(&name), "{name} is not in {over_http:?}");
    }
    let limit = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("x-ratelimit-remaining"));
    assert_eq!(limit.expect("the profile has it").value, "1");
    assert!(
        client
            .allowed(crate::harness::ask("m").of("o"))
            .await
            .headers
            .is_empty(),
        "not asked for"
    );
}

#[tokio::test]
async fn health_metrics_policy_and_the_most_throttled() {
    let server = Launch::with(policy::one_limit(1, "1h")).start();
    assert_eq!(get(server.http(), "/healthz").await.status, 200);
    let ready = get(server.http(), "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["ready"]), (200, &json!(true)));
    for (key, times) in [("greedy", 10), ("modest", 3)] {
        for _ in 0..times {
            ask(&server, json!({ "key": key, "org": "o" })).await;
        }
    }
    assert_eq!(server.metric("quorate_decisions_total", &["RATE_LIMITED"]).await, 11);
    let throttled = get(server.http(), "/v1/throttled").await.json();
    let keys: Vec<_> = throttled["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| (key["key"].as_str(), key["denied"].as_u64()))
        .collect();
    assert_eq!(keys, [(Some("greedy"), Some(9)), (Some("modest"), Some(2))]);
    assert_eq!(throttled["limits"][0]["limit"], "own");
    let policy = get(server.http(), "/v1/policy").await.json();
    assert_eq!(policy["sequence"], 1);
    assert!(
        policy["content_hash"].as_str().is_some_and(|hash| hash.len() >= 16),
        "{policy}"
    );
    let page = get(server.http(), "/metrics").await;
    assert!(page.header("content-type").contains("text"), "{:?}", page.headers);
}
