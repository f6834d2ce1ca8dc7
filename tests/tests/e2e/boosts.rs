//! Boosts and incidents: factors on rate limits that begin and end exactly.

use std::time::Duration;

use jiff::Timestamp;
use quorate_api::v1::{Algorithm, LimitStatus, Reason};

use crate::harness::{AskExt, Client, Launch, ask, time};

/// How far the test's reading of the wall clock and the server's may lie apart.
const CLOCKS_APART: Duration = Duration::from_millis(5);

/// An org `o` with something in force, for limits of ten per hour.
fn policy(overlays: &str) -> String {
    format!(
        "version: 1\n\
         defaults: {{ plan: p }}\n\
         boosts: {{ factor: [2, 5], duration: [1s, 72h], approvals: 2 }}\n\
         incidents: {{ factor: 5, max: 72h }}\n\
         plans:\n  p:\n    \
           limits: [{{ name: own, per: key, limit: 10, window: 1h }}]\n    \
           burst: {{ allowance: 3, window: 1h }}\n    \
           pool: {{ capacity: 100, refill: 1, every: 1h }}\n    \
           slots: {{ s: 1 }}\n\
         endpoints:\n  \
           - {{ match: GET /a, slot: s, limits: [{{ name: calls, per: key, limit: 4, window: 1h }}] }}\n  \
           - {{ match: GET /b, limits: [{{ name: other-calls, per: key, limit: 4, window: 1h }}] }}\n\
         orgs:\n  o: {{ {overlays} }}\n"
    )
}

fn boost(factor: &str, from: Timestamp, seconds: u64, more: &str) -> String {
    format!(
        "{{ factor: {factor}, from: {from}, for: {seconds}s, {more} \
         requested_by: ann, approved_by: bob, reason: a drill }}"
    )
}

async fn limit_of(client: &Client, endpoint: &str, name: &str) -> LimitStatus {
    let statuses = client.statuses(ask("k").of("o").at(endpoint)).await;
    let found = statuses.iter().find(|status| status.name == name).cloned();
    found.unwrap_or_else(|| panic!("no {name} in {statuses:?}"))
}

#[tokio::test]
async fn a_boost_begins_and_ends_exactly() {
    let from = Timestamp::now() + Duration::from_millis(2_500);
    let until = from + Duration::from_secs(1);
    let boosts = format!("boosts: [{}]", boost("2.5", from, 1, ""));
    let server = Launch::with(policy(&boosts)).start();
    let client = server.client().await;
    let (mut before, mut during, mut after) = (0, 0, 0);
    while after < 50 {
        let asked = Timestamp::now();
        let status = limit_of(&client, "", "own").await;
        let answered = Timestamp::now();
        if answered + CLOCKS_APART < from {
            assert_eq!(
                (status.limit, status.factor_hundredths),
                (10, 100),
                "not yet: {answered} < {from}"
            );
            before += 1;
        } else if asked > from + CLOCKS_APART && answered + CLOCKS_APART < until {
            assert_eq!((status.limit, status.factor_hundredths), (25, 250), "now: {asked}");
            during += 1;
        } else if asked > until + CLOCKS_APART {
            assert_eq!(
                (status.limit, status.factor_hundredths),
                (10, 100),
                "no more: {asked} > {until}"
            );
            after += 1;
        }
    }
    assert!(before > 0 && during > 0, "{before} before, {during} during");
}

#[tokio::test]
async fn a_denial_knows_when_a_boost_will_let_it_through() {
    let from = Timestamp::now() + Duration::from_secs(2);
    let boosts = format!("boosts: [{}]", boost("2", from, 60, ""));
    let server = Launch::with(policy(&boosts)).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(13)).await;
    let denied = client.denied(ask("k").of("o"), Reason::RateLimited).await;
    let stated = Timestamp::now() + Duration::from_nanos(denied.retry_after_ns);
    assert!(
        stated + CLOCKS_APART >= from && stated <= from + Duration::from_secs(1),
        "{stated}, {from}"
    );
    time::pass(denied.retry_after_ns).await;
    let passed = client.allowed(ask("k").of("o")).await;
    assert_eq!(
        (passed.limit, passed.pool_units),
        (20, 0),
        "its own are twice as many now"
    );
    assert_eq!(
        client.count(&ask("k").of("o"), 20).await.0,
        9,
        "ten more than before, and no more from the pool"
    );
}

