//! A server that is told to stop: nobody who listens to its health loses a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use quorate_api::v1::ShouldAllowStreamRequest;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::client::within;
use crate::harness::http::get;
use crate::harness::{AskExt, Client, Launch, ask, policy, time};

/// Learns from the server's health service when to stop asking it.
async fn health(client: &Client) -> watch::Receiver<bool> {
    let request = HealthCheckRequest { service: String::new() };
    let mut health = HealthClient::new(client.channel.clone());
    let mut states = within(health.watch(request))
        .await
        .expect("health is served")
        .into_inner();
    let first = within(states.next()).await.expect("a state").expect("no error");
    assert_eq!(first.status(), ServingStatus::Serving);
    let (sender, receiver) = watch::channel(true);
    tokio::spawn(async move {
        while let Some(Ok(state)) = states.next().await {
            let _ = sender.send(state.status() == ServingStatus::Serving);
        }
        let _ = sender.send(false);
    });
    receiver
}

/// Asks one after the other as long as the server is healthy.
async fn calls(client: Client, serving: watch::Receiver<bool>, answered: Arc<AtomicU64>) -> Result<(), Status> {
    while *serving.borrow() {
        let answer = within(client.inner.clone().should_allow(ask("k").of("o"))).await?;
        assert!(answer.get_ref().allowed);
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Keeps eight requests in flight on one stream as long as the server is healthy, and then has every answer.
async fn stream(client: Client, serving: watch::Receiver<bool>, answered: Arc<AtomicU64>) -> Result<(), Status> {
    let (sender, receiver) = mpsc::channel(8);
    let answers = within(client.inner.clone().should_allow_stream(ReceiverStream::new(receiver))).await;
    let mut answers = answers?.into_inner();
    let asking = async {
        let mut asked = 0;
        while *serving.borrow() {
            let request = Some(ask("s").of("o"));
            if sender.send(ShouldAllowStreamRequest { request }).await.is_err() {
                break;
            }
            asked += 1;
        }
        drop(sender);
        asked
    };
    let answering = async {
        let mut had = 0_u64;
        while let Some(answer) = answers.next().await {
            let Some(Outcome::Response(answer)) = answer?.result else {
                panic!("an answer was expected")
            };
            assert!(answer.allowed);
            had += 1;
            answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, Status>(had)
    };
    let (asked, had) = within(async { tokio::join!(asking, answering) }).await;
    let had = had?;
    if asked == had {
        return Ok(());
    }
    Err(Status::data_loss(format!("{asked} requests had {had} answers")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_call_is_lost_while_it_drains() {
    time::once_quick("all who listened to its health within the delay", drain_under_load).await;
}

/// A server under load that is told to stop, with this delay for those who look at its health; `None` when they did not
/// get to look within it.
async fn drain_under_load(delay: Duration) -> Option<()> {
    let launch = Launch::with(policy::one_limit(1_000_000_000_000, "1h"));
    let mut server = launch
        .args([
            "--drain-delay",
            &format!("{}ms", delay.as_millis()),
            "--drain-timeout",
            "2m",
        ])
        .start();
    let watcher = server.client().await;
    let serving = health(&watcher).await;
    let answered = Arc::new(AtomicU64::new(0));
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let client = server.client().await;
        for _ in 0..10 {
            load.spawn(calls(client.clone(), serving.clone(), Arc::clone(&answered)));
        }
        load.spawn(stream(client, serving.clone(), Arc::clone(&answered)));
    }
    while answered.load(Ordering::Relaxed) < 500 {
        tokio::task::yield_now().await;
    }
    let http = server.http();
    let told = Instant::now();
    server.signal(Signal::TERM);
    // Health says so first, while everything is still answered.
    let mut health = serving.clone();
    within(health.wait_for(|serving| !serving))
        .await
        .expect("the watch lives");
    assert_eq!(get(http, "/readyz").await.status, 503, "not ready");
    assert_eq!(get(http, "/healthz").await.status, 200, "but alive");
    let late = within(watcher.inner.clone().should_allow(ask("late").of("o"))).await;
    let mut calls = within(load.join_all()).await;
    calls.push(late.map(drop));
    let quick = told.elapsed() < delay;
    let lost: Vec<_> = calls.into_iter().filter_map(Result::err).collect();
    if !quick && !lost.is_empty() {
        return None;
    }
    assert!(
        lost.is_empty(),
        "who had not heard yet was still to be answered: {lost:?}"
    );
    drop(watcher);
    let status = tokio::task::block_in_place(|| server.wait());
    assert!(status.success(), "{status}:\n{}", server.words());
    Some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stream_that_never_ends_does_not_keep_it() {
    let launch = Launch::with(policy::one_limit(1_000, "1h"));
    let mut server = launch.args(["--drain-delay", "100ms", "--drain-timeout", "1s"]).start();
    let client = server.client().await;
    let (sender, receiver) = mpsc::channel(1);
    let answers = within(client.inner.clone().should_allow_stream(ReceiverStream::new(receiver))).await;
    let mut answers = answers.expect("a stream").into_inner();
    let request = Some(ask("k").of("o"));
    sender.send(ShouldAllowStreamRequest { request }).await.expect("open");
    within(answers.next()).await.expect("an answer").expect("no error");
    server.signal(Signal::TERM);
    let status = tokio::task::block_in_place(|| server.wait());
    assert!(status.success(), "{status}:\n{}", server.words());
    // The stream ends; it does not hang.
    while let Some(Ok(_)) = within(answers.next()).await {}
    drop(sender);
}
