//! Pages for people and probes: health, readiness, the policy and its explanation.

use expect_test::{Expect, expect};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Door, Got, POLICY};
use crate::edge::PolicyFailure;

async fn check_page(got: Got, expected: Expect) {
    let mut json = got.json();
    // What differs from run to run.
    if let Some(version) = json.get_mut("version") {
        *version = json!("VERSION");
    }
    expected.assert_eq(&format!("{} {json:#}\n", got.status.as_u16()));
}

#[tokio::test]
async fn health_says_whether_and_readiness_why() {
    let door = Door::of(POLICY);
    check_page(
        door.get("/healthz").await,
        expect![[r#"
        200 {
          "alive": true,
          "version": "VERSION"
        }
    "#]],
    )
    .await;
    check_page(
        door.get("/readyz").await,
        expect![[r#"
            200 {
              "draining": false,
              "policy": {
                "content_hash": "abcd",
                "last_failure": null,
                "loaded_at": "2023-11-14T22:13:20Z",
                "sequence": 1,
                "sources": [
                  "policy.yaml"
                ]
              },
              "ready": true,
              "reloads": {
                "failed": 0,
                "ok": 0
              }
            }
        "#]],
    )
    .await;
    door.edge.readiness.policy_failed(PolicyFailure {
        unix_ns: 1_700_000_060_000_000_000,
        message: "policy.yaml:3:1: unknown field\npolicy.yaml:9:1: unknown plan".to_owned(),
    });
    door.edge.readiness.set_serving(false);
    check_page(
        door.get("/readyz").await,
        expect![[r#"
            503 {
              "draining": true,
              "policy": {
                "content_hash": "abcd",
                "last_failure": {
                  "at": "2023-11-14T22:14:20Z",
                  "problems": [
                    "policy.yaml:3:1: unknown field",
                    "policy.yaml:9:1: unknown plan"
                  ]
                },
                "loaded_at": "2023-11-14T22:13:20Z",
                "sequence": 1,
                "sources": [
                  "policy.yaml"
                ]
              },
              "ready": false,
              "reloads": {
                "failed": 1,
                "ok": 0
              }
            }
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_policy_is_shown_and_explained() {
    let door = Door::of(POLICY);
    let overview = door.get("/v1/policy").await;
    assert_eq!(overview.status, StatusCode::OK);
    let json = overview.json();
    assert_eq!(json["sequence"], 1);
    assert_eq!(json["headers"], json!(["x-ratelimit-unix", "ietf"]));
    assert_eq!(json["endpoints"], json!(["GET /audit", "POST /scan"]));
    assert_eq!(json["explanation"], Value::Null);

    let explained = door
        .get("/v1/policy?key=ak_1&endpoint=POST%20/scan&cost=1")
        .await
        .json();
    let limits = explained["explanation"]["limits"].as_array().expect("limits").clone();
    assert_eq!(limits[0]["name"], "per-minute");
    assert_eq!(limits[0]["cost"], 2);
    let after = door.ask(&json!({"key": "ak_1", "check_only": true})).await;
    assert_eq!(after.json()["remaining"], 3, "to explain charges nothing");

    let nobody = door.get("/v1/policy?endpoint=POST%20/scan").await;
    assert_eq!(nobody.code(), (400, "INVALID_ARGUMENT".to_owned()));
    for query in ["key=k&cost=-1", "key=k&costs=1"] {
        let got = door.get(&format!("/v1/policy?{query}")).await;
        assert_eq!(got.code(), (400, "INVALID_ARGUMENT".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn credentials_are_never_shown() {
    let door = Door::of(POLICY);
    for _ in 0..3 {
        door.ask(&json!({"credential": "qk_very_secret"})).await;
    }
    let throttled = door.get("/v1/throttled").await;
    assert_eq!(throttled.json()["keys"][0]["key"], Value::Null);
    for page in ["/v1/throttled", "/metrics", "/v1/policy", "/readyz"] {
        let body = door.get(page).await.body;
        assert!(!body.contains("qk_very_secret"), "{page}");
    }
}
