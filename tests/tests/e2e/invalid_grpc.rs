//! Malformed requests over gRPC: INVALID_ARGUMENT that names the field, and nothing charged.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use quorate_api::v1::{Reason, ShouldAllowRequest};
use tonic::Code;

use crate::harness::client::within;
use crate::harness::{AskExt, Launch, Server, ask, policy};

async fn nothing_was_charged(server: &Server) {
    let client = server.client().await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 0);
}

#[tokio::test]
async fn every_malformed_field_is_named_and_nothing_is_charged() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let client = server.client().await;
    let base = || ask("k").of("o");
    let many_attributes = (0..17).fold(base(), |request, n| request.attribute(&format!("a{n}"), "v"));
    let many_amounts = (0..40).fold(base(), |request, n| request.using(&format!("m{n}"), 1));
    let many_scopes = (0..65).fold(base(), |request, n| request.scope(&format!("s{n}")));
    let cases: Vec<(ShouldAllowRequest, &str)> = vec![
        (ShouldAllowRequest::default(), "key"),
        (ShouldAllowRequest::default().of("o"), "key"),
        (base().using("no-such-meter", 1), "amounts"),
        (base().using("requests", 1), "amounts"),
        (base().using("", 1), "amounts"),
        (base().using("tokens", u64::MAX), "amounts"),
        (many_amounts, "amounts"),
        (base().costing(u64::MAX), "cost"),
        (many_attributes, "attributes"),
        (base().attribute(&"n".repeat(65), "v"), "attributes"),
        (many_scopes, "scopes"),
        (base().operation(&"x".repeat(65)), "operation_id"),
        (base().change(|request| request.charge_mode = 99), "charge_mode"),
    ];
    for (request, field) in cases {
        client.invalid(request, field).await;
    }
    nothing_was_charged(&server).await;
}

#[tokio::test]
async fn what_an_end_user_can_choose_is_a_denial_or_passes_never_an_error() {
    let server = Launch::with(policy::one_limit(1_000, "1h")).start();
    let client = server.client().await;
    let wild = [
        "k".repeat(300),
        "k\n".to_owned(),
        "🗝".to_owned(),
        " ".to_owned(),
        "k".repeat(100_000),
    ];
    for text in wild {
        client.ask(ask(&text).of("o")).await;
        client.ask(ask("k").of(&text)).await;
        client.ask(ask("k").of("o").at(&text)).await;
        client.ask(ask("k").of("o").at(&format!("GET /{text}"))).await;
        client.ask(ask("k").of("o").attribute("user", &text)).await;
        client.ask(ask("k").of("o").from(&text)).await;
    }
}

#[tokio::test]
async fn an_attribute_value_that_is_too_long_is_denied() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let client = server.client().await;
    let long = ask("k").of("o").attribute("user", &"v".repeat(257));
    client.denied(long, Reason::PolicyForbids).await;
    nothing_was_charged(&server).await;
}

#[tokio::test]
async fn the_longest_that_is_allowed_is_allowed() {
    let server = Launch::with(policy::one_limit(1_000_000_000, "1h")).start();
    let client = server.client().await;
    let longest = (0..15).fold(ask(&"k".repeat(256)).of(&"o".repeat(256)), |request, n| {
        request.attribute(&format!("a{n:063}"), &"v".repeat(256))
    });
    client
        .allowed(longest.attribute("ip", "192.0.2.1").operation(&"x".repeat(64)))
        .await;
}

#[tokio::test]
async fn the_largest_cost_is_what_the_server_was_told() {
    let server = Launch::with(policy::one_limit(1_000, "1h"))
        .arg("--cost-max")
        .arg("10")
        .start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(10)).await;
    client.invalid(ask("k").of("o").costing(11), "cost").await;
    client.invalid(ask("k").of("o").using("tokens", 11), "amounts").await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 10);
}

/// One unary call with any bytes as its message: the gRPC status code, if the server said one.
async fn raw_call(server: &Server, message: &[u8], compressed: u8, content_type: &str) -> Option<Code> {
    let connection = tokio::net::TcpStream::connect(server.grpc()).await.expect("it accepts");
    let executor = hyper_util::rt::TokioExecutor::new();
    let handshake = hyper::client::conn::http2::handshake(executor, TokioIo::new(connection));
    let (mut sender, connection) = within(handshake).await.expect("HTTP/2 is spoken");
    let connection = tokio::spawn(connection);
    let mut body = vec![compressed];
    let length = u32::try_from(message.len()).expect("small");
    body.extend(length.to_be_bytes());
    body.extend(message);
    let request = http::Request::post(format!(
        "http://{}/quorate.v1.DecisionService/ShouldAllow",
        server.grpc()
    ))
    .header("content-type", content_type)
    .header("te", "trailers")
    .body(Full::new(Bytes::from(body)))
    .expect("a request");
    let reply = within(sender.send_request(request)).await.expect("a reply");
    let (head, body) = reply.into_parts();
    let trailers = within(body.collect())
        .await
        .ok()
        .and_then(|body| body.trailers().cloned());
    connection.abort();
    let status = trailers
        .as_ref()
        .and_then(|trailers| trailers.get("grpc-status"))
        .or(head.headers.get("grpc-status"));
    status.map(|status| Code::from_bytes(status.as_bytes()))
}

#[tokio::test]
async fn undecodable_bytes_are_an_error_and_the_server_lives() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let grpc = "application/grpc";
    // A truncated length, a wrong wire type, text that is no UTF-8, a field of the reserved range cut short.
    let undecodable: [&[u8]; 4] = [&[0x0a, 0xff], &[0x09, 0x01], &[0x0a, 0x02, 0xff, 0xfe], &[0x80]];
    for message in undecodable {
        let code = raw_call(&server, message, 0, grpc).await;
        assert_eq!(code, Some(Code::InvalidArgument), "{message:?}");
    }
    // A compression that nobody agreed on, and a message that is larger than the bound.
    let code = raw_call(&server, &[0x0a, 0x01, b'k'], 1, grpc).await;
    assert!(
        matches!(code, Some(Code::Unimplemented | Code::Internal | Code::InvalidArgument)),
        "{code:?}"
    );
    let huge = raw_call(&server, &vec![0; 8 << 20], 0, grpc).await;
    assert!(
        matches!(
            huge,
            Some(Code::OutOfRange | Code::ResourceExhausted | Code::InvalidArgument) | None
        ),
        "{huge:?}"
    );
    let invalid = server.metric("quorate_requests_invalid_total", &["door=\"grpc_unary\""]);
    assert_eq!(invalid.await, 6, "each is counted");
    // Not gRPC at all.
    raw_call(&server, b"{}", 0, "application/json").await;
    nothing_was_charged(&server).await;
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let server = Launch::plain().start();
    let client = server.client().await;
    let mut raw = tonic::client::Grpc::new(client.channel.clone());
    raw.ready().await.expect("connected");
    let codec = tonic_prost::ProstCodec::<ShouldAllowRequest, ShouldAllowRequest>::default();
    let path = http::uri::PathAndQuery::from_static("/quorate.v1.DecisionService/NoSuchMethod");
    let error = within(raw.unary(tonic::Request::new(ask("k")), path, codec)).await;
    assert_eq!(error.expect_err("there is no such method").code(), Code::Unimplemented);
}
