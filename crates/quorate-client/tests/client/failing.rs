//! Calls that nobody answers: the policy answers, and says why.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use quorate_api::v1;
use quorate_client::{Ask, Cause, Client, Config, ConfigError, FailPolicy, Reason, SlotError, Source};
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tonic::Code;

use crate::fake::{Fake, PATIENCE, Reply, allow, eventually};

/// Short, since the test waits for it to pass.
const SHORT: Duration = Duration::from_millis(50);

/// A port where nobody listens, and nobody else can meanwhile: it is bound.
fn closed_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let address = socket.local_addr().expect("it is bound").to_string();
    (socket, address)
}

#[tokio::test]
async fn the_deadline_holds_and_the_policy_answers() {
    let fake = Fake::start(|_| Reply::Never);
    let closed = Client::new(Config::new(fake.url()).deadline(SHORT)).expect("a good configuration");
    let before = Instant::now();
    let answer = closed.should_allow(Ask::key("k")).await.expect("answered");
    assert!(before.elapsed() >= SHORT);
    assert_eq!(answer.source, Source::FailedClosed(Cause::Deadline));
    assert_eq!((answer.allowed, answer.reason), (false, Reason::Unavailable));
    assert!(answer.retryable && answer.degraded && !answer.decided());

    let open = closed.with_fail_policy(FailPolicy::Open);
    let answer = open.should_allow(Ask::key("k")).await.expect("answered");
    assert_eq!(answer.source, Source::FailedOpen(Cause::Deadline));
    assert_eq!((answer.allowed, answer.reason), (true, Reason::Ok));
    assert!(!answer.retryable && answer.degraded);

    let batch = open
        .should_allow_batch([Ask::key("a"), Ask::key("b")])
        .await
        .expect("answered");
    assert!(batch.all_allowed);
    assert_eq!(batch.answers.len(), 2);
    let patient = closed.with_deadline(PATIENCE);
    let slow = tokio::time::timeout(2 * SHORT, patient.should_allow(Ask::key("k"))).await;
    assert!(slow.is_err(), "a longer deadline waits longer");
}

