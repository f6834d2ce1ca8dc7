//! The HTTP door as its callers see it: a router in front of a real node, without a socket.

mod callers;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use quorate_node::{Node, NodeConfig};
use quorate_policy::{Source, check};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::request::BODY_BYTES_MAX;
use super::router;
use crate::callers::Callers;
use crate::edge::{Edge, InFlight, PolicyHealth, Readiness};
use crate::telemetry::Telemetry;

const POLICY: &str = "
version: 1
defaults: { plan: developer, unknown_key: default_plan }
headers: [x-ratelimit-unix, ietf]
plans:
  developer:
    limits:
      - { name: per-minute, per: key, limit: 3, window: 1m }
      - { name: trial, per: key, limit: 1, window: 1m, mode: shadow }
endpoints:
  - match: POST /scan
    cost_factor: 2
  - match: GET /audit
    scopes_any: [soc2]
orgs:
  acme: {}
  beta: {}
keys:
  ak_acme: { org: acme }
  ak_beta: { org: beta }
";

/// A server with the reference catalogue, open to everybody.
pub(crate) fn edge() -> Arc<Edge> {
    Arc::new(edge_of(quorate_policy::REFERENCE_YAML, Callers::default(), 100))
}

fn edge_of(policy: &str, callers: Callers, in_flight_max: usize) -> Edge {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: policy.to_owned(),
    };
    let checked = check(&[source]).expect("a policy");
    let node = Node::start(NodeConfig::default(), &checked).expect("it compiles");
    let readiness = Readiness::new(PolicyHealth {
        sequence: 1,
        content_hash: "abcd".to_owned(),
        sources: vec!["policy.yaml".to_owned()],
        loaded_unix_ns: 1_700_000_000_000_000_000,
        failure: None,
    });
    readiness.set_serving(true);
    Edge {
        node,
        callers,
        in_flight: Arc::new(InFlight::new(in_flight_max)),
        readiness,
        store: None,
        envoy: crate::envoy::Envoy::new(&crate::config::EnvoySettings::default(), None),
        authz: crate::config::AuthzSettings::default(),
        telemetry: Telemetry::new(),
    }
}

/// A door, and what is behind it.
struct Door {
    edge: Arc<Edge>,
    router: Router,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn code(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().unwrap_or("none").to_owned();
        (self.status.as_u16(), code)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }
}

impl Door {
    fn new(edge: Edge) -> Self {
        let edge = Arc::new(edge);
        let router = router(Arc::clone(&edge), None);
        Self { edge, router }
    }

    fn of(policy: &str) -> Self {
        Self::new(edge_of(policy, Callers::default(), 100))
    }

