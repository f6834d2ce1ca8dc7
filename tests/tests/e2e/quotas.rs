//! Durable quotas on the embedded store: never a unit too many, and whatever was not spent is there again.

mod answers;
mod backup;
mod batches;
mod crashes;
mod kinds;
mod lives;
mod refusals;
mod reloading;
mod spending;
mod transfer;

use quorate_api::v1::{Reason, ShouldAllowRequest, ShouldAllowResponse};

use crate::harness::data::{self, EVENTUALLY, folder, serve, stop};
use crate::harness::{AskExt, Client, policy};

/// A policy whose only limit is this quota, `q`.
fn quota(fields: &str) -> String {
    policy::plan(&format!("quotas: [{{ name: q, {fields} }}]"))
}

/// A policy whose only limit is a hard quota of so many requests a month that all of an org share.
fn monthly(limit: u64) -> String {
    quota(&format!("per: org, limit: {limit}, period: month"))
}

/// Asks until it is not told that units are on their way.
async fn settled(client: &Client, request: &ShouldAllowRequest) -> ShouldAllowResponse {
    let pending = |answer: &ShouldAllowResponse| answer.reason() == Reason::QuotaPending;
    data::settled(client, request, pending).await
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
