//! What a charge takes and gives back: looks, costs, amounts, refunds, modes, warnings, shadow.

use quorate_api::v1::{ChargeMode, Include, Reason};

use crate::harness::{AskExt, Launch, ask, policy};

/// Two limits of different sizes, and one on another meter.
fn three_limits() -> String {
    policy::plan(
        "limits:\n  \
           - { name: small, per: key, limit: 5, window: 1h }\n  \
           - { name: large, per: org, limit: 20, window: 1h }\n  \
           - { name: tokens, per: key, limit: 1_000, window: 1h, meter: tokens }",
    )
}

#[tokio::test]
async fn a_look_charges_nothing_and_judges_as_a_charge_would() {
    let server = Launch::with(three_limits()).start();
    let client = server.client().await;
    for _ in 0..20 {
        let look = client.allowed(ask("k").of("o").look()).await;
        assert_eq!((look.limit_name.as_str(), look.remaining), ("small", 5));
        client.allowed(ask("k").of("o").costing(0)).await;
        client.allowed(ask("k").of("o").costing(5).look()).await;
    }
    client
        .denied(ask("k").of("o").costing(6).look(), Reason::CostExceedsLimit)
        .await;
    assert_eq!(client.used(ask("k").of("o"), "small").await, 0);
    assert_eq!(client.used(ask("k").of("o"), "large").await, 0);
    // A look of cost 0 is judged as cost 1: it is denied where a request would be.
    client.allowed(ask("k").of("o").costing(5)).await;
    let denied = client.denied(ask("k").of("o").costing(0), Reason::RateLimited).await;
    assert!(denied.retry_after_ns > 0);
    client.denied(ask("k").of("o").look(), Reason::RateLimited).await;
    // A look of nothing but a meter's amount is judged for that amount.
    client
        .allowed(ask("k").of("o").costing(0).using("tokens", 10).look())
        .await;
}

/// Who asks for nothing of `requests` does not get the rest for nothing.
#[tokio::test]
async fn a_cost_of_nothing_pays_the_endpoints_price_on_other_meters() {
    let priced = three_limits() + "\nendpoints: [{ match: POST /dear, cost_factor: 3, amounts: { tokens: 600 } }]\n";
    let server = Launch::with(priced).start();
    let client = server.client().await;
    let dear = || ask("k").of("o").at("POST /dear").costing(0);
    client.allowed(dear()).await;
    assert_eq!(client.used(ask("k").of("o"), "tokens").await, 600);
    assert_eq!(client.used(ask("k").of("o"), "small").await, 0);
    client.denied(dear(), Reason::RateLimited).await;
    client.allowed(dear().using("tokens", 0)).await;
    assert_eq!(
        client.used(ask("k").of("o"), "tokens").await,
        600,
        "nothing at all is a look"
    );
}

#[tokio::test]
async fn a_denied_request_charges_nothing_anywhere() {
    let server = Launch::with(three_limits()).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(5).using("tokens", 1)).await;
    for _ in 0..50 {
        client
            .denied(ask("k").of("o").using("tokens", 1), Reason::RateLimited)
            .await;
    }
    assert_eq!(
        client.used(ask("k").of("o"), "large").await,
        5,
        "the larger limit took none of the fifty"
    );
    assert_eq!(client.used(ask("k").of("o"), "tokens").await, 1);
}

#[tokio::test]
async fn every_meter_is_charged_its_own_amount() {
    let priced = "version: 1\ndefaults: { plan: p }\nplans:\n  p:\n    limits:\n      \
        - { name: requests, per: key, limit: 100, window: 1h }\n      \
        - { name: compute, per: key, limit: 100, window: 1h, meter: compute_cost }\n      \
        - { name: credits, per: key, limit: 100, window: 1h, meter: credits }\n\
        meters: [credits]\n\
        endpoints:\n  - { match: POST /analyze, cost_factor: 3, amounts: { compute_cost: 50 } }";
    let server = Launch::with(priced).start();
    let client = server.client().await;
    let analyze = ask("k").of("o").at("POST /analyze");
    client.allowed(analyze.clone().costing(2).using("credits", 7)).await;
    assert_eq!(
        client.used(analyze.clone(), "requests").await,
        6,
        "the cost times the factor"
    );
    assert_eq!(
        client.used(analyze.clone(), "compute").await,
        50,
        "a price is never multiplied"
    );
    assert_eq!(client.used(analyze.clone(), "credits").await, 7);
    // The caller's own amount takes the place of the endpoint's price.
    client.allowed(analyze.clone().using("compute_cost", 49)).await;
    let denied = client
        .denied(analyze.using("compute_cost", 2), Reason::RateLimited)
        .await;
    assert_eq!((denied.limit_name.as_str(), denied.remaining), ("compute", 1));
}

