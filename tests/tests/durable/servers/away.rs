//! What is answered while the database is away: what is held here is spent, and then a hard quota denies, and a soft one
//! lets a bounded amount through and books it later. Every such answer is marked.

use quorate_api::v1::{Reason, ShouldAllowRequest, ShouldAllowResponse};
use quorate_core::grant::{Account, GrantKey};
use tokio::time::Instant;

use super::rounds::spend_rest;
use super::scene::{Recovery, Slot};
use crate::cassandra;
use crate::harness::{AskExt, Client, ask, policy};
use crate::stores::{self, DEADLINE};

/// Of the hard quota: so large that the first chunk is more than the request that waits for it.
const HARD: u64 = 1_000_000;
/// Of the soft quota.
const SOFT: u64 = 20_000;
/// What a soft quota lets each server through while its database is away.
const OVERDRAFT: u64 = SOFT / 100;

/// The largest chunk, for a caller that asks for one unit after the other.
const fn chunk_max(limit: u64) -> u64 {
    limit / 1_000
}

/// A name that nobody else uses in the keyspace that tests share.
fn org(test: &str) -> String {
    stores::row_of(test).org.to_string()
}

async fn server(policy: &str) -> Slot {
    let mut slot = Slot::new(&[cassandra::shared()], &stores::shared_keyspace(), policy).await;
    slot.start().await;
    slot
}

fn units(answer: &ShouldAllowResponse) -> u64 {
    u64::from(answer.allowed)
}

/// Asks for one unit at a time until one passes; the answer.
async fn passes(client: &Client, request: &ShouldAllowRequest) -> ShouldAllowResponse {
    let until = Instant::now() + DEADLINE;
    loop {
        let answer = client.ask(request.clone()).await;
        if answer.allowed {
            return answer;
        }
        assert!(Instant::now() < until, "{answer:?}");
        stores::pause().await;
    }
}

/// Asks for one unit at a time until the database is missed; how many passed.
async fn until_away(client: &Client, request: &ShouldAllowRequest) -> u64 {
    let (until, mut passed) = (Instant::now() + DEADLINE, 0);
    loop {
        let answer = client.ask(request.clone()).await;
        passed += units(&answer);
        match answer.reason() {
            Reason::Unavailable => {
                assert!(
                    answer.degraded && answer.retryable && answer.retry_after_ns > 0,
                    "{answer:?}"
                );
                return passed;
            }
            Reason::Ok | Reason::QuotaPending => assert!(Instant::now() < until, "it never runs dry: {answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
}

/// Mends the way to the database, and waits until units pass that are not marked: within a minute. How many passed.
async fn comes_back(slot: &Slot, client: &Client, request: &ShouldAllowRequest) -> u64 {
    slot.proxy.mend();
    let (mut recovery, mut passed) = (Recovery::begin(), 0);
    loop {
        let answer = client.ask(request.clone()).await;
        passed += units(&answer);
        if answer.allowed && !answer.degraded {
            recovery.ends("the server");
            return passed;
        }
        recovery.goes_on("the server").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_quota_is_served_from_what_is_held_and_then_denied() {
    let _there = stores::shared().await;
    let org = org("away-hard");
    let policy = policy::plan(&format!(
        "quotas: [{{ name: q, per: org, limit: {HARD}, period: lifetime }}]"
    ));
    let mut slot = server(&policy).await;
    let client = slot.server().client().await;
    let request = ask("k").of(&org);
    let first = passes(&client, &request).await;
    assert!(!first.degraded, "{first:?}");
    slot.proxy.cut();
    let held = until_away(&client, &request).await;
    assert!((1..=2 * chunk_max(HARD)).contains(&held), "{held} units were held");
    for _ in 0..20 {
        let answer = client.ask(request.clone()).await;
        assert_eq!(
            answer.reason(),
            Reason::Unavailable,
            "what is away grants nothing: {answer:?}"
        );
    }
    let back = comes_back(&slot, &client, &request).await;
    let rest = spend_rest(&client, &request, HARD).await;
    assert_eq!(1 + held + back + rest, HARD, "no unit is lost, and none is made");
    slot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_quota_goes_on_for_a_while_and_books_it_later() {
    let past = stores::shared().await;
    let org = org("away-soft");
    let plan = policy::plan(&format!(
        "quotas: [{{ name: q, per: org, limit: {SOFT}, period: lifetime, kind: soft }}]"
    ));
    let agreed = "overage: { agreed_by: Ann Lee, agreed_at: 2026-01-31T08:00:00Z }";
    let policy = format!("{plan}orgs: {{ {org}: {{ {agreed} }} }}\nkeys: {{ k: {{ org: {org} }} }}\n");
    let request = ask("k");
    let (mut admitted, mut slots) = (0, [server(&policy).await, server(&policy).await]);
    let clients = [slots[0].server().client().await, slots[1].server().client().await];
    // Nearly all of it, so that what is let through lies beyond.
    const FIRST: u64 = SOFT - 10;
    passes(&clients[0], &request.clone().costing(FIRST)).await;
    passes(&clients[1], &request).await;
    admitted += FIRST + 1;
    for (slot, client) in slots.iter().zip(&clients) {
        slot.proxy.cut();
        let passed = until_away(client, &request).await;
        assert!(
            (OVERDRAFT..=OVERDRAFT + 2 * chunk_max(SOFT)).contains(&passed),
            "{passed} units passed, of which {OVERDRAFT} may be owed"
        );
        admitted += passed;
        for _ in 0..20 {
            let answer = client.ask(request.clone()).await;
            assert_eq!(
                answer.reason(),
                Reason::Unavailable,
                "the overdraft is bounded: {answer:?}"
            );
        }
    }
    assert!(admitted > SOFT);
    for (slot, client) in slots.iter().zip(&clients) {
        admitted += comes_back(slot, client, &request).await;
    }
    let key = GrantKey {
        org: org.into(),
        quota: "q".into(),
        account: Account::Org,
        period: "lifetime".into(),
    };
    let until = Instant::now() + DEADLINE;
    while stores::row(&past, &key).await.granted < admitted {
        assert!(Instant::now() < until, "what was let through is not booked");
        stores::pause().await;
    }
    let mut whole = true;
    for slot in &mut slots {
        whole &= slot.stop().await;
    }
    let granted = stores::row(&past, &key).await.granted;
    assert!(granted >= admitted, "{granted} of {admitted} units are booked");
    assert!(
        !whole || granted == admitted,
        "{granted} units are booked for {admitted}"
    );
}
