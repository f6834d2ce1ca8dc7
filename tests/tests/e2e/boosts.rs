//! Boosts and incidents: factors on rate limits that begin and end exactly.

use std::time::Duration;

use jiff::Timestamp;
use quorate_api::v1::{Algorithm, Include, LimitStatus, Reason, ShouldAllowResponse};

use crate::harness::time::{decided_at, once_quick};
use crate::harness::{AskExt, Client, Launch, Server, ask, time};

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

/// A boost that begins so long after now and lasts as long, watched from before it to after it; `None` when the server
/// was not up in time or nobody looked while it was in force.
async fn watch_a_boost(within: Duration) -> Option<()> {
    let from = Timestamp::now() + within;
    let until = from + within;
    let boosts = format!("boosts: [{}]", boost("2.5", from, within.as_secs(), ""));
    let server = Launch::with(policy(&boosts)).start();
    let client = server.client().await;
    let (mut before, mut during, mut after) = (0, 0, 0);
    while after < 50 {
        let answer = client.ask(ask("k").of("o").look().with(Include::Limits)).await;
        let own = answer.limits.iter().find(|status| status.name == "own");
        let own = own.unwrap_or_else(|| panic!("no own in {answer:?}"));
        let at = decided_at(&answer.decision_id);
        let (seen, expected) = match at {
            at if at < from => (&mut before, (10, 100)),
            at if at < until => (&mut during, (25, 250)),
            _ => (&mut after, (10, 100)),
        };
        assert_eq!(
            (own.limit, own.factor_hundredths),
            expected,
            "decided at {at}, boosted from {from} until {until}"
        );
        *seen += 1;
    }
    (before > 0 && during > 0).then_some(())
}

#[tokio::test]
async fn a_boost_begins_and_ends_exactly() {
    once_quick("a boost, from before it to after it", watch_a_boost).await;
}

/// A key that used all it has and the pool's before a boost, and what it was told then; `None` when the boost began
/// before that.
async fn denied_before_a_boost(within: Duration) -> Option<(Server, ShouldAllowResponse, Timestamp)> {
    let from = Timestamp::now() + within;
    let boosts = format!("boosts: [{}]", boost("2", from, 3_600, ""));
    let server = Launch::with(policy(&boosts)).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(13)).await;
    let denied = client.ask(ask("k").of("o")).await;
    (decided_at(&denied.decision_id) < from).then_some((server, denied, from))
}

#[tokio::test]
async fn a_denial_knows_when_a_boost_will_let_it_through() {
    let (server, denied, from) = once_quick("a denial before a boost", denied_before_a_boost).await;
    assert!(!denied.allowed, "{denied:?}");
    assert_eq!(denied.reason(), Reason::RateLimited);
    let stated = decided_at(&denied.decision_id) + Duration::from_nanos(denied.retry_after_ns);
    assert_eq!(
        stated, from,
        "the boost is what lets it through, from its first instant on"
    );
    let client = server.client().await;
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

/// An org that used 45 of its ten while an incident was open, and when the incident ends; `None` when it ended before
/// that.
async fn use_an_incident(within: Duration) -> Option<(Server, Timestamp)> {
    let from = Timestamp::now() - Duration::from_secs(60);
    let until = Timestamp::now() + within;
    let incidents = format!(
        "incidents: [{{ from: {from}, until: {until}, opened_by: ann, reason: breach }}], boosts: [{}]",
        boost("2", from, 3_600, "")
    );
    let server = Launch::with(policy(&incidents)).start();
    let client = server.client().await;
    let asked = client
        .ask(ask("k").of("o").costing(45).with(Include::Limits).at("GET /a"))
        .await;
    if decided_at(&asked.decision_id) >= until {
        return None;
    }
    assert!(asked.allowed, "{asked:?}");
    let of = |name: &str| {
        let found = asked.limits.iter().find(|status| status.name == name);
        found.map(|status| (status.limit, status.factor_hundredths))
    };
    assert_eq!(of("own"), Some((50, 500)), "five is more than two");
    assert_eq!(of("calls"), Some((20, 500)));
    Some((server, until))
}

#[tokio::test]
async fn an_incident_multiplies_by_five_while_it_is_open_and_forgives_nothing_after() {
    let (server, until) = once_quick("a charge while an incident is open", use_an_incident).await;
    let client = server.client().await;
    // Once it is over, the boost of two is left, and 45 are used of 20.
    let after = time::until("the end of the incident", || async {
        let answer = client.ask(ask("k").of("o").look()).await;
        (answer.limit == 20).then_some(answer)
    })
    .await;
    assert!(decided_at(&after.decision_id) >= until, "it ended too early");
    let own = limit_of(&client, "", "own").await;
    assert_eq!((own.used, own.remaining), (45, 0), "nothing is forgiven");
    client.denied(ask("k").of("o").costing(4), Reason::RateLimited).await;
}
