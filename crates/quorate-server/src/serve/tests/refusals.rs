//! What is no answer: bytes that are no message, callers that are not known, methods that do not exist.

use bytes::Bytes;
use quorate_api::v1;
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use super::running::{RawCodec, arguments, call_raw, channel, client, on_stream, scan, start, start_with};

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
