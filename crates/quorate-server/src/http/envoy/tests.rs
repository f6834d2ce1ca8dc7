//! The pages of Envoy's rate limit service, through the router.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use quorate_envoy::{Options, Rules, Source};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::config::EnvoySettings;
use crate::edge::Edge;
use crate::envoy::{Envoy, InForce};
use crate::http::{router, test_edge};

const RULES: &str = "
domain: d
descriptors:
  - {key: k, rate_limit: {name: n, unit: year, requests_per_unit: 2}}
  - {key: u, rate_limit: {unlimited: true}}
";

fn serving() -> Arc<Edge> {
    serving_these(RULES)
}

fn serving_these(rules: &str) -> Arc<Edge> {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: rules.to_owned(),
    };
    let (rules, _) = Rules::load(std::slice::from_ref(&source), Options::default()).expect("they are well formed");
    let in_force = InForce::new(rules, vec![source], 0);
    let mut edge = Arc::into_inner(test_edge()).expect("nobody else has it");
    edge.envoy = Envoy::new(&EnvoySettings::default(), Some(in_force));
    Arc::new(edge)
}

async fn ask(edge: &Arc<Edge>, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = router(Arc::clone(edge), None)
        .oneshot(request)
        .await
        .expect("it answers");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn json_answers_as_the_reference_and_says_429_when_over() {
    let edge = serving();
    let body = r#"{"domain": "d", "descriptors": [{"entries": [{"key": "k", "value": "v"}]}]}"#;
    for remaining in [1, 0] {
        let (status, answer) = ask(&edge, "POST", "/json", body).await;
        assert_eq!((status, &answer["overallCode"]), (StatusCode::OK, &json!("OK")));
        let limit = &answer["statuses"][0]["currentLimit"];
        assert_eq!(*limit, json!({"name": "n", "requestsPerUnit": 2, "unit": "YEAR"}));
        // A 0 is left out.
        let found = answer["statuses"][0]["limitRemaining"].as_u64().unwrap_or(0);
        assert_eq!(found, remaining);
        let reset = answer["statuses"][0]["durationUntilReset"]
            .as_str()
            .expect("a duration");
        assert!(reset.ends_with('s'), "{reset}");
    }
    let (status, answer) = ask(&edge, "POST", "/json", body).await;
    assert_eq!(
        (status, &answer["overallCode"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("OVER_LIMIT"))
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_and_charges_nothing() {
    let edge = serving();
    for (body, expected) in [
        ("{", "body:"),
        (r#"{"domain": "", "descriptors": [{}]}"#, "domain must not be empty"),
        (r#"{"domain": "d"}"#, "descriptor list must not be empty"),
        (
            r#"{"domain": "d", "descriptors": [{"limit": {"unit": 9}}]}"#,
            "limit.unit",
        ),
        (
            r#"{"domain": "d", "descriptors": [{"limit": {"unit": "SECOND", "unitMultiplier": 30}}]}"#,
            "descriptors[0].limit.unit_multiplier",
        ),
    ] {
        let (status, answer) = ask(&edge, "POST", "/json", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        let message = answer["error"]["message"].as_str().expect("a message");
        assert!(message.contains(expected), "{message}");
    }
    let (_, counter) = ask(&edge, "GET", "/rlcounter?domain=d&k=v", "").await;
    assert_eq!(counter["used"], 0);
}

#[tokio::test]
async fn a_counter_is_looked_at_and_left_alone() {
    let edge = serving();
    let body = r#"{"domain": "d", "descriptors": [{"entries": [{"key": "k", "value": "a b"}], "hitsAddend": 3}]}"#;
    ask(&edge, "POST", "/json", body).await;
    for _ in 0..2 {
        let (status, counter) = ask(&edge, "GET", "/rlcounter?domain=d&k=a%20b", "").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            [
                &counter["rule"],
                &counter["used"],
                &counter["requests_per_unit"],
                &counter["unit"]
            ],
            [&json!("d.k"), &json!(3), &json!(2), &json!("YEAR")]
        );
    }
    let (_, counter) = ask(&edge, "GET", "/rlcounter?domain=d&u=x", "").await;
    assert_eq!(counter["unlimited"], true);
    let (_, counter) = ask(&edge, "GET", "/rlcounter?domain=d&nobody=x", "").await;
    assert_eq!(counter, json!({"rule": null}));
}

#[tokio::test]
async fn what_the_policy_decides_is_said_to_be_no_rules() {
    let edge = serving_these(
        "
domain: d
native: { key: api_key }
descriptors:
  - {key: path, rate_limit: {unit: year, requests_per_unit: 2}}
",
    );
    let (status, counter) = ask(&edge, "GET", "/rlcounter?domain=d&api_key=k", "").await;
    assert_eq!(
        (status, counter),
        (StatusCode::OK, json!({"rule": null, "native": true}))
    );
    let (_, counter) = ask(&edge, "GET", "/rlcounter?domain=d&path=x", "").await;
    assert_eq!([&counter["rule"], &counter["used"]], [&json!("d.path"), &json!(0)]);
    let (_, counter) = ask(&edge, "GET", "/rlcounter?domain=d&nobody=x", "").await;
    assert_eq!(counter, json!({"rule": null}));
}

#[tokio::test]
async fn the_rules_in_force_are_shown_with_their_text() {
    let edge = serving();
    let (status, rules) = ask(&edge, "GET", "/rlconfig", "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(rules["domains"], json!([{"name": "d", "rules": 2, "native": false}]));
    assert_eq!(rules["files"], json!([{"name": "rules.yaml", "text": RULES}]));
    assert_eq!((&rules["sequence"], &rules["last_failure"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn a_server_without_rules_says_so() {
    let edge = test_edge();
    let body = r#"{"domain": "d", "descriptors": [{}]}"#;
    for (method, path, body) in [
        ("POST", "/json", body),
        ("GET", "/rlconfig", ""),
        ("GET", "/rlcounter?domain=d", ""),
    ] {
        let (status, answer) = ask(&edge, method, path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let message = answer["error"]["message"].as_str().expect("a message");
        assert!(message.contains("--envoy-config"), "{message}");
    }
}