    async fn send(&self, request: Request<Body>) -> Got {
        let answered = self.router.clone().oneshot(request).await;
        let (parts, body) = answered.expect("always answered").into_parts();
        let body = body.collect().await.expect("whole").to_bytes();
        Got {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    async fn post(&self, body: impl Into<Body>) -> Got {
        let request = Request::post("/v1/should-allow").header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request")).await
    }

    async fn ask(&self, asked: &Value) -> Got {
        self.post(asked.to_string()).await
    }
}

#[tokio::test]
async fn an_allowed_request_is_200_with_the_headers_of_the_policy() {
    let got = Door::of(POLICY)
        .ask(&json!({"key": "ak_1", "endpoint": "POST /scan"}))
        .await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.body);
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("x-ratelimit-limit"), Some("3"));
    assert_eq!(got.header("x-ratelimit-remaining"), Some("1"));
    assert_eq!(got.header("x-ratelimit-window"), Some("sliding_60s"));
    assert_eq!(got.header("ratelimit-policy"), Some(r#""per-minute";q=3;w=60"#));
    assert_eq!(got.header("retry-after"), None);
    let json = got.json();
    assert_eq!(json["allowed"], true);
    assert_eq!(
        (&json["limit_name"], &json["remaining"]),
        (&json!("per-minute"), &json!(1))
    );
    assert_eq!(json.get("error"), None);
}

#[tokio::test]
async fn a_denial_is_429_with_retry_after_and_an_error() {
    let door = Door::of(POLICY);
    for _ in 0..3 {
        assert_eq!(door.ask(&json!({"key": "ak_1"})).await.status, StatusCode::OK);
    }
    let got = door.ask(&json!({"key": "ak_1", "include": ["shadow", "limits"]})).await;
    assert_eq!(got.code(), (429, "RATE_LIMITED".to_owned()));
    let json = got.json();
    let seconds = json["error"]["retry_after"].as_u64().expect("a number");
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert_eq!(got.header("retry-after"), Some(seconds.to_string().as_str()));
    let nanos = json["retry_after_ns"].as_u64().expect("a number");
    assert_eq!(nanos.div_ceil(1_000_000_000), seconds);
    assert_eq!(json["shadow_denied"], json!(["trial"]));
    assert_eq!(json["limits"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["error"]["limit_name"], "per-minute");
}

#[tokio::test]
async fn denials_have_the_status_of_their_reason() {
    let door = Door::of(POLICY);
    for (asked, code) in [
        (json!({"key": "stranger", "org": "acme"}), (200, "none")),
        (json!({"key": "ak_acme", "org": "other"}), (403, "ORG_MISMATCH")),
        (json!({"key": "ak_1", "endpoint": "GET /audit"}), (403, "SCOPE_MISSING")),
        (json!({"key": "ak_1", "cost": 4}), (422, "COST_EXCEEDS_LIMIT")),
        (json!({"key": ""}), (401, "KEY_INVALID")),
        (json!({"key": "k".repeat(300)}), (401, "KEY_INVALID")),
        (json!({"credential": "qk_nobody"}), (401, "KEY_UNKNOWN")),
    ] {
        let got = door.ask(&asked).await;
        assert_eq!(got.code(), (code.0, code.1.to_owned()), "{asked}: {}", got.body);
    }
}

#[tokio::test]
async fn a_denial_that_never_passes_has_no_retry_after() {
    let got = Door::of(POLICY).ask(&json!({"key": "ak_1", "cost": 4})).await;
    assert_eq!(got.header("retry-after"), None);
    assert_eq!(got.json()["error"]["retry_after"], Value::Null);
    assert_eq!(got.json()["retryable"], false);
}

#[tokio::test]
async fn malformed_requests_are_400_name_the_field_and_charge_nothing() {
    let door = Door::of(POLICY);
    let long = "x".repeat(3_000);
    for (asked, field) in [
        (json!({}), "key:"),
        (json!({"key": "k", "credential": "c"}), "credential:"),
        (json!({"key": "k", "cost": -1}), "cost:"),
        (json!({"key": "k", "cost": u64::MAX}), "cost:"),
        (json!({"key": "k", "amounts": {"gold": 1}}), "amounts[\"gold\"]:"),
        (json!({"key": "k", "operation_id": long}), "operation_id:"),
        (json!({"key": "k", "unheard": 1}), "unheard:"),
    ] {
        let got = door.ask(&asked).await;
        assert_eq!(got.code(), (400, "INVALID_ARGUMENT".to_owned()), "{asked}");
        let message = got.json()["error"]["message"].as_str().expect("text").to_owned();
        assert!(message.starts_with(field), "{asked}: {message}");
    }
    let after = door.ask(&json!({"key": "k", "check_only": true})).await;
    assert_eq!(after.json()["remaining"], 3);
}

#[tokio::test]
async fn the_body_is_json_and_bounded() {
    let door = Door::of(POLICY);
    for media_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = Request::post("/v1/should-allow");
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let got = door
            .send(request.body(Body::from(r#"{"key":"k"}"#)).expect("a request"))
            .await;
        assert_eq!(got.code(), (415, "INVALID_ARGUMENT".to_owned()));
    }
    let request = Request::post("/v1/should-allow").header("content-type", "Application/JSON; charset=utf-8");
    let got = door
        .send(request.body(Body::from(r#"{"key":"k"}"#)).expect("a request"))
        .await;
    assert_eq!(got.status, StatusCode::OK);
    let compressed = Request::post("/v1/should-allow")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    let got = door
        .send(compressed.body(Body::from(r#"{"key":"k"}"#)).expect("a request"))
        .await;
    assert_eq!(got.code(), (415, "INVALID_ARGUMENT".to_owned()));
    assert!(got.body.contains("content-encoding"), "{}", got.body);
    let long = format!(r#"{{"key":"k","org":"{}"}}"#, "x".repeat(BODY_BYTES_MAX));
    assert_eq!(door.post(long).await.code(), (413, "INVALID_ARGUMENT".to_owned()));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_in_json() {
    let door = Door::of(POLICY);
    assert_eq!(door.get("/v2").await.code(), (404, "NOT_FOUND".to_owned()));
    let got = door.get("/v1/should-allow").await;
    assert_eq!(got.code(), (405, "METHOD_NOT_ALLOWED".to_owned()));
    assert_eq!(got.header("allow"), Some("POST"));
}

#[tokio::test]
async fn too_much_work_in_flight_is_503_and_counted() {
    let door = Door::new(edge_of(POLICY, Callers::default(), 0));
    let got = door.ask(&json!({"key": "k"})).await;
    assert_eq!(got.code(), (503, "OVERLOADED".to_owned()));
    assert_eq!(got.header("retry-after"), Some("1"));
    assert_eq!(got.json()["decision_id"], "");
    let metrics = door.get("/metrics").await.body;
    assert!(
        metrics.contains("quorate_decisions_total{door=\"http\",reason=\"OVERLOADED\"} 1\n"),
        "{metrics}"
    );
    assert!(metrics.contains("quorate_requests_overloaded_total 1\n"), "{metrics}");
}
