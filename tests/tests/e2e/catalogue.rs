//! The reference catalogue, as it ships: the twelve cells of the plan table, the four endpoints, and the scans.

use quorate_api::v1::{ChargeMode, Include, Reason, ShouldAllowRequest};

use crate::harness::{AskExt, Client, Launch, ask, policy};

const SCAN: &str = "POST /api/v1/threats/scan";
const REPORT: &str = "POST /api/v1/reports/generate";
const WEBHOOKS: &str = "GET /api/v1/webhooks";
const AUDIT: &str = "GET /api/v1/compliance/audit";
const JOBS: &str = "POST /api/v1/jobs";

const HOUR_NS: u64 = 3_600_000_000_000;
const MINUTE_NS: u64 = 60_000_000_000;

/// Asks the same as often as said, in as few calls as possible, and counts the answers that pass.
async fn passes(client: &Client, request: &ShouldAllowRequest, times: usize) -> usize {
    let mut passed = 0;
    let mut left = times;
    while left > 0 {
        let now = left.min(1_000);
        let answers = client.each(vec![request.clone(); now]).await.responses;
        assert_eq!(answers.len(), now);
        passed += answers.iter().filter(|answer| answer.allowed).count();
        left -= now;
    }
    passed
}

/// The catalogue with its hours only: the minute would always bind first, and nobody wants to wait for an hour.
fn hours_only() -> String {
    let reference = policy::reference();
    let lines = reference.lines().filter(|line| {
        !["name: per-minute", "burst:", "pool:"]
            .iter()
            .any(|gone| line.contains(gone))
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn minutes_and_bursts_of_every_plan() {
    let server = Launch::plain().start();
    let client = server.client().await;
    for (org, minute, burst) in [("dev", 60, 10), ("pro", 300, 50), ("ent", 2_000, 200)] {
        let request = ask("k").of(org);
        assert_eq!(passes(&client, &request, minute).await, minute, "{org}: its own");
        let look = client.ask(request.clone().look()).await;
        assert_eq!(look.remaining, 0, "{org}: nothing of its own is left");
        assert_eq!(look.burst_remaining, u64::try_from(burst).expect("small"), "{org}");

        let lent = client.each(vec![request.clone(); burst]).await;
        assert!(lent.all_allowed, "{org}: the pool lends {burst}");
        assert!(lent.responses.iter().all(|answer| answer.pool_units == 1), "{org}");

        let denied = client.denied(request.clone(), Reason::RateLimited).await;
        assert_eq!(denied.limit_name, "per-minute", "{org}");
        assert_eq!(denied.limit, u64::try_from(minute).expect("small"), "{org}");
        assert_eq!(denied.window_ns, MINUTE_NS, "{org}");
        assert!(denied.retryable && denied.retry_after_ns <= MINUTE_NS, "{denied:?}");
    }
}

#[tokio::test]
async fn hours_of_every_plan() {
    let server = Launch::with(hours_only()).start();
    let client = server.client().await;
    for (org, hour, step) in [("dev", 1_000, 10), ("pro", 10_000, 100), ("ent", 100_000, 1_000)] {
        let step_of_it = ask("k").of(org).costing(step);
        assert_eq!(passes(&client, &step_of_it, 100).await, 100, "{org}: {hour} an hour");
        let denied = client.denied(ask("k").of(org), Reason::RateLimited).await;
        assert_eq!((denied.limit_name.as_str(), denied.limit), ("per-hour", hour), "{org}");
        assert_eq!(denied.window_ns, HOUR_NS, "{org}");
        assert!(denied.retry_after_ns > HOUR_NS - MINUTE_NS, "{org}: {denied:?}");
    }
}

#[tokio::test]
async fn the_hour_binds_in_the_catalogue_itself() {
    let server = Launch::plain().start();
    let client = server.client().await;
    for (org, hour) in [("dev", 1_000), ("pro", 10_000), ("ent", 100_000)] {
        let report = ask("k").of(org).mode(ChargeMode::Record);
        client.allowed(report.costing(hour - 1)).await;
        // The minute is over by far; the pool lends for minutes, and the hour has one left.
        let last = client.allowed(ask("k").of(org)).await;
        assert_eq!(last.pool_units, 1, "{org}");
        let denied = client.denied(ask("k").of(org), Reason::RateLimited).await;
        assert_eq!(
            (denied.limit_name.as_str(), denied.limit),
            ("per-hour", hour),
            "{org}: no pool lifts the hour"
        );
        assert!(denied.burst_remaining > 0, "{org}: though it has more to lend");
    }
}

#[tokio::test]
async fn queue_depths_of_every_plan() {
    let server = Launch::plain().start();
    let client = server.client().await;
    let job = ask("k").of("dev").at(JOBS);
    assert_eq!(passes(&client, &job, 50).await, 50);
    let denied = client.denied(job, Reason::ConcurrencyExceeded).await;
    assert!(denied.retryable, "a slot may come free");
    assert_eq!(denied.retry_after_ns, 0, "nobody knows when");

    // Five hundred jobs are more than the professional minute holds.
    let server = Launch::with(hours_only()).start();
    let client = server.client().await;
    let job = ask("k").of("pro").at(JOBS);
    assert_eq!(passes(&client, &job, 500).await, 500);
    client.denied(job, Reason::ConcurrencyExceeded).await;
    let job = ask("k").of("ent").at(JOBS);
    assert_eq!(passes(&client, &job, 3_000).await, 3_000, "enterprise has no depth");
    assert!(
        !client.ask(job).await.slot_held,
        "where there is no bound nothing is held"
    );
}

#[tokio::test]
async fn limits_and_prices_of_the_four_endpoints() {
    let server = Launch::plain().start();
    let client = server.client().await;
    let endpoints = [
        (SCAN, "scan-per-minute", 20, 5),
        (REPORT, "report-per-minute", 5, 8),
        (WEBHOOKS, "webhooks-per-minute", 120, 1),
        (AUDIT, "audit-per-minute", 10, 3),
    ];
    for (endpoint, limit, calls, factor) in endpoints {
        // Each with a key of its own: what the plan draws is looked at too.
        let request = ask(limit).of("ent").at(endpoint).scope("soc2");
        assert_eq!(passes(&client, &request, calls).await, calls, "{endpoint}");
        let denied = client.denied(request.clone(), Reason::RateLimited).await;
        assert_eq!(denied.limit_name, limit);
        assert_eq!(denied.limit, u64::try_from(calls).expect("small"), "{endpoint}");
        let drawn = client.used(request, "per-minute").await;
        assert_eq!(
            drawn,
            u64::try_from(calls * factor).expect("small"),
            "{endpoint} draws {factor} each"
        );
    }
}

#[tokio::test]
async fn the_method_matters_and_an_unknown_path_is_other() {
    let server = Launch::plain().start();
    let client = server.client().await;
    for endpoint in [
        "GET /api/v1/threats/scan",
        "POST /api/v1/nothing",
        "POST /api/v1/threats/scan/",
        "",
    ] {
        let request = ask("k")
            .of("dev")
            .at(endpoint)
            .with(Include::Policy)
            .with(Include::Limits);
        let answer = client.allowed(request.look()).await;
        let decided_by = answer.policy.expect("asked for");
        assert_eq!(decided_by.endpoint, "other", "{endpoint:?}");
        assert_eq!(decided_by.plan, "developer");
        assert!(
            answer.limits.iter().all(|limit| limit.name != "scan-per-minute"),
            "{endpoint:?}"
        );
    }
    // What nothing matches costs 1 and meets the plan's limits only.
    assert_eq!(passes(&client, &ask("k").of("dev").at("GET /anything"), 71).await, 70);
    let scan = client
        .allowed(ask("other").of("dev").at(SCAN).with(Include::Policy))
        .await;
    assert_eq!(scan.policy.expect("asked for").endpoint, SCAN);
}

#[tokio::test]
async fn twelve_scans_of_its_own_two_from_the_pool_and_no_fifteenth() {
    let server = Launch::plain().start();
    let client = server.client().await;
    let scan = ask("k").of("dev").at(SCAN).with(Include::Limits);
    for number in 1..=12 {
        let answer = client.allowed(scan.clone()).await;
        assert_eq!(answer.pool_units, 0, "scan {number} is its own");
    }
    for number in 13..=14 {
        let answer = client.allowed(scan.clone()).await;
        assert_eq!(answer.pool_units, 5, "scan {number} is from the pool");
    }
    let denied = client.denied(scan.clone(), Reason::RateLimited).await;
    assert_eq!(denied.limit_name, "per-minute");
    assert_eq!(denied.burst_remaining, 0, "the allowance of ten is spent");
    // The endpoint's own limit counts calls, and the pool has lent ten.
    assert_eq!(client.used(scan.clone(), "scan-per-minute").await, 14);
    assert_eq!(client.used(scan.clone(), "per-minute").await, 60);
    assert_eq!(client.used(scan, "per-hour").await, 70);
}

#[tokio::test]
async fn without_a_pool_the_thirteenth_scan_is_denied() {
    let reference = policy::reference();
    let lines = reference
        .lines()
        .filter(|line| !line.contains("pool:") && !line.contains("burst:"));
    let server = Launch::with(lines.map(|line| format!("{line}\n")).collect::<String>()).start();
    let client = server.client().await;
    let scan = ask("k").of("dev").at(SCAN);
    assert_eq!(passes(&client, &scan, 12).await, 12);
    let denied = client.denied(scan, Reason::RateLimited).await;
    assert_eq!((denied.limit_name.as_str(), denied.pool_units), ("per-minute", 0));
}

#[tokio::test]
async fn with_an_empty_pool_the_thirteenth_scan_is_denied_and_others_keep_their_own() {
    let server = Launch::plain().start();
    let client = server.client().await;
    // Twenty keys empty the pool of 200, ten each.
    for key in 0..20 {
        let request = ask(&format!("k{key}")).of("dev");
        assert_eq!(passes(&client, &request, 70).await, 70);
    }
    let scan = ask("late").of("dev").at(SCAN);
    let allowed = passes(&client, &scan, 13).await;
    assert_eq!(allowed, 12, "an empty pool takes nothing away, and lends nothing");
    // Another org has a pool of its own.
    assert_eq!(passes(&client, &ask("late").of("elsewhere").at(SCAN), 15).await, 14);
}
