//! The doors that are open: unary, stream, Unix socket, TLS, health and reflection.

use hyper_util::rt::TokioIo;
use quorate_api::v1;
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::running::{arguments, channel, client, on_stream, scan, start};

#[tokio::test]
async fn fourteen_scans_pass_and_the_fifteenth_does_not() {
    let server = start(arguments()).await;
    let mut client = client(&server).await;
    for _ in 0..14 {
        let answer = client.should_allow(scan("k")).await.expect("an answer").into_inner();
        assert!(answer.allowed, "{answer:?}");
    }
    let denied = client.should_allow(scan("k")).await.expect("an answer").into_inner();
    assert_eq!(denied.reason(), v1::Reason::RateLimited);
    assert!(denied.retryable && denied.retry_after_ns > 0);
    drop(client);
    server.drain().await;
}

#[tokio::test]
async fn a_stream_answers_in_order_and_a_malformed_item_in_its_place() {
    let server = start(arguments()).await;
    let mut client = client(&server).await;
    let mut requests = vec![on_stream(scan("k")); 3];
    requests[1] = v1::ShouldAllowStreamRequest::default();
    let answers = client.should_allow_stream(tokio_stream::iter(requests)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let mut seen = Vec::new();
    while let Some(answer) = answers.message().await.expect("no error ends the stream") {
        seen.push(answer.result.expect("every answer says something"));
    }
    let [
        Outcome::Response(first),
        Outcome::Error(error),
        Outcome::Response(third),
    ] = seen.as_slice()
    else {
        panic!("{seen:?}");
    };
    assert_eq!((first.remaining, third.remaining), (55, 50));
    assert_eq!(error.code, 3);
    assert!(error.message.starts_with("key:"), "{}", error.message);
    server.drain().await;
}

#[tokio::test]
async fn a_unix_socket_is_a_door_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("quorate.sock");
    let server = start(arguments().with("uds", path.to_str().expect("a plain path"))).await;
    let connect_to = path.clone();
    let connector = tower::service_fn(move |_: http::Uri| {
        let path = connect_to.clone();
        async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://unix")
        .connect_with_connector(connector)
        .await;
    let mut client = DecisionServiceClient::new(channel.expect("the socket answers"));
    let answer = client.should_allow(scan("k")).await.expect("an answer").into_inner();
    assert!(answer.allowed);
    drop(client);
    server.drain().await;
    assert!(!path.exists(), "the socket's file is gone with the server");
}

#[tokio::test]
async fn health_knows_the_server_and_its_service() {
    let server = start(arguments()).await;
    let mut health = HealthClient::new(channel(&server).await);
    for service in ["", "quorate.v1.DecisionService"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let status = health.check(request).await.expect("it is known").into_inner().status();
        assert_eq!(status.as_str_name(), "SERVING", "{service}");
    }
    let unknown = HealthCheckRequest {
        service: "other".to_owned(),
    };
    let status = health.check(unknown).await.expect_err("there is no such service");
    assert_eq!(status.code(), tonic::Code::NotFound);
    drop(health);
    server.drain().await;
}

#[tokio::test]
async fn reflection_lists_the_services() {
    let server = start(arguments()).await;
    let mut reflection = ServerReflectionClient::new(channel(&server).await);
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let answers = reflection.server_reflection_info(tokio_stream::once(request)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let answer = answers.message().await.expect("no error").expect("an answer");
    let ServerReflectionResponse {
        message_response: Some(MessageResponse::ListServicesResponse(list)),
        ..
    } = answer
    else {
        panic!("{answer:?}");
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"quorate.v1.DecisionService"), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
    drop((answers, reflection));
    server.drain().await;
}
