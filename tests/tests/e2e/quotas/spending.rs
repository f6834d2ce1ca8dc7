//! Many callers at once, over every door: together they get what the quota holds.

use futures_util::StreamExt;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use quorate_api::v1::{Reason, ShouldAllowStreamRequest};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use super::{denied, folder, monthly, passes, quota, serve, settled, spend_rest};
use crate::harness::client::within;
use crate::harness::{AskExt, Client, Server, ask, http};

/// Asks one by one until it is exhausted; how many passed.
async fn by_calls(client: Client) -> u64 {
    let mut passed = 0;
    loop {
        let answer = settled(&client, &ask("k").of("o")).await;
        if !answer.allowed {
            assert_eq!(answer.reason(), Reason::QuotaExhausted, "{answer:?}");
            return passed;
        }
        passed += 1;
    }
}

/// Asks in batches. They do not wait for units: an item may be told to come again.
async fn by_batches(client: Client) -> u64 {
    let mut passed = 0;
    loop {
        let answers = client.each(vec![ask("k").of("o"); 7]).await;
        for answer in answers.responses {
            match answer.reason() {
                Reason::Ok => passed += 1,
                Reason::QuotaPending => {}
                Reason::QuotaExhausted => return passed + rest(&client).await,
                _ => panic!("{answer:?}"),
            }
        }
    }
}

/// What an item after one that was exhausted may still have got was counted; then nothing comes any more.
async fn rest(client: &Client) -> u64 {
    u64::from(settled(client, &ask("k").of("o")).await.allowed)
}

async fn by_stream(client: Client) -> u64 {
    let (sender, receiver) = mpsc::channel(8);
    let answers = within(client.inner.clone().should_allow_stream(ReceiverStream::new(receiver))).await;
    let mut answers = answers.expect("a stream opens before the first request").into_inner();
    let question = || ShouldAllowStreamRequest {
        request: Some(ask("k").of("o")),
    };
    for _ in 0..4 {
        within(sender.send(question())).await.expect("the stream is open");
    }
    let (mut passed, mut waited_for) = (0, 4);
    while waited_for > 0 {
        let answer = within(answers.next())
            .await
            .expect("one more answer")
            .expect("no error");
        waited_for -= 1;
        let Some(Outcome::Response(answer)) = answer.result else {
            panic!("an answer was expected: {answer:?}");
        };
        match answer.reason() {
            Reason::Ok => passed += 1,
            Reason::QuotaPending => {}
            Reason::QuotaExhausted => continue,
            _ => panic!("{answer:?}"),
        }
        within(sender.send(question())).await.expect("the stream is open");
        waited_for += 1;
    }
    passed
}

async fn by_http(address: std::net::SocketAddr) -> u64 {
    let mut passed = 0;
    loop {
        let reply = http::should_allow(address, json!({"key": "k", "org": "o"})).await;
        match reply.json()["reason"].as_str().expect("a reason") {
            "REASON_OK" | "OK" => passed += 1,
            "REASON_QUOTA_PENDING" | "QUOTA_PENDING" => assert_eq!(reply.header("retry-after"), "1"),
            "REASON_QUOTA_EXHAUSTED" | "QUOTA_EXHAUSTED" => return passed,
            _ => panic!("{reply:?}"),
        }
    }
}

async fn by_everybody(server: &Server) -> u64 {
    let mut callers = JoinSet::new();
    for _ in 0..3 {
        callers.spawn(by_calls(server.client().await));
        callers.spawn(by_http(server.http()));
    }
    for _ in 0..2 {
        callers.spawn(by_batches(server.client().await));
        callers.spawn(by_stream(server.client().await));
    }
    let mut passed = 0;
    while let Some(got) = callers.join_next().await {
        passed += got.expect("no caller fails");
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_the_last_unit_and_not_one_more_over_every_door() {
    let folder = folder();
    let server = serve(monthly(1_500), &folder);
    assert_eq!(by_everybody(&server).await, 1_500);
    assert_eq!(by_everybody(&server).await, 0);
}

#[tokio::test]
async fn a_limit_of_one() {
    let folder = folder();
    let server = serve(monthly(1), &folder);
    let client = server.client().await;
    passes(&client, &ask("a").of("o")).await;
    denied(&client, &ask("b").of("o"), Reason::QuotaExhausted).await;
    passes(&client, &ask("a").of("p")).await;
}

#[tokio::test]
async fn costs_larger_than_a_chunk_and_larger_than_all() {
    let folder = folder();
    let server = serve(monthly(1_000_000), &folder);
    let client = server.client().await;
    let of = |cost| ask("k").of("o").costing(cost);
    passes(&client, &of(999_000)).await;
    denied(&client, &of(1_001), Reason::QuotaExhausted).await;
    let never = denied(&client, &of(1_000_001), Reason::CostExceedsLimit).await;
    assert!(!never.retryable && never.retry_after_ns == 0, "{never:?}");
    let question = json!({"key": "k", "org": "o", "cost": 1_000_001});
    assert_eq!(http::should_allow(server.http(), question).await.status, 422);
    passes(&client, &of(1_000)).await;
    denied(&client, &of(1), Reason::QuotaExhausted).await;
}

#[tokio::test]
async fn a_batch_that_is_all_or_nothing_takes_all_or_nothing() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    let client = server.client().await;
    passes(&client, &ask("k").of("o").costing(3)).await;
    // Eight do not fit into seven; after that all seven are still there.
    loop {
        let answers = client.all(vec![ask("k").of("o"); 8]).await;
        assert!(!answers.all_allowed);
        if answers
            .responses
            .iter()
            .any(|answer| answer.reason() == Reason::QuotaExhausted)
        {
            break;
        }
    }
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 8).await, 7);
}

#[tokio::test]
async fn the_first_request_of_an_account_waits_for_its_units() {
    let folder = folder();
    let server = serve(quota("per: key, limit: 5, period: month"), &folder);
    let client = server.client().await;
    // It waits 20 ms at most: where the disk or the machine takes longer it is told to come again, so one of many
    // accounts has to be served at once.
    for account in 0..2_000 {
        let answer = client.ask(ask(&format!("k{account}")).of("o")).await;
        if answer.allowed {
            return;
        }
        assert_eq!(answer.reason(), Reason::QuotaPending, "{answer:?}");
    }
    panic!("not one account was served at its first request");
}