#[tokio::test]
async fn a_refund_gives_back_and_never_more_than_was_used() {
    let server = Launch::with(three_limits()).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(5)).await;
    client.denied(ask("k").of("o"), Reason::RateLimited).await;
    client.allowed(ask("k").of("o").costing(2).refund()).await;
    assert_eq!(client.used(ask("k").of("o"), "small").await, 3);
    assert_eq!(client.used(ask("k").of("o"), "large").await, 3);
    client.allowed(ask("k").of("o").costing(2)).await;
    client.allowed(ask("k").of("o").costing(1_000).refund()).await;
    assert_eq!(client.used(ask("k").of("o"), "small").await, 0, "never below nothing");
    assert_eq!(
        client.count(&ask("k").of("o"), 20).await.0,
        5,
        "and never more than the limit"
    );
}

#[tokio::test]
async fn a_refund_returns_what_the_pool_lent_first() {
    let pooled = policy::plan(
        "limits: [{ name: own, per: key, limit: 4, window: 1h }]\n\
         burst: { allowance: 3, window: 1h }\n\
         pool: { capacity: 3, refill: 1, every: 100d }",
    );
    let server = Launch::with(pooled).start();
    let client = server.client().await;
    assert_eq!(client.allowed(ask("k").of("o").costing(6)).await.pool_units, 2);
    client.allowed(ask("k").of("o").costing(2).refund()).await;
    let look = client.ask(ask("k").of("o").look()).await;
    assert_eq!(look.burst_remaining, 3, "the two are back: {look:?}");
    assert_eq!(client.used(ask("k").of("o"), "own").await, 4, "its own are still used");
}

#[tokio::test]
async fn record_charges_beyond_the_limit_and_each_charges_what_has_room() {
    let server = Launch::with(three_limits()).start();
    let client = server.client().await;
    client
        .allowed(ask("r").of("one").costing(12).mode(ChargeMode::Record))
        .await;
    assert_eq!(client.used(ask("r").of("one"), "small").await, 12, "beyond its five");
    client.denied(ask("r").of("one"), Reason::RateLimited).await;

    client.allowed(ask("e").of("two").costing(5)).await;
    let each = ask("e").of("two").costing(2).mode(ChargeMode::Each);
    let denied = client.denied(each, Reason::RateLimited).await;
    assert_eq!(denied.limit_name, "small");
    assert_eq!(client.used(ask("e").of("two"), "large").await, 7, "it had room");
    assert_eq!(
        client.used(ask("e").of("two"), "small").await,
        7,
        "and the one that denied is charged as well"
    );
}

#[tokio::test]
async fn record_and_each_are_still_authorized() {
    let server = Launch::with(
        "version: 1\ndefaults: { plan: p }\nplans: { p: {} }\norgs: { o: {} }\nkeys: { k: { org: o, state: revoked } }",
    )
    .start();
    let client = server.client().await;
    for mode in [ChargeMode::Record, ChargeMode::Each] {
        client.denied(ask("k").mode(mode), Reason::KeyRevoked).await;
    }
    client.denied(ask("k").refund(), Reason::KeyRevoked).await;
}

#[tokio::test]
async fn the_answer_that_crosses_eighty_percent_carries_the_warning() {
    let warned = policy::plan(
        "limits:\n  \
           - { name: default, per: key, limit: 10, window: 1h }\n  \
           - { name: early, per: key, limit: 100, window: 1h, warn_at: 5% }\n  \
           - { name: silent, per: key, limit: 11, window: 1h, warn_at: never }",
    );
    let server = Launch::with(warned).start();
    let client = server.client().await;
    let mut seen = Vec::new();
    for _ in 0..10 {
        let warnings = client.allowed(ask("k").of("o")).await.warnings;
        seen.push(
            warnings
                .into_iter()
                .map(|warning| (warning.limit_name, warning.used_percent))
                .collect::<Vec<_>>(),
        );
    }
    let early = |percent| ("early".to_owned(), percent);
    let default = |percent| ("default".to_owned(), percent);
    assert!(seen[..4].iter().all(Vec::is_empty), "{seen:?}");
    assert_eq!(seen[4], [early(5)]);
    assert_eq!(seen[6], [early(7)]);
    assert_eq!(seen[7], [default(80), early(8)], "on the very answer that crosses");
    assert_eq!(seen[9], [default(100), early(10)]);
}

