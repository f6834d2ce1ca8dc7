//! Many requests on one stream.

use futures_util::StreamExt;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use quorate_api::v1::{ShouldAllowRequest, ShouldAllowResponse, ShouldAllowStreamRequest, ShouldAllowStreamResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::harness::client::within;
use crate::harness::{AskExt, Client, Launch, ask, policy};

/// A stream that is open, with room for this many requests in flight.
async fn open(
    client: &Client,
    in_flight: usize,
) -> (
    mpsc::Sender<ShouldAllowStreamRequest>,
    Streaming<ShouldAllowStreamResponse>,
) {
    let (sender, receiver) = mpsc::channel(in_flight);
    let answers = within(client.inner.clone().should_allow_stream(ReceiverStream::new(receiver)))
        .await
        .expect("a stream opens before the first request");
    (sender, answers.into_inner())
}

async fn send(sender: &mpsc::Sender<ShouldAllowStreamRequest>, request: ShouldAllowRequest) {
    let request = ShouldAllowStreamRequest { request: Some(request) };
    within(sender.send(request)).await.expect("the stream is open");
}

async fn next(answers: &mut Streaming<ShouldAllowStreamResponse>) -> Outcome {
    let answer = within(answers.next())
        .await
        .expect("one more answer")
        .expect("no error");
    answer.result.expect("an answer or an error")
}

async fn next_answer(answers: &mut Streaming<ShouldAllowStreamResponse>) -> ShouldAllowResponse {
    match next(answers).await {
        Outcome::Response(answer) => answer,
        Outcome::Error(error) => panic!("an answer was expected: {error:?}"),
    }
}

#[tokio::test]
async fn answers_come_in_the_order_of_requests_with_many_in_flight() {
    let server = Launch::with(policy::one_limit(1_000_000, "1h")).start();
    let client = server.client().await;
    let (sender, mut answers) = open(&client, 2_000).await;
    // The cost of each request is its number, so that each answer tells which one it belongs to.
    for number in 1..=2_000_u64 {
        send(&sender, ask("k").of("o").costing(number % 7 + 1)).await;
    }
    drop(sender);
    let mut remaining = 1_000_000;
    for number in 1..=2_000_u64 {
        remaining -= number % 7 + 1;
        let answer = next_answer(&mut answers).await;
        assert_eq!(answer.remaining, remaining, "answer {number}");
    }
    assert!(
        within(answers.next()).await.is_none(),
        "the stream ends when its requests do"
    );
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_next_request() {
    let server = Launch::with(policy::one_limit(3, "1h")).start();
    let client = server.client().await;
    let (sender, mut answers) = open(&client, 1).await;
    for expected in [true, true, true, false] {
        send(&sender, ask("k").of("o")).await;
        assert_eq!(next_answer(&mut answers).await.allowed, expected);
    }
}

#[tokio::test]
async fn a_malformed_request_is_answered_in_its_place_and_ends_nothing() {
    let server = Launch::with(policy::one_limit(3, "1h")).start();
    let client = server.client().await;
    let (sender, mut answers) = open(&client, 8).await;
    send(&sender, ask("k").of("o")).await;
    send(&sender, ask("k").of("o").using("no-such-meter", 1)).await;
    send(&sender, ShouldAllowRequest::default()).await;
    within(sender.send(ShouldAllowStreamRequest { request: None }))
        .await
        .expect("open");
    send(&sender, ask("k").of("o")).await;
    assert_eq!(next_answer(&mut answers).await.remaining, 2);
    for field in ["amounts", "key", "key"] {
        let Outcome::Error(error) = next(&mut answers).await else {
            panic!("an error was expected")
        };
        assert_eq!(error.code, 3);
        assert!(error.message.contains(field), "{error:?}");
    }
    assert_eq!(
        next_answer(&mut answers).await.remaining,
        1,
        "the errors charged nothing"
    );
}

#[tokio::test]
async fn streams_and_calls_share_the_counters() {
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    let (one, mut one_answers) = open(&client, 4).await;
    let other_connection = server.client().await;
    let (two, mut two_answers) = open(&other_connection, 4).await;
    for expected in [8, 6, 4] {
        send(&one, ask("k").of("o")).await;
        next_answer(&mut one_answers).await;
        send(&two, ask("k").of("o")).await;
        assert_eq!(next_answer(&mut two_answers).await.remaining, expected);
    }
    assert_eq!(client.allowed(ask("k").of("o")).await.remaining, 3);
}
