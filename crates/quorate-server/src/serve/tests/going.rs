//! How a server goes, and how connections go before it does.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use quorate_api::v1;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::running::{PATIENCE, arguments, channel, client, endpoint, http2, no_body, on_stream, scan, start};

#[tokio::test]
async fn health_goes_first_and_open_streams_are_answered_before_they_end() {
    let server = start(arguments()).await;
    let mut health = HealthClient::new(channel(&server).await);
    let watched = health.watch(HealthCheckRequest::default()).await;
    let mut watched = watched.expect("it can be watched").into_inner();
    let status = watched.message().await.expect("no error").expect("a status").status();
    assert_eq!(status.as_str_name(), "SERVING");

    let mut client = client(&server).await;
    let (ask, asked) = mpsc::channel(4);
    let answers = client.should_allow_stream(ReceiverStream::new(asked)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let draining = tokio::spawn(server.drain());
    let status = watched.message().await.expect("no error").expect("a status").status();
    assert_eq!(status.as_str_name(), "NOT_SERVING");

    // The server is stopping. What reaches it before it ends the stream is still answered: how long it waits is for
    // the tests of `reply` to say, on a clock of their own.
    let _taken = ask.send(on_stream(scan("k"))).await;
    let end = loop {
        match answers.message().await {
            Ok(Some(v1::ShouldAllowStreamResponse { result })) => assert!(
                matches!(
                    result,
                    Some(Outcome::Response(v1::ShouldAllowResponse { allowed: true, .. }))
                ),
                "{result:?}"
            ),
            Ok(None) => panic!("the stream does not end well"),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), tonic::Code::Unavailable, "{end:?}");
    assert!(end.message().contains("not decided"), "it says why: {end:?}");
    tokio::time::timeout(PATIENCE, draining)
        .await
        .expect("in time")
        .expect("no panic");
}

#[tokio::test]
async fn a_stream_that_is_never_quiet_does_not_hold_the_server() {
    let server = start(arguments().with("drain-timeout", "2s")).await;
    let mut client = client(&server).await;
    let (ask, asked) = mpsc::channel(1);
    let answers = client.should_allow_stream(ReceiverStream::new(asked)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let draining = tokio::spawn(server.drain());
    // Asks again as soon as it is answered, for as long as it is answered. The end may come between an answer and the
    // next question, and where the machine is busy without a status.
    loop {
        let _taken = ask.send(on_stream(scan("k"))).await;
        match answers.message().await {
            Ok(answer) => assert!(answer.is_some(), "the stream does not end well"),
            Err(_) => break,
        }
    }
    tokio::time::timeout(PATIENCE, draining)
        .await
        .expect("in time")
        .expect("no panic");
}

#[tokio::test]
async fn peers_that_say_nothing_do_not_hold_a_stop() {
    let server = start(arguments().with("drain-timeout", "1h")).await;
    // A health check of the lowest kind, and a call that never says what it asks.
    let _silent = TcpStream::connect(server.addresses().grpc).expect("the server listens");
    let mut half = http2(server.addresses().grpc).await;
    let request = http::Request::post("http://server/grpc.health.v1.Health/Watch");
    let request = request.header("content-type", "application/grpc").body(no_body());
    let watching = half.send_request(request.expect("a request"));
    // What is answered on the same connection came later.
    let request = http::Request::get("http://server/").body(no_body()).expect("a request");
    half.send_request(request).await.expect("an answer");
    tokio::time::timeout(PATIENCE, server.drain()).await.expect("in time");
    let told = watching.await.expect("its last words arrived");
    assert_eq!(told.headers()["grpc-status"], "14", "UNAVAILABLE");
}

/// Whether the server closes a connection on which `said` is all that is ever said.
async fn is_closed(address: SocketAddr, said: &'static [u8]) -> bool {
    let closed = tokio::task::spawn_blocking(move || {
        let mut silent = TcpStream::connect(address).expect("the server listens");
        silent.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        silent.write_all(said).expect("the server takes it");
        let mut bytes = [0_u8; 1024];
        loop {
            match silent.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::ConnectionReset,
            }
        }
    });
    closed.await.expect("no panic")
}

#[tokio::test]
async fn connections_that_idle_are_told_to_go_at_every_door() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let server = start(arguments().with("idle-timeout", "1s")).await;
    let (grpc, http) = (server.addresses().grpc, server.addresses().http);
    let closed = tokio::join!(
        is_closed(grpc, b""),
        is_closed(grpc, SETTINGS),
        is_closed(http, b""),
        is_closed(http, &PREFACE[..10]),
        is_closed(http, SETTINGS),
        is_closed(http, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    );
    assert_eq!(closed, (true, true, true, true, true, true));
    server.drain().await;
}

#[tokio::test]
async fn the_head_of_a_request_is_bounded_at_the_http_door_too() {
    let server = start(arguments().with("header-bytes-max", "16KiB")).await;
    let address = server.addresses().http;
    let status = |bytes: usize| {
        let large = "a".repeat(bytes);
        let asked = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-large: {large}\r\n\r\n");
        let answered = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).expect("the server listens");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
            // The server may have seen enough before the end.
            let _ = stream.write_all(asked.as_bytes());
            let mut answer = [0_u8; 12];
            match stream.read_exact(&mut answer) {
                Ok(()) => String::from_utf8(answer.to_vec()).expect("text"),
                // It closes on what it did not read, and that may overtake its answer.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => "HTTP/1.1 431".to_owned(),
                Err(error) => panic!("{error}"),
            }
        });
        async { answered.await.expect("no panic") }
    };
    assert_eq!(status(12 * 1024).await, "HTTP/1.1 200");
    assert_eq!(status(20 * 1024).await, "HTTP/1.1 431");
    server.drain().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let server = start(arguments().with("connections-max", "1")).await;
    let mut first = client(&server).await;
    first.should_allow(scan("k")).await.expect("an answer");
    let second = endpoint(&server).connect().await;
    let refused = match second {
        Err(_) => true,
        Ok(channel) => {
            let mut client = quorate_api::v1::decision_service_client::DecisionServiceClient::new(channel);
            client.should_allow(scan("k")).await.is_err()
        }
    };
    assert!(refused, "there is room for one");
    first.should_allow(scan("k")).await.expect("the first goes on");
    drop(first);
    server.drain().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let server = start(arguments()).await;
    let taken = server.addresses().grpc.to_string();
    let config = super::running::config(arguments().with("grpc-listen", &taken), "");
    let prepared = crate::serve::prepare(config).expect("nothing is wrong with it");
    let error = match crate::serve::Server::start(prepared).await {
        Ok(_) => panic!("two servers listen on one port"),
        Err(error) => error.to_string(),
    };
    assert!(error.starts_with(&format!("cannot listen on {taken}")), "{error}");
    server.drain().await;
}
