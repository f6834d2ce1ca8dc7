//! A load of 500 requests a second: changes of the rules fail none of them, and within Envoy's default 20 ms nearly all
//! are decided.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;

use super::config::Asking;
use super::envoy::Envoy;
use super::nothing;
use super::pace::Load;
use super::rules::Rules;
use super::upstream::Upstream;
use crate::harness::{Server, time};

const PER_SECOND: u32 = 500;

const API_KEY: &str = "[{ actions: [{ request_headers: { header_name: x-api-key, descriptor_key: api_key } }] }]";

fn rules(limit: u32) -> String {
    format!(
        "domain: shop\ndescriptors: [{{ key: api_key, rate_limit: {{ unit: year, requests_per_unit: {limit} }} }}]\n"
    )
}

/// How often the server has said that it has put rules in force.
async fn reloads(server: &Server) -> u64 {
    server.metric("quorate_envoy_rules_reloads_total", &["\"ok\""]).await
}

#[tokio::test]
async fn changes_of_the_rules_fail_no_request() {
    const CHANGES: u64 = 20;
    let written = Rules::new(&rules(u32::MAX));
    let server = written.serve();
    let upstream = Upstream::http().await;
    let mut asking = Asking::of(server.grpc(), API_KEY);
    // What is not decided is seen.
    asking.failure_mode_deny = true;
    let envoy = Envoy::start(&asking.before(upstream.address)).await;
    let load = Load::start(envoy.at("http"), PER_SECOND);
    for change in 0..CHANGES {
        let before = reloads(&server).await;
        // Now everything passes, now everything is over.
        written.replace(&rules(if change % 2 == 0 { 0 } else { u32::MAX }));
        time::eventually("a reload", || async { (reloads(&server).await > before).then_some(()) }).await;
    }
    let statuses = load.finish().await;
    let decided = |status| statuses.get(&status).copied().unwrap_or(0);
    assert_eq!(statuses.len(), 2, "only decisions: {statuses:?}");
    assert!(
        decided(StatusCode::OK) > 0 && decided(StatusCode::TOO_MANY_REQUESTS) > 0,
        "{statuses:?}"
    );
    assert_eq!(envoy.count("cluster.upstream.ratelimit.error").await, 0);
}

/// How long the load is to last with so few time-outs, in windows.
const WINDOW: Duration = Duration::from_secs(10);
const WINDOWS: usize = 3;
/// One of a thousand.
const TIMEOUTS_MAX: u64 = 15;
/// How many windows there are at most: the machine may be busy with something else for a while.
const WINDOWS_MAX: usize = 12;

/// What a window saw.
#[derive(Clone, Copy, Debug)]
struct Window {
    answered: u64,
    /// Of our server.
    timeouts: u64,
    /// Of a service that does nothing, asked by another Envoy at the same time.
    of_nothing: u64,
}

/// Whether so many windows in a row had the whole load and hardly a time-out.
fn lasted(windows: &[Window]) -> bool {
    windows.windows(WINDOWS).any(|three| {
        let answered: u64 = three.iter().map(|window| window.answered).sum();
        let timeouts: u64 = three.iter().map(|window| window.timeouts).sum();
        let asked = u64::from(PER_SECOND) * WINDOW.as_secs() * 3;
        answered >= asked * 9 / 10 && timeouts <= TIMEOUTS_MAX
    })
}

/// How many questions have timed out.
async fn timeouts(envoy: &Envoy) -> u64 {
    envoy.count("cluster.upstream.ratelimit.error").await
}

async fn impatient(door: SocketAddr, upstream: &Upstream) -> Envoy {
    let mut asking = Asking::of(door, API_KEY);
    asking.timeout = "0.02s";
    Envoy::start(&asking.before(upstream.address)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nearly_everything_is_decided_within_20_ms() {
    let written = Rules::new(&rules(u32::MAX));
    let server = written.serve();
    let upstream = Upstream::http().await;
    let envoy = impatient(server.grpc(), &upstream).await;
    let beside = impatient(nothing::serve().await, &upstream).await;
    let load = Load::start(envoy.at("http"), PER_SECOND);
    let load_beside = Load::start(beside.at("http"), PER_SECOND);
    let mut windows = Vec::new();
    while windows.len() < WINDOWS_MAX && !lasted(&windows) {
        let before = (load.answered(), timeouts(&envoy).await, timeouts(&beside).await);
        // tidy: allow sleep because the load is to last for a time
        tokio::time::sleep(WINDOW).await;
        windows.push(Window {
            answered: load.answered() - before.0,
            timeouts: timeouts(&envoy).await - before.1,
            of_nothing: timeouts(&beside).await - before.2,
        });
    }
    load_beside.finish().await;
    let statuses = load.finish().await;
    assert!(
        statuses.keys().eq([&StatusCode::OK]),
        "whatever timed out passed: {statuses:?}"
    );
    if lasted(&windows) {
        return;
    }
    // The machine was busy all the time, or the server is slow: then a service that does nothing is much quicker.
    let ours: u64 = windows.iter().map(|window| window.timeouts).sum();
    let of_nothing: u64 = windows.iter().map(|window| window.of_nothing).sum();
    assert!(
        ours <= 4 * of_nothing + 4 * TIMEOUTS_MAX,
        "the server, not the machine, was too slow for Envoy: {windows:?}"
    );
    // What the server itself took for its decisions has to do: one of a hundred may have met a pause of the machine.
    let slow = slower_than_10_ms(&server).await;
    let all = server
        .metric("quorate_decision_duration_seconds_count", &["envoy_rate_limit"])
        .await;
    assert!(
        slow * 100 <= all,
        "{slow} of {all} decisions took longer than 10 ms: {windows:?}"
    );
}

async fn slower_than_10_ms(server: &Server) -> u64 {
    let door = "envoy_rate_limit";
    let all = server.metric("quorate_decision_duration_seconds_count", &[door]).await;
    let quick = server
        .metric("quorate_decision_duration_seconds_bucket", &[door, "le=\"0.01\""])
        .await;
    all - quick
}
