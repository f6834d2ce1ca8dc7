//! Bounds on work and connections: beyond them there is an answer, or the connection ends; never a queue.

use quorate_api::v1::{Reason, ShouldAllowBatchResponse, ShouldAllowRequest};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic::{Code, Request};

use crate::harness::client::within;
use crate::harness::http::{get, should_allow};
use crate::harness::{AskExt, Client, Launch, Server, ask, policy, time};

/// As many as a batch may hold: the longest work that one call can be.
const BATCH: usize = 1_000;

fn many() -> Vec<ShouldAllowRequest> {
    vec![ask("k").of("o"); BATCH]
}

/// How many of a batch were allowed; all others are overloaded, or it is a failure.
fn allowed(batch: &ShouldAllowBatchResponse) -> u64 {
    let mut allowed = 0;
    for answer in &batch.responses {
        if answer.allowed {
            allowed += 1;
        } else {
            assert_eq!(answer.reason(), Reason::Overloaded, "{answer:?}");
            assert!(answer.retryable && !answer.slot_held, "{answer:?}");
        }
    }
    allowed
}

#[tokio::test]
async fn beyond_the_bound_the_answer_is_overloaded() {
    // A place for one, and two threads that decide: calls that come at the same moment meet sooner or later.
    let server = Launch::with(policy::one_limit(1_000_000_000, "1h"))
        .args(["--in-flight-max", "1", "--data-threads", "2"])
        .start();
    let (first, second) = (server.client().await, server.client().await);
    let mut passed = 0;
    let mut over_grpc = false;
    let mut over_http = None;
    let meeting = async {
        while !over_grpc || over_http.is_none() {
            let question = json!({ "key": "k", "org": "o" });
            let (one, other, reply) = tokio::join!(
                first.each(many()),
                second.each(many()),
                should_allow(server.http(), question)
            );
            for batch in [&one, &other] {
                let allowed = allowed(batch);
                over_grpc |= allowed == 0;
                passed += allowed;
            }
            match reply.status.as_u16() {
                503 => over_http = Some(reply),
                status => {
                    assert_eq!(status, 200);
                    passed += 1;
                }
            }
        }
    };
    within(meeting).await;
    let reply = over_http.expect("it was waited for");
    assert_eq!(reply.json()["error"]["code"], "OVERLOADED");
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(get(server.http(), "/healthz").await.status, 200, "health is not work");
    assert_eq!(
        first.used(ask("k").of("o"), "own").await,
        passed,
        "what was refused was not charged"
    );
    assert!(server.metric("quorate_requests_overloaded_total", &[]).await >= 2);
}

#[tokio::test]
async fn who_sends_nothing_takes_nobodys_place() {
    let server = Launch::with(policy::one_limit(5, "1h"))
        .args(["--in-flight-max", "1"])
        .start();
    let body = json!({ "key": "slow", "org": "o" }).to_string();
    let _slow = half_asked(&server, &body).await;
    server.client().await.allowed(ask("k").of("o")).await;
}

/// A request over HTTP whose body is not sent yet.
async fn half_asked(server: &Server, body: &str) -> TcpStream {
    let mut connection = TcpStream::connect(server.http()).await.expect("it accepts");
    let head = format!(
        "POST /v1/should-allow HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.expect("it reads");
    // Once it asks for the body, it has begun with the request.
    let mut asked = [0; 25];
    within(connection.read_exact(&mut asked))
        .await
        .expect("it asks for the body");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed() {
    let server = Launch::plain().args(["--connections-max", "2"]).start();
    let first = server.client().await;
    let second = server.client().await;
    first.allowed(ask("k")).await;
    second.allowed(ask("k")).await;
    let mut third = TcpStream::connect(server.grpc()).await.expect("the kernel accepts");
    let mut nothing = Vec::new();
    // Closed or reset: both are an end.
    let _ = within(third.read_to_end(&mut nothing)).await;
    assert!(nothing.is_empty(), "{nothing:?}");
    first.allowed(ask("k")).await;
    drop(second);
    time::eventually("a free place", || async {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc())).expect("a URI");
        let client = Client::of(endpoint.connect().await.ok()?);
        client.inner.clone().should_allow(ask("k")).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_silent_connection_is_told_to_go() {
    let server = Launch::plain().args(["--idle-timeout", "1s"]).start();
    let mut connection = TcpStream::connect(server.grpc()).await.expect("it accepts");
    let mut goodbye = Vec::new();
    let _ = within(connection.read_to_end(&mut goodbye)).await;
    // A client that asks again after a pause connects again by itself.
    let client = server.client().await;
    client.allowed(ask("k")).await;
    let mut other = TcpStream::connect(server.grpc()).await.expect("it accepts");
    let _ = within(other.read_to_end(&mut goodbye)).await;
    client.allowed(ask("k")).await;
}

#[tokio::test]
async fn messages_and_headers_are_bounded() {
    let server = Launch::with(policy::one_limit(5, "1h"))
        .args(["--message-bytes-max", "64KiB", "--header-bytes-max", "8KiB"])
        .start();
    let client = server.client().await;
    let large = ask("k").of("o").at(&"e".repeat(100_000));
    let error = within(client.inner.clone().should_allow(large))
        .await
        .expect_err("too large");
    assert!(
        matches!(error.code(), Code::OutOfRange | Code::ResourceExhausted),
        "{error:?}"
    );
    let mut wordy: Request<ShouldAllowRequest> = Request::new(ask("k").of("o"));
    wordy
        .metadata_mut()
        .insert("x-words", "w".repeat(20_000).parse().expect("a header"));
    assert!(within(client.inner.clone().should_allow(wordy)).await.is_err());
    // A new connection: the old one may have been ended for it.
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 0);
}

#[tokio::test]
async fn the_configuration_shows_where_each_value_came_from() {
    let config = "[limits]\nin_flight = 77\nconnections = 66\n";
    let launch = Launch::plain();
    let file = launch.file("quorate.toml", config);
    let out = crate::harness::command::quorate([
        "serve",
        "--config",
        file.to_str().expect("text"),
        "--connections-max",
        "55",
        "--print-config",
    ])
    .exits(0);
    let line = |key: &str| {
        let found = out.stdout.lines().find(|line| line.contains(key));
        found.unwrap_or_else(|| panic!("no {key} in {}", out.stdout)).to_owned()
    };
    assert!(line("in_flight").contains("77"), "{}", out.stdout);
    assert!(line("connections").contains("55"), "flags win: {}", out.stdout);
}
