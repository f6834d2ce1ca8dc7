//! Explanations say what a decision would rest on.

use expect_test::{Expect, expect};
use quorate_core::time::Instant;

use super::{BOUNDS, Told, set};
use crate::checked::tests::mutations::{FULL, QUOTAS};
use crate::{PolicySet, REFERENCE_YAML};

fn explains(set: &PolicySet, line: &str, expected: &Expect) {
    let told = Told::parse(line);
    let hash = told.credential.map(|byte| [byte; 32]);
    let explanation = set
        .explain(&told.request(), BOUNDS, hash, Instant(told.now))
        .expect("well formed");
    expected.assert_eq(&explanation.to_string());
}

#[test]
fn of_the_reference_catalogue() {
    let set = set(REFERENCE_YAML);
    explains(
        &set,
        "ak_demo POST /api/v1/threats/scan",
        &expect![[r#"
            identity       key `ak_demo` is not declared, so it is its own org `ak_demo`, on the default plan `developer`
            endpoint       `POST /api/v1/threats/scan` is in the catalogue
            authorization  it may ask
            price          1 × factor 5 = 5 requests
            limits         5 are looked at; all are charged or none is
                           - per-minute: 60 units of requests in any 1m, per key, lifted by the burst; this request: 5
                           - per-hour: 1000 units of requests in any 1h, per key; this request: 5
                           - burst: 10 units of requests in any 1m, per key, bounds what one key draws from the pool; this request: at most 5
                           - pool: a bucket of 200 units of requests, of which 200 come back every 1h, per org, lends what the lifted limits lack; this request: at most 5
                           - scan-per-minute: 20 calls in any 1m, per key and endpoint; this request: 1
        "#]],
    );
    explains(
        &set,
        "k@ent POST /api/v1/jobs cost=3",
        &expect![[r#"
            identity       key `k` is not declared, of org `ent`, on plan `enterprise`
            endpoint       `POST /api/v1/jobs` is in the catalogue
            authorization  it may ask
            price          3 × factor 1 = 3 requests
            limits         4 are looked at; all are charged or none is
                           - per-minute: 2000 units of requests in any 1m, per key, lifted by the burst; this request: 3
                           - per-hour: 100000 units of requests in any 1h, per key; this request: 3
                           - burst: 200 units of requests in any 1m, per key, bounds what one key draws from the pool; this request: at most 3
                           - pool: a bucket of 20000 units of requests, of which 20000 come back every 1h, per org, lends what the lifted limits lack; this request: at most 3
            slot           slots are unlimited on this plan
        "#]],
    );
    explains(
        &set,
        "k@dev POST /api/v1/jobs cost=0",
        &expect![[r#"
            identity       key `k` is not declared, of org `dev`, on plan `developer`
            endpoint       `POST /api/v1/jobs` is in the catalogue
            authorization  it may ask
            price          1 × factor 1 = 1 requests; only a look: nothing would be charged
            limits         4 are looked at; all are charged or none is
                           - per-minute: 60 units of requests in any 1m, per key, lifted by the burst; this request: 1
                           - per-hour: 1000 units of requests in any 1h, per key; this request: 1
                           - burst: 10 units of requests in any 1m, per key, bounds what one key draws from the pool; this request: at most 1
                           - pool: a bucket of 200 units of requests, of which 200 come back every 1h, per org, lends what the lifted limits lack; this request: at most 1
            slot           an allowed call holds one of 50 slots `async` of the key, for at most 15m
        "#]],
    );
}

#[test]
fn of_what_is_denied_or_unknown_to_the_catalogue() {
    let set = set(REFERENCE_YAML);
    explains(
        &set,
        "k GET /api/v1/compliance/audit",
        &expect![[r#"
        identity       key `k` is not declared, so it is its own org `k`, on the default plan `developer`
        endpoint       `GET /api/v1/compliance/audit` is in the catalogue
        authorization  denied, and nothing charged: SCOPE_MISSING, the endpoint requires a scope that neither key nor caller has
    "#]],
    );
    explains(
        &set,
        "k GET /nowhere\u{1b}[2J",
        &expect![[r#"
            identity       key `k` is not declared, so it is its own org `k`, on the default plan `developer`
            endpoint       nothing matches `GET /nowhere\u{1b}[2J`, so it is `other`: factor 1, the plan's limits only
            authorization  it may ask
            price          1 × factor 1 = 1 requests
            limits         4 are looked at; all are charged or none is
                           - per-minute: 60 units of requests in any 1m, per key, lifted by the burst; this request: 1
                           - per-hour: 1000 units of requests in any 1h, per key; this request: 1
                           - burst: 10 units of requests in any 1m, per key, bounds what one key draws from the pool; this request: at most 1
                           - pool: a bucket of 200 units of requests, of which 200 come back every 1h, per org, lends what the lifted limits lack; this request: at most 1
        "#]],
    );
}

#[test]
fn of_everything_else() {
    let set = set(FULL);
    // During the boosts and the incident of January 2026.
    explains(
        &set,
        "ak_acme_ci POST /api/v1/threats/scan tokens=3 env=prod @user=u now=1767225600000000000",
        &expect![[r#"
            identity       key `ak_acme_ci` is declared, of org `acme`, on plan `developer`
            endpoint       `POST /api/v1/threats/scan` is in the catalogue
            authorization  it may ask
            price          1 × factor 5 = 5 requests, 3 tokens (the caller's amount)
            factors        boosts or incidents are in force, the largest of factor 5
            limits         10 are looked at; all are charged or none is
                           - per-minute: 300 units of requests in any 1m, per key, lifted by the burst, 60 × 5; this request: 5
                           - per-hour: 5000 units of requests in any 1h, per key, 1000 × 5; this request: 5
                           - per-user: 2500 units of requests in any 1h, per attribute user, 500 × 5, in shadow mode; this request: 5
                           - per-org: 50000 units of requests per aligned 1m, per org, 10000 × 5; this request: 5
                           - per-endpoint: 500 units of requests in any 1s, per endpoint, 100 × 5; this request: 5
                           - tokens: a bucket of 2500 units of tokens, of which 25 come back every 1s, per org, 500 × 5; this request: 3
                           - gpu: 2500 units of gpu_seconds in any 1d, per org, 500 × 5; this request: 0
                           - burst: 10 units of requests in any 1m, per key, bounds what one key draws from the pool; this request: at most 5
                           - pool: a bucket of 1000 units of requests, of which 1000 come back every 1h, per org, every unit is drawn from it, 200 × 5; this request: 5
                           - scan-per-minute: 100 calls in any 1m, per key and endpoint, 20 × 5; this request: 1
            quotas         3 are looked at; all are charged or none is
                           - monthly-tokens: 5000000 units of tokens per month from day 31 in Europe/Berlin, per org, never overspent; this request: 3
                           - daily: 100 units of requests per day in Europe/Berlin, per key, allowed beyond as overage, in shadow mode; this request: 5
                           - lifetime: 1000000000 units of requests in all, per org, never overspent; this request: 5
        "#]],
    );
    explains(
        &set,
        "new@acme",
        &expect![[r#"
        identity       key `new` is not declared, of org `acme`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  denied, and nothing charged: KEY_UNKNOWN, the key is not known, and the policy denies such keys here
    "#]],
    );
    explains(
        &set,
        "k POST /internal/webhooks/x/y",
        &expect![[r#"
        identity       key `k` is not declared, so it is its own org `k`, on the default plan `developer`
        endpoint       `POST /internal/webhooks/x/y` matches `POST /internal/webhooks/*`, the most specific entry that does
        authorization  exempt: metered, never denied
    "#]],
    );
    explains(
        &set,
        "k GET /api/v1/reports/7",
        &expect![[r#"
            identity       key `k` is not declared, so it is its own org `k`, on the default plan `developer`
            endpoint       `GET /api/v1/reports/7` matches `GET /api/v1/reports/{id}`, the most specific entry that does
            authorization  it may ask
            price          1 × factor 1 = 1 requests
            limits         8 are looked at; all are charged or none is
                           - per-minute: 60 units of requests in any 1m, per key, lifted by the burst; this request: 1
                           - per-hour: 1000 units of requests in any 1h, per key; this request: 1
                           - per-org: 10000 units of requests per aligned 1m, per org; this request: 1
                           - per-endpoint: 100 units of requests in any 1s, per endpoint; this request: 1
                           - tokens: a bucket of 500 units of tokens, of which 5 come back every 1s, per org; this request: 0
                           - gpu: 500 units of gpu_seconds in any 1d, per org; this request: 0
                           - burst: 10 units of requests in any 1m, per key, bounds what one key draws from the pool; this request: at most 1
                           - pool: a bucket of 200 units of requests, of which 200 come back every 1h, per org, every unit is drawn from it; this request: 1
            quotas         2 are looked at; all are charged or none is
                           - monthly-tokens: 5000000 units of tokens per month from day 31 in UTC, per org, never overspent; this request: 0
                           - daily: 100 units of requests per day in UTC, per key, soft for orgs that agreed to overage, hard for this one, in shadow mode; this request: 1
        "#]],
    );
    explains(
        &set,
        "k credential=9",
        &expect![[r#"
        identity       the credential is of no declared key, of no org
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  denied, and nothing charged: KEY_UNKNOWN, the key is not known, and the policy denies such keys here
    "#]],
    );
    explains(
        &set,
        "k@beta",
        &expect![[r#"
        identity       key `k` is not declared, of org `beta`, on plan `trial`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  denied, and nothing charged: PAUSED, the key or org is paused
    "#]],
    );
}

#[test]
fn of_quotas() {
    let set = set(QUOTAS);
    explains(
        &set,
        "k@gamma cost=2",
        &expect![[r#"
        identity       key `k` is not declared, of org `gamma`, on plan `starter`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  it may ask
        price          2 × factor 1 = 2 requests
        limits         one must have room
                       - per-minute: 60 units of requests in any 1m, per key; this request: 2
        quotas         3 are looked at; all are charged or none is
                       - monthly: 100000 units of requests per month in UTC, per org, never overspent; this request: 2
                       - key-daily: 10000 units of requests per day in UTC, per key, never overspent; this request: 2
                       - trial: 500000 units of requests in all, per org, never overspent; this request: 2
    "#]],
    );
    explains(
        &set,
        "acme-prod POST /v1/completions",
        &expect![[r#"
        identity       key `acme-prod` is declared, of org `acme`, on plan `business`
        endpoint       `POST /v1/completions` is in the catalogue
        authorization  it may ask
        price          1 × factor 1 = 1 requests, 500 tokens (the endpoint's price)
        limits         one must have room
                       - per-minute: 600 units of requests in any 1m, per key; this request: 1
        quotas         one must have room
                       - monthly-tokens: 5000000 units of tokens per month from day 15 in Europe/Berlin, per org, allowed beyond as overage; this request: 500
    "#]],
    );
    explains(
        &set,
        "beta-prod tokens=7",
        &expect![[r#"
        identity       key `beta-prod` is declared, of org `beta`, on plan `business`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  it may ask
        price          1 × factor 1 = 1 requests, 7 tokens (the caller's amount)
        limits         one must have room
                       - per-minute: 600 units of requests in any 1m, per key; this request: 1
        quotas         one must have room
                       - monthly-tokens: 5000000 units of tokens per month from day 15 in UTC, per org, soft for orgs that agreed to overage, hard for this one; this request: 7
    "#]],
    );
    let told = Told::parse("acme-prod");
    let mut request = told.request();
    request.refund = true;
    let explanation = set.explain(&request, BOUNDS, None, Instant(0)).expect("well formed");
    let json = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(json["quotas"][0]["name"], "monthly-tokens");
    let texts: Vec<&str> = explanation.steps.iter().map(|step| &*step.text).collect();
    assert!(texts.contains(&"1 would be given back to"), "{texts:?}");
}

#[test]
fn of_prices_of_nothing() {
    let set = set("
version: 1
defaults: { plan: p }
plans: { p: {} }
endpoints:
  - { match: GET /dear, cost_factor: 3, amounts: { tokens: 50 } }
");
    explains(
        &set,
        "k cost=0",
        &expect![[r#"
        identity       key `k` is not declared, so it is its own org `k`, on the default plan `p`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  it may ask
        price          1 × factor 1 = 1 requests; only a look: nothing would be charged
        limits         none applies
    "#]],
    );
    explains(
        &set,
        "k GET /dear cost=0",
        &expect![[r#"
        identity       key `k` is not declared, so it is its own org `k`, on the default plan `p`
        endpoint       `GET /dear` is in the catalogue
        authorization  it may ask
        price          0 × factor 3 = 0 requests, 50 tokens (the endpoint's price)
        limits         none applies
    "#]],
    );
    explains(
        &set,
        "k GET /dear cost=0 tokens=0",
        &expect![[r#"
        identity       key `k` is not declared, so it is its own org `k`, on the default plan `p`
        endpoint       `GET /dear` is in the catalogue
        authorization  it may ask
        price          1 × factor 3 = 3 requests; only a look: nothing would be charged
        limits         none applies
    "#]],
    );
}

#[test]
fn of_quotas_per_attributes() {
    let set = set(super::quotas::POLICY);
    explains(
        &set,
        "k@agreed",
        &expect![[r#"
        identity       key `k` is not declared, of org `agreed`, on plan `p`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  it may ask
        price          1 × factor 1 = 1 requests
        limits         one must have room
                       - l: 5 units of requests in any 1m, per key; this request: 1
        quotas         3 are looked at; all are charged or none is
                       - month: 100 units of tokens per month from day 31 in Europe/Berlin, per org, never overspent; this request: 0
                       - dry: 10 units of requests per hour in Europe/Berlin, per key, never overspent, in shadow mode; this request: 1
                       - own: 7 units of requests in all, per key, allowed beyond as overage; this request: 1
    "#]],
    );
    explains(
        &set,
        "k@agreed @user=u",
        &expect![[r#"
        identity       key `k` is not declared, of org `agreed`, on plan `p`
        endpoint       none is named, so it is `other`: factor 1, the plan's limits only
        authorization  it may ask
        price          1 × factor 1 = 1 requests
        limits         one must have room
                       - l: 5 units of requests in any 1m, per key; this request: 1
        quotas         4 are looked at; all are charged or none is
                       - month: 100 units of tokens per month from day 31 in Europe/Berlin, per org, never overspent; this request: 0
                       - each: 10 units of requests per week in Europe/Berlin, per key and endpoint and attribute user, allowed beyond as overage; this request: 1
                       - dry: 10 units of requests per hour in Europe/Berlin, per key, never overspent, in shadow mode; this request: 1
                       - own: 7 units of requests in all, per key, allowed beyond as overage; this request: 1
    "#]],
    );
}

#[test]
fn as_json() {
    let set = set(REFERENCE_YAML);
    let told = Told::parse("k GET /api/v1/webhooks");
    let explanation = set
        .explain(&told.request(), BOUNDS, None, Instant(0))
        .expect("well formed");
    let json = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(json["endpoint"], "GET /api/v1/webhooks");
    assert_eq!(json["limits"][0]["name"], "per-minute");
    assert_eq!(json["steps"][0]["stage"], "identity");
}
