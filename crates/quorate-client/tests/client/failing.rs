//! Calls that nobody answers: the policy answers, and says why.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use quorate_client::{Ask, Cause, Client, Config, FailPolicy, Reason, SlotError, Source};
use tonic::Code;

use crate::fake::{Fake, PATIENCE, Reply, allow, eventually};

/// Short, since the test waits for it to pass.
const SHORT: Duration = Duration::from_millis(50);

fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
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
    let client = Client::new(Config::new(closed_port()).deadline(PATIENCE)).expect("a good configuration");
    let before = Instant::now();
    let first = client.should_allow(Ask::key("k")).await.expect("answered");
    let Source::FailedClosed(Cause::Unreachable(why)) = first.source else {
        panic!("{:?}", first.source);
    };
    assert!(why.to_lowercase().contains("refused"), "{why}");
    let second = client.should_allow(Ask::key("k")).await.expect("answered");
    assert_eq!(second.source, Source::FailedClosed(Cause::BackingOff));
    assert_eq!(
        client.release_slot("acme", "held").await,
        Err(SlotError::Failed(Cause::BackingOff))
    );
    assert!(before.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_again() {
    let fake = Fake::start(allow);
    let client = Client::new(Config::new(fake.url()).deadline(PATIENCE)).expect("a good configuration");
    assert!(client.should_allow(Ask::key("k")).await.expect("answered").decided());

    let address = fake.kill();
    eventually(|| async {
        let answer = client.should_allow(Ask::key("k")).await.expect("answered");
        matches!(answer.source, Source::FailedClosed(Cause::Unreachable(_)))
    })
    .await;

    let _fake = Fake::at(address, allow);
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