#[tokio::test]
async fn a_server_that_is_away_is_not_waited_for() {
    let (_port, address) = closed_port();
    let client = Client::new(Config::new(address).deadline(PATIENCE)).expect("a good configuration");
    let before = Instant::now();
    let first = client.should_allow(Ask::key("k")).await.expect("answered");
    let Source::FailedClosed(Cause::Unreachable(why)) = first.source else {
        panic!("{:?}", first.source);
    };
    assert!(why.to_lowercase().contains("refused"), "{why}");
    // The pause may be over already when a busy machine asks again; the next one is longer.
    eventually(|| async {
        let source = client.should_allow(Ask::key("k")).await.expect("answered").source;
        let backing_off = source == Source::FailedClosed(Cause::BackingOff);
        assert!(backing_off || matches!(source, Source::FailedClosed(Cause::Unreachable(_))));
        backing_off
    })
    .await;
    eventually(|| async { client.release_slot("acme", "held").await == Err(SlotError::Failed(Cause::BackingOff)) })
        .await;
    assert!(before.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("quorate.sock");
    let fake = Fake::on_socket(&path, allow);
    let config = Config::new(format!("unix:{}", path.display())).deadline(PATIENCE);
    let client = Client::new(config).expect("a good configuration");
    assert!(client.should_allow(Ask::key("k")).await.expect("answered").decided());

    fake.kill();
    eventually(|| async {
        let answer = client.should_allow(Ask::key("k")).await.expect("answered");
        matches!(answer.source, Source::FailedClosed(Cause::Unreachable(_)))
    })
    .await;

    let _fake = Fake::on_socket(&path, allow);
    eventually(|| async { client.should_allow(Ask::key("k")).await.expect("answered").decided() }).await;
}

#[tokio::test]
async fn a_call_in_flight_when_the_server_goes_away_is_answered_by_the_policy() {
    let fake = Fake::start(|_| Reply::Never);
    let client = Client::new(Config::new(fake.url()).deadline(PATIENCE).fail_open()).expect("a good configuration");
    let asking = tokio::spawn(async move { client.should_allow(Ask::key("k")).await });
    eventually(|| async { !fake.seen.requests.lock().expect("unpoisoned").is_empty() }).await;
    fake.kill();
    let answer = asking.await.expect("no panic").expect("answered");
    let lost = matches!(&answer.source, Source::FailedOpen(Cause::Disconnected(why)) if !why.is_empty());
    assert!(lost, "{:?}", answer.source);
    assert!(answer.allowed);
}

#[tokio::test]
async fn an_error_of_the_server_is_told_from_one_of_the_network() {
    let fake = Fake::start(|_| Reply::Refuse(Code::Internal, "a bug"));
    let client = Client::new(Config::new(fake.url()).deadline(PATIENCE)).expect("a good configuration");
    for _ in 0..3 {
        let answer = client.should_allow(Ask::key("k")).await.expect("answered");
        let expected = Cause::Server {
            code: "INTERNAL",
            message: "a bug".to_owned(),
        };
        // The third as the first: errors close no gate.
        assert_eq!(answer.source, Source::FailedClosed(expected));
    }
}

#[tokio::test]
async fn a_batch_with_answers_missing_is_no_answer() {
    let fake = Fake::start(allow);
    let client = Client::new(Config::new(fake.url()).deadline(PATIENCE)).expect("a good configuration");
    let batch = client
        .should_allow_batch([Ask::key("a"), Ask::key("swallow")])
        .await
        .expect("answered");
    assert!(!batch.all_allowed);
    assert_eq!(batch.answers.len(), 2);
    assert!(batch.answers.iter().all(|answer| !answer.allowed && !answer.decided()));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_costs_no_more_than_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it is bound").to_string();
    let client = Client::new(Config::new(address).deadline(SHORT)).expect("a good configuration");
    let answer = client.should_allow(Ask::key("k")).await.expect("answered");
    assert_eq!(answer.source, Source::FailedClosed(Cause::Deadline));
}

#[tokio::test]
async fn a_deadline_of_nothing_and_one_of_forever_are_deadlines() {
    // It says nothing: an answer could come before the clock has moved.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it is bound").to_string();
    let client = Client::new(Config::new(address).deadline(Duration::ZERO)).expect("a good configuration");
    let at_once = Source::FailedClosed(Cause::Deadline);
    assert_eq!(
        client.should_allow(Ask::key("k")).await.expect("answered").source,
        at_once
    );
    let stream = client.multiplexed();
    assert_eq!(
        stream.should_allow(Ask::key("k")).await.expect("answered").source,
        at_once
    );

    let fake = Fake::start(allow);
    let hasty = Client::new(Config::new(fake.url()).deadline(Duration::ZERO)).expect("a good configuration");
    let patient = hasty.with_deadline(Duration::MAX);
    assert!(patient.should_allow(Ask::key("k")).await.expect("answered").decided());
    let stream = patient.multiplexed();
    assert!(stream.should_allow(Ask::key("k")).await.expect("answered").decided());
    let patient = Client::new(Config::new(fake.url()).deadline(Duration::MAX)).expect("a good configuration");
    assert!(patient.should_allow(Ask::key("k")).await.expect("answered").decided());
}

#[test]
fn without_a_runtime_there_is_no_client_and_after_it_the_policy_answers() {
    let config = || Config::new("127.0.0.1:1").deadline(PATIENCE).fail_open();
    assert!(matches!(Client::new(config()), Err(ConfigError::Runtime)));

    let fake = Fake::start(allow);
    let first = Runtime::new().expect("a runtime");
    let (client, stream) = first.block_on(async {
        let config = Config::new(fake.url()).deadline(PATIENCE).fail_open();
        let client = Client::new(config).expect("a good configuration");
        assert!(client.should_allow(Ask::key("k")).await.expect("answered").decided());
        let stream = client.multiplexed();
        assert!(stream.should_allow(Ask::key("k")).await.expect("answered").decided());
        (client, stream)
    });
    drop(first);
    let second = Runtime::new().expect("a runtime");
    for answer in second.block_on(async {
        let late = client.multiplexed();
        [
            client.should_allow(Ask::key("k")).await,
            stream.should_allow(Ask::key("k")).await,
            late.should_allow(Ask::key("k")).await,
        ]
    }) {
        let answer = answer.expect("answered");
        assert!(
            matches!(answer.source, Source::FailedOpen(Cause::Disconnected(_))),
            "{:?}",
            answer.source
        );
    }
}

/// What a server answers that has too much work in flight: nothing was decided, and nothing charged.
fn overloaded() -> Fake {
    Fake::start(|request| {
        let reason = match request.endpoint.as_str() {
            "away" => v1::Reason::Unavailable,
            _ => v1::Reason::Overloaded,
        };
        Reply::Answer(Box::new(v1::ShouldAllowResponse {
            reason: i32::from(reason),
            retryable: true,
            ..v1::ShouldAllowResponse::default()
        }))
    })
}

#[tokio::test]
async fn an_overloaded_server_has_decided_nothing_and_the_policy_answers() {
    let fake = overloaded();
    let closed = Client::new(Config::new(fake.url()).deadline(PATIENCE)).expect("a good configuration");
    let open = closed.with_fail_policy(FailPolicy::Open);
    let asks = || [Ask::key("a"), Ask::key("b")];
    for answer in [
        closed.should_allow(Ask::key("k")).await.expect("answered"),
        closed
            .multiplexed()
            .should_allow(Ask::key("k"))
            .await
            .expect("answered"),
    ] {
        assert_eq!(answer.source, Source::FailedClosed(Cause::Overloaded));
        assert_eq!(
            (answer.allowed, answer.reason, answer.retryable),
            (false, Reason::Overloaded, true)
        );
    }
    assert!(!closed.should_allow_batch(asks()).await.expect("answered").all_allowed);

    for answer in [
        open.should_allow(Ask::key("k")).await.expect("answered"),
        open.multiplexed().should_allow(Ask::key("k")).await.expect("answered"),
    ] {
        assert_eq!(answer.source, Source::FailedOpen(Cause::Overloaded));
        assert_eq!((answer.allowed, answer.reason), (true, Reason::Ok));
    }
    let batch = open.should_allow_batch(asks()).await.expect("answered");
    assert!(batch.all_allowed && batch.answers.iter().all(|answer| answer.allowed));
}

#[tokio::test]
async fn what_the_policy_of_the_server_denies_is_denied_open_or_closed() {
    let fake = overloaded();
    let config = Config::new(fake.url()).deadline(PATIENCE).fail_open();
    let open = Client::new(config).expect("a good configuration");
    let answer = open
        .should_allow(Ask::key("k").endpoint("away"))
        .await
        .expect("answered");
    assert_eq!((answer.source, answer.reason), (Source::Decided, Reason::Unavailable));
    assert!(!answer.allowed);
}
