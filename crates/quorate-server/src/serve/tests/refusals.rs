//! What is no answer: bytes that are no message, callers that are not known, methods that do not exist.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use quorate_api::v1;
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use super::running::{
    PATIENCE, RawCodec, arguments, call_raw, channel, client, http2, no_body, on_stream, scan, start, start_with,
};
use crate::serve::Server;

const SHOULD_ALLOW: &str = "/quorate.v1.DecisionService/ShouldAllow";

/// A field of wire type 7, which does not exist.
const NO_MESSAGE: Bytes = Bytes::from_static(&[0x0F, 0xFF]);

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_mistake() {
    let server = start(arguments()).await;
    let channel = channel(&server).await;
    for method in [
        SHOULD_ALLOW,
        "/quorate.v1.DecisionService/ShouldAllowBatch",
        "/quorate.v1.DecisionService/ReleaseSlot",
        "/quorate.v1.DecisionService/ExtendSlot",
    ] {
        let status = call_raw(&channel, method, NO_MESSAGE)
            .await
            .expect_err("these bytes are no message");
        assert_eq!(status.code(), Code::InvalidArgument, "{method}: {status:?}");
        assert!(
            status.message().starts_with("message:"),
            "{method}: {}",
            status.message()
        );
    }
    drop(channel);
    server.drain().await;
}

#[tokio::test]
async fn on_a_stream_they_are_answered_in_their_place() {
    let server = start(arguments()).await;
    let mut grpc = tonic::client::Grpc::new(channel(&server).await);
    grpc.ready().await.expect("the server listens");
    let good = Bytes::from(prost::Message::encode_to_vec(&on_stream(scan("k"))));
    let path = http::uri::PathAndQuery::from_static("/quorate.v1.DecisionService/ShouldAllowStream");
    let messages = tokio_stream::iter([good.clone(), NO_MESSAGE, good]);
    let answers = grpc.streaming(Request::new(messages), path, RawCodec).await;
    let mut answers = answers.expect("a stream").into_inner();
    let mut codes = Vec::new();
    while let Some(answer) = answers.message().await.expect("no error ends the stream") {
        let answer: v1::ShouldAllowStreamResponse = prost::Message::decode(answer).expect("an answer");
        codes.push(match answer.result.expect("every answer says something") {
            Outcome::Response(response) => u32::from(response.allowed) + 100,
            Outcome::Error(error) => error.code,
        });
    }
    assert_eq!(codes, [101, 3, 101]);
    drop((answers, grpc));
    server.drain().await;
}

#[tokio::test]
async fn a_message_beyond_the_bound_is_refused_before_it_is_kept() {
    let server = start(arguments().with("message-bytes-max", "16KiB")).await;
    let mut client = client(&server).await;
    let large = v1::ShouldAllowRequest {
        environment: "e".repeat(17 * 1024),
        ..scan("k")
    };
    let status = client.should_allow(large).await.expect_err("it is too large");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("16384"), "{}", status.message());
    client.should_allow(scan("k")).await.expect("the connection goes on");
    drop(client);
    server.drain().await;
}

#[tokio::test]
async fn what_does_not_exist_is_unimplemented() {
    let server = start(arguments()).await;
    let channel = channel(&server).await;
    for method in [
        "/quorate.v1.DecisionService/MayI",
        "/quorate.v2.DecisionService/ShouldAllow",
        "/",
    ] {
        let status = call_raw(&channel, method, Bytes::new())
            .await
            .expect_err("there is no such method");
        assert_eq!(status.code(), Code::Unimplemented, "{method}");
    }
    drop(channel);
    server.drain().await;
}

/// Asks as a client would that is none of gRPC: the status, and what the call came to if it was one.
async fn asked_as(server: &Server, method: &str, content_type: Option<&str>) -> (u16, Option<String>) {
    let mut framed = vec![0, 0, 0, 0, 0];
    prost::Message::encode(&scan("k"), &mut framed).expect("a vector grows");
    framed[4] = u8::try_from(framed.len() - 5).expect("it is short");
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("http://server{SHOULD_ALLOW}"));
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let request = request
        .body(BoxBody::new(Full::new(Bytes::from(framed))))
        .expect("a request");
    let answer = http2(server.addresses().grpc).await.send_request(request).await;
    let (head, body) = answer.expect("an answer").into_parts();
    let trailers = body.collect().await.expect("it ends well").trailers().cloned();
    let status = head
        .headers
        .get("grpc-status")
        .or(trailers.as_ref().and_then(|all| all.get("grpc-status")));
    let status = status.map(|status| status.to_str().expect("a number").to_owned());
    (head.status.as_u16(), status)
}

