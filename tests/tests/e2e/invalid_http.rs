//! Bad input of every kind over HTTP: a status, a reason that names the field, and nothing charged.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::harness::http::{get, post, raw, send, should_allow};
use crate::harness::{AskExt, Launch, Server, ask, policy};

async fn nothing_was_charged(server: &Server) {
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 0);
    assert_eq!(get(server.http(), "/healthz").await.status, 200, "and it lives");
}

#[tokio::test]
async fn malformed_questions_are_400_and_name_the_field() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let attributes: serde_json::Map<_, _> = (0..17).map(|n| (format!("a{n}"), json!("v"))).collect();
    let scopes: Vec<_> = (0..65).map(|n| format!("s{n}")).collect();
    let cases = [
        (json!({}), "key"),
        (json!({ "org": "o" }), "key"),
        (json!({ "key": "k", "credential": "c", "org": "o" }), "credential"),
        (json!({ "key": null, "org": "o" }), "key"),
        (json!({ "key": 7, "org": "o" }), "key"),
        (json!({ "key": ["k"], "org": "o" }), "key"),
        (json!({ "key": "k", "org": 7 }), "org"),
        (json!({ "key": "k", "org": "o", "cost": -1 }), "cost"),
        (json!({ "key": "k", "org": "o", "cost": 1.5 }), "cost"),
        (json!({ "key": "k", "org": "o", "cost": 1.0e30 }), "cost"),
        (json!({ "key": "k", "org": "o", "cost": "1" }), "cost"),
        (json!({ "key": "k", "org": "o", "cost": u64::MAX }), "cost"),
        (json!({ "key": "k", "org": "o", "cost": true }), "cost"),
        (
            json!({ "key": "k", "org": "o", "amounts": { "no-such": 1 } }),
            "amounts",
        ),
        (
            json!({ "key": "k", "org": "o", "amounts": { "requests": 1 } }),
            "amounts",
        ),
        (
            json!({ "key": "k", "org": "o", "amounts": { "tokens": -1 } }),
            "amounts",
        ),
        (
            json!({ "key": "k", "org": "o", "amounts": { "tokens": 0.5 } }),
            "amounts",
        ),
        (json!({ "key": "k", "org": "o", "amounts": [1] }), "amounts"),
        (
            json!({ "key": "k", "org": "o", "attributes": attributes }),
            "attributes",
        ),
        (
            json!({ "key": "k", "org": "o", "attributes": { "n".repeat(65): "v" } }),
            "attributes",
        ),
        (
            json!({ "key": "k", "org": "o", "attributes": { "user": 7 } }),
            "attributes",
        ),
        (json!({ "key": "k", "org": "o", "scopes": "soc2" }), "scopes"),
        (json!({ "key": "k", "org": "o", "scopes": scopes }), "scopes"),
        (
            json!({ "key": "k", "org": "o", "operation_id": "x".repeat(65) }),
            "operation_id",
        ),
        (json!({ "key": "k", "org": "o", "charge_mode": "some" }), "charge_mode"),
        (json!({ "key": "k", "org": "o", "include": ["everything"] }), "include"),
        (json!({ "key": "k", "org": "o", "check_only": "yes" }), "check_only"),
        (json!({ "key": "k", "org": "o", "cots": 2 }), "cots"),
    ];
    for (question, field) in cases {
        let reply = should_allow(server.http(), question.clone()).await;
        assert_eq!(reply.status, 400, "{question}: {}", reply.body);
        let error = reply.json()["error"].clone();
        assert_eq!(error["code"], "INVALID_ARGUMENT", "{question}");
        let message = error["message"].as_str().expect("text");
        assert!(message.contains(field), "{question} should name {field}: {message}");
    }
    nothing_was_charged(&server).await;
}

#[tokio::test]
async fn an_attribute_value_that_is_too_long_is_denied() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let question = json!({ "key": "k", "org": "o", "attributes": { "user": "v".repeat(257) } });
    let reply = should_allow(server.http(), question).await;
    assert_eq!(reply.status, 403, "{}", reply.body);
    assert_eq!(reply.json()["error"]["code"], "POLICY_FORBIDS");
    nothing_was_charged(&server).await;
}

#[tokio::test]
async fn what_is_no_json_is_400() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let deep = "[".repeat(50_000);
    let bodies: [&[u8]; 11] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"k\"",
        b"7",
        b"{\"key\":\"k\",\"org\":\"o\"} {}",
        b"{\"key\":\"k\",\"key\":\"l\",\"org\":\"o\"}",
        b"{\"key\":\"\xff\xfe\",\"org\":\"o\"}",
        b"{'key':'k'}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let reply = post(server.http(), body.to_vec()).await;
        assert_eq!(
            reply.status,
            400,
            "{}: {}",
            String::from_utf8_lossy(&body[..body.len().min(80)]),
            reply.body
        );
        assert_eq!(reply.json()["error"]["code"], "INVALID_ARGUMENT");
    }
    nothing_was_charged(&server).await;
}

#[tokio::test]
async fn huge_bodies_other_media_and_other_methods_are_refused() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let question = json!({ "key": "k", "org": "o" }).to_string();
    let huge = json!({ "key": "k", "org": "o", "endpoint": "e".repeat(4 << 20) }).to_string();
    let length = format!(
        "POST /v1/should-allow HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        huge.len()
    );
    // The server may say no before it has read it all.
    let refused = raw(server.http(), (length + &huge).as_bytes()).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 413"), "{refused}");

    let path = "/v1/should-allow";
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/grpc"] {
        let headers = [("content-type", media)];
        let reply = send(
            server.http(),
            Method::POST,
            path,
            &headers,
            Bytes::from(question.clone()),
        )
        .await;
        assert_eq!(reply.status, 415, "{media}");
    }
    let reply = send(server.http(), Method::POST, path, &[], Bytes::from(question.clone())).await;
    assert_eq!(reply.status, 415, "no media type");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let headers = [("content-type", "application/json")];
        let reply = send(server.http(), method, path, &headers, Bytes::from(question.clone())).await;
        assert_eq!(reply.status, 405);
        assert_eq!(reply.header("allow"), "POST");
    }
    assert_eq!(get(server.http(), "/no/such/path").await.status, 404);
    nothing_was_charged(&server).await;
    // A charset is fine.
    let headers = [("content-type", "application/json; charset=utf-8")];
    let reply = send(server.http(), Method::POST, path, &headers, Bytes::from(question)).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn bytes_that_are_no_http_are_refused_and_the_server_lives() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let long_header = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "x".repeat(2 << 20)
    );
    let garbage: [&[u8]; 6] = [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"POST /v1/should-allow HTTP/9.9\r\n\r\n",
        b"POST /v1/should-allow HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/should-allow HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nzzzzz",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame at all",
        long_header.as_bytes(),
    ];
    for bytes in garbage {
        let reply = raw(server.http(), bytes).await;
        assert!(
            !reply.starts_with("HTTP/1.1 2"),
            "{}: {reply}",
            String::from_utf8_lossy(&bytes[..40])
        );
        // The gRPC door hears the same.
        raw(server.grpc(), bytes).await;
    }
    nothing_was_charged(&server).await;
    let client = server.client().await;
    client.allowed(ask("k").of("o")).await;
}
