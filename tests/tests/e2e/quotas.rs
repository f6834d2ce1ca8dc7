//! Durable quotas on the embedded store: never a unit too many, and whatever was not spent is there again.

mod answers;
mod batches;
mod crashes;
mod kinds;
mod lives;
mod refusals;
mod reloading;
mod spending;
mod transfer;

use std::time::{Duration, Instant};

use quorate_api::v1::{Reason, ShouldAllowRequest, ShouldAllowResponse};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{AskExt, Client, Launch, Server, policy};

/// Units that were asked for are here by then, or never will be.
const EVENTUALLY: Duration = Duration::from_secs(120);

/// A policy whose only limit is this quota, `q`.
fn quota(fields: &str) -> String {
    policy::plan(&format!("quotas: [{{ name: q, {fields} }}]"))
}

/// A policy whose only limit is a hard quota of so many requests a month that all of an org share.
fn monthly(limit: u64) -> String {
    quota(&format!("per: org, limit: {limit}, period: month"))
}

/// A folder for data.
fn folder() -> TempDir {
    TempDir::new().expect("a folder of its own")
}

/// A server that keeps its quotas there.
fn serve(policy: impl AsRef<str>, folder: &TempDir) -> Server {
    Launch::keeping(policy, &folder.path().join("data")).start()
}

/// Stops a server in good order.
fn stop(mut server: Server) {
    server.signal(Signal::TERM);
    let status = server.wait();
    assert!(status.success(), "{status}:\n{}", server.words());
}

/// Asks until it is not told that units are on their way.
async fn settled(client: &Client, request: &ShouldAllowRequest) -> ShouldAllowResponse {
    let deadline = Instant::now() + EVENTUALLY;
    loop {
        let answer = client.ask(request.clone()).await;
        if answer.reason() != Reason::QuotaPending {
            return answer;
        }
        assert!(
            !answer.allowed && answer.retryable && answer.retry_after_ns > 0,
            "{answer:?}"
        );
        assert!(Instant::now() < deadline, "units do not come: {answer:?}");
    }
}

/// Asks until it is allowed or denied for good, and is allowed.
async fn passes(client: &Client, request: &ShouldAllowRequest) -> ShouldAllowResponse {
    let answer = settled(client, request).await;
    assert!(answer.allowed, "{request:?} was denied: {answer:?}");
    answer
}

/// Asks until it is allowed or denied for good, and is denied.
async fn denied(client: &Client, request: &ShouldAllowRequest, reason: Reason) -> ShouldAllowResponse {
    let answer = settled(client, request).await;
    assert!(!answer.allowed, "{request:?} was allowed: {answer:?}");
    assert_eq!(answer.reason(), reason, "{answer:?}");
    answer
}

/// Spends whatever is left of a quota, in requests that cost much at first; how much it was.
async fn spend_rest(client: &Client, request: &ShouldAllowRequest, most: u64) -> u64 {
    let (mut cost, mut spent) = (most.max(1), 0);
    loop {
        let answer = settled(client, &request.clone().costing(cost)).await;
        if answer.allowed {
            spent += cost;
            continue;
        }
        let reason = answer.reason();
        assert!(
            matches!(reason, Reason::QuotaExhausted | Reason::CostExceedsLimit),
            "{answer:?}"
        );
        if cost == 1 {
            return spent;
        }
        cost = cost.div_ceil(2);
    }
}
