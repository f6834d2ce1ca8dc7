//! Who may ask, and for which orgs.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::{Door, POLICY, edge_of};
use crate::callers::{Caller, Callers, Orgs, Proof, hash_token};

fn two_callers() -> Callers {
    let caller = |name: &str, orgs| {
        let proof = vec![Proof::Token(hash_token(name.as_bytes()))];
        let name = name.to_owned();
        (Arc::new(Caller { name, orgs }), proof)
    };
    let acme = Orgs::Only(vec!["acme".to_owned()]);
    Callers::new([caller("all", Orgs::All), caller("acme", acme)])
}

#[tokio::test]
async fn callers_ask_for_their_orgs_only() {
    let door = Door::new(edge_of(POLICY, two_callers(), 100));
    let asked = |token: Option<&str>, path: &str, body: &Value| {
        let post = path == "/v1/should-allow";
        let request = Request::builder().method(if post { "POST" } else { "GET" }).uri(path);
        let mut request = request.header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if post {
            Body::from(body.to_string())
        } else {
            Body::empty()
        };
        door.send(request.body(body).expect("a request"))
    };
    let (acme, other) = (json!({"key": "a", "org": "acme"}), json!({"key": "a", "org": "other"}));
    let ask = "/v1/should-allow";
    for (token, path, body, status) in [
        (None, ask, &acme, 401),
        (Some("nobody"), ask, &acme, 401),
        (Some("acme"), ask, &acme, 200),
        (Some("acme"), ask, &other, 403),
        (Some("all"), ask, &other, 200),
        (None, "/v1/policy", &acme, 401),
        (None, "/v1/throttled", &acme, 401),
        (Some("acme"), "/v1/policy?key=a&org=other", &acme, 403),
        (Some("acme"), "/v1/policy?key=a", &acme, 200),
        (Some("acme"), "/v1/policy?key=ak_beta", &acme, 403),
        (Some("all"), "/v1/policy?key=ak_beta", &acme, 200),
        // What watches the server needs no token.
        (None, "/metrics", &acme, 200),
        (None, "/healthz", &acme, 200),
        (None, "/readyz", &acme, 200),
    ] {
        let got = asked(token, path, body).await;
        assert_eq!(got.status.as_u16(), status, "{token:?} {path} {body}: {}", got.body);
        assert_eq!(got.header("www-authenticate").is_some(), status == 401);
    }
    let metrics = door.get("/metrics").await.body;
    assert!(
        metrics.contains("quorate_requests_refused_total{door=\"http\"} 3\n"),
        "{metrics}"
    );
    // Whose the key is that is not acme's, acme does not learn.
    let guessed = asked(Some("acme"), ask, &json!({"key": "ak_beta", "include": ["policy"]})).await;
    assert_eq!(guessed.code(), (403, "ORG_MISMATCH".to_owned()));
    assert_eq!(guessed.json()["policy"]["org"], "acme");
    assert!(!guessed.body.contains("beta"), "{}", guessed.body);
}

#[tokio::test]
async fn callers_see_who_is_throttled_in_their_orgs_only() {
    let door = Door::new(edge_of(POLICY, two_callers(), 100));
    let send = async |token: &str, request: http::request::Builder, body: String| {
        let request = request
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        door.send(request.body(Body::from(body)).expect("a request")).await
    };
    for org in ["acme", "other"] {
        for _ in 0..4 {
            let body = json!({"key": "k", "org": org}).to_string();
            send("all", Request::post("/v1/should-allow"), body).await;
        }
    }
    let seen = async |token| {
        let got = send(token, Request::get("/v1/throttled"), String::new()).await.json();
        let keys = got["keys"].as_array().expect("a list").clone();
        assert_eq!(got["limits"].as_array().map(Vec::len), Some(keys.len()));
        keys
    };
    let of_acme = json!({"org": "acme", "key": "k", "denied": 1, "denied_error": 0});
    assert_eq!(seen("acme").await, [of_acme]);
    assert_eq!(seen("all").await.len(), 2);
}