#[tokio::test]
async fn a_shadow_limit_never_denies_and_tells_what_it_would_have_done() {
    let shadowed = policy::plan(
        "limits:\n  \
           - { name: trial, per: key, limit: 3, window: 1h, mode: shadow }\n  \
           - { name: real, per: key, limit: 6, window: 1h }",
    );
    let server = Launch::with(shadowed).start();
    let client = server.client().await;
    let request = ask("k").of("o").with(Include::Shadow).with(Include::Limits);
    for _ in 0..3 {
        assert!(client.allowed(request.clone()).await.shadow_denied.is_empty());
    }
    for _ in 0..3 {
        let answer = client.allowed(request.clone()).await;
        assert_eq!(answer.shadow_denied, ["trial"]);
        assert_eq!(answer.limit_name, "real", "a shadow limit does not bind");
        let trial = answer
            .limits
            .iter()
            .find(|status| status.name == "trial")
            .expect("asked for");
        assert!(trial.shadow && trial.denied, "{trial:?}");
    }
    let denied = client.denied(request, Reason::RateLimited).await;
    assert_eq!(
        denied.limit_name, "real",
        "a shadow limit kept nothing from being charged"
    );
    assert!(
        client.ask(ask("k").of("o")).await.shadow_denied.is_empty(),
        "not asked for"
    );
    let would_deny = server.metric("quorate_shadow_denials_total", &["trial"]).await;
    assert_eq!(would_deny, 5, "three of eight had room");
}

#[tokio::test]
async fn a_plan_or_an_org_in_shadow_never_denies() {
    let policy = "version: 1\ndefaults: { plan: enforced }\nplans:\n  \
        enforced: { limits: [{ name: own, per: key, limit: 1, window: 1h }], slots: { s: 1 } }\n  \
        trial: { mode: shadow, limits: [{ name: own, per: key, limit: 1, window: 1h }], slots: { s: 1 } }\n\
        endpoints: [{ match: POST /jobs, slot: s }]\n\
        orgs: { watched: { plan: enforced, mode: shadow }, tried: { plan: trial } }";
    let server = Launch::with(policy).start();
    let client = server.client().await;
    for org in ["watched", "tried"] {
        for _ in 0..5 {
            client.allowed(ask("k").of(org)).await;
            client.allowed(ask("k").of(org).at("POST /jobs")).await;
        }
        let answer = client.allowed(ask("k").of(org).with(Include::Shadow)).await;
        assert_eq!(answer.shadow_denied, ["own"], "{org}");
    }
    assert_eq!(client.count(&ask("k").of("elsewhere"), 5).await.0, 1);
}

#[tokio::test]
async fn counters_belong_to_what_the_limit_says() {
    let scoped = "version: 1\ndefaults: { plan: p }\nplans:\n  p:\n    limits:\n      \
        - { name: of-org, per: org, limit: 4, window: 1h }\n      \
        - { name: of-user, per: attribute.user, limit: 2, window: 1h }\n      \
        - { name: of-key-and-ip, per: [key, attribute.ip], limit: 1, window: 1h }\n      \
        - { name: of-endpoint, per: endpoint, limit: 3, window: 1h }\n\
        endpoints: [{ match: GET /a }, { match: GET /b }]";
    let server = Launch::with(scoped).start();
    let client = server.client().await;
    let denied_by = |request| {
        let client = client.clone();
        async move { client.denied(request, Reason::RateLimited).await.limit_name }
    };
    // A limit per an attribute does not apply to a request that lacks it.
    for endpoint in ["GET /a", "GET /a", "GET /b", "GET /b"] {
        client.allowed(ask("k").of("o1").at(endpoint)).await;
    }
    assert_eq!(denied_by(ask("other").of("o1")).await, "of-org");
    for key in ["a", "b"] {
        client.allowed(ask(key).of("o2").attribute("user", "ann")).await;
    }
    assert_eq!(denied_by(ask("c").of("o2").attribute("user", "ann")).await, "of-user");
    client.allowed(ask("c").of("o2").attribute("user", "bob")).await;
    let at_home = ask("k").of("o3").attribute("ip", "192.0.2.1");
    client.allowed(at_home.clone()).await;
    assert_eq!(denied_by(at_home).await, "of-key-and-ip");
    client.allowed(ask("k").of("o3").attribute("ip", "192.0.2.2")).await;
    client.allowed(ask("l").of("o3").attribute("ip", "192.0.2.1")).await;
    for _ in 0..3 {
        client.allowed(ask("k").of("o4").at("GET /a")).await;
    }
    assert_eq!(denied_by(ask("k").of("o4").at("GET /a")).await, "of-endpoint");
    client.allowed(ask("k").of("o4").at("GET /b")).await;
}