#[tokio::test]
async fn what_is_no_call_of_grpc_is_told_so_and_charges_nothing() {
    let server = start(arguments()).await;
    let called = |status: &str| (200, Some(status.to_owned()));
    let grpc = Some("application/grpc");
    for (method, content_type, expected) in [
        ("GET", grpc, (405, None)),
        ("PUT", grpc, (405, None)),
        ("POST", None, (415, None)),
        ("POST", Some("application/json"), (415, None)),
        ("POST", Some("application/grpc-web+proto"), (415, None)),
        ("POST", Some("application/grpc+json"), called("12")),
    ] {
        assert_eq!(
            asked_as(&server, method, content_type).await,
            expected,
            "{method} {content_type:?}"
        );
    }
    let answer = client(&server).await.should_allow(scan("k")).await.expect("an answer");
    assert_eq!(answer.into_inner().remaining, 55, "the first that is charged");
    for content_type in ["application/grpc", "application/grpc+proto"] {
        assert_eq!(asked_as(&server, "POST", Some(content_type)).await, called("0"));
    }
    server.drain().await;
}

#[tokio::test]
async fn calls_that_nothing_comes_on_take_nobody_elses_place() {
    let server = start(arguments().with("in-flight-max", "1")).await;
    let mut slow = http2(server.addresses().grpc).await;
    let half = |_| {
        let request = http::Request::post(format!("http://server{SHOULD_ALLOW}"));
        let request = request.header("content-type", "application/grpc").body(no_body());
        slow.send_request(request.expect("a request"))
    };
    // On one connection, and of one thread: what is sent first arrives first.
    let halves: Vec<_> = (0..3).map(half).collect();
    let opened = Instant::now();
    while server.in_flight_waiting() < 1 {
        assert!(opened.elapsed() < PATIENCE, "no call arrived");
        tokio::task::yield_now().await;
    }
    let answer = client(&server).await.should_allow(scan("k")).await.expect("an answer");
    assert!(answer.into_inner().allowed);
    drop(halves);
    server.drain().await;
}

const CALLERS: &str = "
[[callers]]
name = \"gateway\"
orgs = [\"*\"]
token_sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\" # test
[[callers]]
name = \"acme\"
orgs = [\"acme\"]
token_sha256 = \"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\" # foo
";

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = format!("Bearer {token}").parse().expect("a token is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn only_known_callers_may_ask_and_only_for_their_orgs() {
    let server = start_with(arguments(), CALLERS).await;
    let mut client = DecisionServiceClient::new(channel(&server).await);
    let code = |status: Status| status.code();
    let nobody = client
        .should_allow(scan("k"))
        .await
        .map_err(code)
        .expect_err("nobody is known");
    assert_eq!(nobody, Code::Unauthenticated);
    let wrong = client.should_allow(with_token(scan("k"), "guess")).await.map_err(code);
    assert_eq!(wrong.expect_err("nobody has this token"), Code::Unauthenticated);
    let asked = client
        .should_allow(with_token(scan("k"), "test"))
        .await
        .expect("it may ask for every org");
    assert!(asked.into_inner().allowed);

    let of = |org: &str| v1::ShouldAllowRequest {
        org: org.to_owned(),
        include: vec![v1::Include::Policy.into()],
        ..scan("k")
    };
    let other = client.should_allow(with_token(of("other"), "foo")).await.map_err(code);
    assert_eq!(other.expect_err("not its org"), Code::PermissionDenied);
    let own = client
        .should_allow(with_token(of(""), "foo"))
        .await
        .expect("its only org is meant")
        .into_inner();
    assert_eq!(own.policy.map(|policy| policy.org).as_deref(), Some("acme"));

    let stream = [on_stream(of("acme")), on_stream(of("other"))];
    let answers = client
        .should_allow_stream(with_token(tokio_stream::iter(stream), "foo"))
        .await;
    let mut answers = answers.expect("it is known").into_inner();
    let first = answers.message().await.expect("no error").expect("an answer").result;
    assert!(matches!(first, Some(Outcome::Response(_))), "{first:?}");
    let second = answers.message().await.expect("no error").expect("an answer").result;
    assert!(
        matches!(second, Some(Outcome::Error(v1::RequestError { code: 7, .. }))),
        "{second:?}"
    );
    let nobody = client
        .should_allow_stream(tokio_stream::iter([on_stream(of("acme"))]))
        .await;
    assert_eq!(
        nobody.map_err(code).expect_err("nobody is known"),
        Code::Unauthenticated
    );

    let slot = v1::ReleaseSlotRequest {
        org: "other".to_owned(),
        decision_id: "0".repeat(26),
    };
    let slot = client.release_slot(with_token(slot, "foo")).await.map_err(code);
    assert_eq!(slot.expect_err("not its org"), Code::PermissionDenied);
    drop((answers, client));
    server.drain().await;
}