#[tokio::test]
async fn overlapping_boosts_take_the_maximum_and_touch_rates_only() {
    let from = Timestamp::now() - Duration::from_secs(60);
    let boosts = format!(
        "boosts: [{}, {}, {}]",
        boost("2", from, 3_600, ""),
        boost("3", from, 3_600, ""),
        boost("5", from, 3_600, "endpoints: [GET /b],")
    );
    let server = Launch::with(policy(&boosts)).start();
    let client = server.client().await;
    assert_eq!(
        limit_of(&client, "GET /a", "own").await.limit,
        30,
        "the maximum, not the product"
    );
    assert_eq!(
        limit_of(&client, "GET /a", "calls").await.limit,
        12,
        "an endpoint's limit too"
    );
    assert_eq!(
        limit_of(&client, "GET /b", "other-calls").await.limit,
        20,
        "that endpoint alone"
    );
    let statuses = client.statuses(ask("k").of("o").at("GET /a")).await;
    for (algorithm, limit) in [
        (Algorithm::BurstAllowance, 3),
        (Algorithm::BurstPool, 100),
        (Algorithm::Concurrency, 1),
    ] {
        let status = statuses.iter().find(|status| status.algorithm() == algorithm);
        let status = status.unwrap_or_else(|| panic!("no {algorithm:?} in {statuses:?}"));
        assert_eq!((status.limit, status.factor_hundredths), (limit, 100), "{algorithm:?}");
    }
    // Another org has none of it.
    let elsewhere = client.statuses(ask("k").of("q")).await;
    assert_eq!(elsewhere[0].limit, 10);
}

#[tokio::test]
async fn a_boost_of_one_key_is_that_keys() {
    let from = Timestamp::now() - Duration::from_secs(60);
    let boosts = format!("boosts: [{}]", boost("2", from, 3_600, "keys: [favoured],"));
    let server = Launch::with(policy(&boosts) + "keys: { favoured: { org: o }, k: { org: o } }\n").start();
    let client = server.client().await;
    assert_eq!(client.statuses(ask("favoured")).await[0].limit, 20);
    assert_eq!(client.statuses(ask("k")).await[0].limit, 10);
}

#[tokio::test]
async fn an_incident_multiplies_by_five_while_it_is_open_and_forgives_nothing_after() {
    let from = Timestamp::now() - Duration::from_secs(60);
    let until = Timestamp::now() + Duration::from_secs(2);
    let incidents = format!(
        "incidents: [{{ from: {from}, until: {until}, opened_by: ann, reason: breach }}], boosts: [{}]",
        boost("2", from, 600, "")
    );
    let server = Launch::with(policy(&incidents)).start();
    let client = server.client().await;
    let own = limit_of(&client, "GET /a", "own").await;
    assert_eq!((own.limit, own.factor_hundredths), (50, 500), "five is more than two");
    assert_eq!(limit_of(&client, "GET /a", "calls").await.limit, 20);
    client.allowed(ask("k").of("o").costing(45)).await;
    // Once it is over, the boost of two is left, and 45 are used of 20.
    time::eventually("the end of the incident", || async {
        (limit_of(&client, "", "own").await.limit == 20).then_some(())
    })
    .await;
    assert!(Timestamp::now() + CLOCKS_APART >= until);
    let own = limit_of(&client, "", "own").await;
    assert_eq!((own.used, own.remaining), (45, 0), "nothing is forgiven");
    client.denied(ask("k").of("o").costing(4), Reason::RateLimited).await;
}
