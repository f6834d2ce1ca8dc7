//! Soft quotas, shadow quotas, and what an account may belong to.

use quorate_api::v1::{Include, Reason};

use super::{denied, folder, passes, quota, serve, spend_rest};
use crate::harness::{AskExt, Client, ask};

const AGREED: &str = "orgs:
  acme:
    overage: { agreed_by: Ann Lee, agreed_at: 2026-01-31T08:00:00Z }
keys: { k: { org: acme }, other: { org: acme } }
";

#[tokio::test]
async fn beyond_a_soft_quota_it_goes_on_and_every_unit_is_told() {
    let folder = folder();
    let plan = quota("per: org, limit: 10, period: month, kind: soft");
    let server = serve(format!("{plan}{AGREED}"), &folder);
    let client = server.client().await;
    let mut told = Vec::new();
    for cost in [4, 4, 4, 5, 1] {
        told.push(passes(&client, &ask("k").costing(cost)).await.overage_units);
    }
    assert_eq!(told, [0, 0, 2, 5, 1]);
    // A cost larger than the whole quota passes too.
    assert_eq!(passes(&client, &ask("k").costing(50)).await.overage_units, 50);
}

#[tokio::test]
async fn overage_is_counted_to_the_unit_by_many_callers() {
    let folder = folder();
    let plan = quota("per: org, limit: 500, period: month, kind: soft");
    let server = serve(format!("{plan}{AGREED}"), &folder);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let client = server.client().await;
        callers.spawn(async move {
            let mut overage = 0;
            for _ in 0..150 {
                overage += passes(&client, &ask("k")).await.overage_units;
            }
            overage
        });
    }
    let mut overage = 0;
    while let Some(told) = callers.join_next().await {
        overage += told.expect("no caller fails");
    }
    assert_eq!(overage, 6 * 150 - 500);
}

#[tokio::test]
async fn without_an_agreement_a_soft_quota_is_hard() {
    let folder = folder();
    let server = serve(quota("per: org, limit: 10, period: month, kind: soft"), &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 4).await, 10);
    denied(&client, &ask("k").of("o"), Reason::QuotaExhausted).await;
}

#[tokio::test]
async fn a_shadow_quota_tells_what_it_would_have_denied() {
    let folder = folder();
    let server = serve(quota("per: org, limit: 3, period: month, mode: shadow"), &folder);
    let client = server.client().await;
    let shadowed = |answer: &quorate_api::v1::ShouldAllowResponse| answer.shadow_denied == ["q"];
    // Units that are on their way are not counted by requests that do not wait for them: some more than three.
    let mut passed = 0;
    loop {
        let answer = client.allowed(ask("k").of("o").with(Include::Shadow)).await;
        if shadowed(&answer) {
            break;
        }
        passed += 1;
        assert!(passed < 100_000, "it never would have denied");
    }
    assert!(passed >= 3);
    let never = client.allowed(ask("k").of("o").costing(4).with(Include::Shadow)).await;
    assert!(shadowed(&never));
}

async fn three_and_no_more(client: &Client, request: quorate_api::v1::ShouldAllowRequest) {
    assert_eq!(spend_rest(client, &request, 3).await, 3, "{request:?}");
}

#[tokio::test]
async fn an_account_belongs_to_what_the_quota_names() {
    let folder = folder();
    let fields = |per: &str| quota(&format!("per: {per}, limit: 3, period: month"));
    {
        let server = serve(fields("key"), &folder);
        let client = server.client().await;
        three_and_no_more(&client, ask("a").of("o")).await;
        three_and_no_more(&client, ask("b").of("o")).await;
    }
    {
        let endpoints = "endpoints: [{ match: GET /a }, { match: GET /b }]\n";
        let server = serve(format!("{}{endpoints}", fields("endpoint")), &folder);
        let client = server.client().await;
        three_and_no_more(&client, ask("a").of("o").at("GET /a")).await;
        three_and_no_more(&client, ask("b").of("o").at("GET /b")).await;
        denied(&client, &ask("c").of("o").at("GET /b"), Reason::QuotaExhausted).await;
    }
    {
        let server = serve(fields("attribute.team"), &folder);
        let client = server.client().await;
        three_and_no_more(&client, ask("a").of("o").attribute("team", "red")).await;
        three_and_no_more(&client, ask("a").of("o").attribute("team", "blue")).await;
        // What lacks the attribute does not meet the quota.
        for _ in 0..5 {
            client.allowed(ask("a").of("o")).await;
        }
    }
    {
        let server = serve(fields("[key, attribute.team]"), &folder);
        let client = server.client().await;
        three_and_no_more(&client, ask("x").of("o").attribute("team", "red")).await;
        three_and_no_more(&client, ask("y").of("o").attribute("team", "red")).await;
    }
}

#[tokio::test]
async fn another_meter_is_counted_in_its_own_units() {
    let folder = folder();
    let plan = quota("per: org, limit: 1000, period: month, meter: tokens");
    let server = serve(plan, &folder);
    let client = server.client().await;
    let using = |tokens| ask("k").of("o").using("tokens", tokens);
    passes(&client, &using(600)).await;
    denied(&client, &using(401), Reason::QuotaExhausted).await;
    denied(&client, &using(1_001), Reason::CostExceedsLimit).await;
    passes(&client, &using(400)).await;
    denied(&client, &using(1), Reason::QuotaExhausted).await;
    // Requests that use none of them do not meet it.
    client.allowed(ask("k").of("o")).await;
}

#[tokio::test]
async fn several_quotas_are_all_charged_or_none() {
    let folder = folder();
    let plan = crate::harness::policy::plan(
        "quotas:\n\
         - { name: org, per: org, limit: 10, period: month }\n\
         - { name: key, per: key, limit: 4, period: day }",
    );
    let server = serve(plan, &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("a").of("o"), 4).await, 4);
    let answer = denied(&client, &ask("a").of("o"), Reason::QuotaExhausted).await;
    assert_eq!(answer.limit_name, "key");
    assert_eq!(spend_rest(&client, &ask("b").of("o"), 4).await, 4);
    assert_eq!(spend_rest(&client, &ask("c").of("o"), 4).await, 2);
    let answer = denied(&client, &ask("c").of("o"), Reason::QuotaExhausted).await;
    assert_eq!(answer.limit_name, "org");
    assert_eq!(client.used(ask("c").of("o"), "key").await, 2);
}
