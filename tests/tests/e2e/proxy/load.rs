//! A load of 500 requests a second: changes of the rules fail none of them, and within Envoy's default 20 ms nearly all
//! are decided.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::config::Asking;
use super::envoy::Envoy;
use super::nothing::Nothing;
use super::pace::{Load, Reply, statuses};
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
    let statuses = statuses(&load.finish().await);
    let decided = |status| statuses.get(&status).copied().unwrap_or(0);
    assert_eq!(statuses.len(), 2, "only decisions: {statuses:?}");
    assert!(
        decided(StatusCode::OK) > 0 && decided(StatusCode::TOO_MANY_REQUESTS) > 0,
        "{statuses:?}"
    );
    assert_eq!(envoy.count("cluster.upstream.ratelimit.error").await, 0);
}

/// How long the load is to last with nearly everything decided.
const ROUND: Duration = Duration::from_secs(30);
/// How often that is tried: the machine may be busy with something else.
const ROUNDS: usize = 4;
/// How many requests of a round may go undecided: one of a thousand.
const UNDECIDED_MAX: u64 = 15;

/// How finely a busy machine and a slow server are told apart: a few of Envoy's time-outs.
const SLICE: Duration = Duration::from_millis(100);
/// In how many more slices than four times those of a service that does nothing our server may be the only one that was
/// late: a fortieth of all.
const ALONE_MAX: usize = 30;

/// Envoy as it is by default, but that it turns away what is not decided, so that it is seen.
async fn impatient(door: SocketAddr, upstream: &Upstream) -> Envoy {
    let mut asking = Asking::of(door, API_KEY);
    asking.timeout = "0.02s";
    asking.failure_mode_deny = true;
    Envoy::start(&asking.before(upstream.address)).await
}

/// Whether a round had the whole load and nearly everything was decided.
fn held(replies: &[Reply]) -> bool {
    let statuses = statuses(replies);
    let count = |status| statuses.get(&status).copied().unwrap_or(0);
    let asked = u64::from(PER_SECOND) * ROUND.as_secs();
    count(StatusCode::OK) >= asked * 9 / 10 && count(StatusCode::INTERNAL_SERVER_ERROR) <= UNDECIDED_MAX
}

/// The slices of a round in which something went undecided.
fn late(replies: &[Reply], begun: Instant) -> BTreeSet<u128> {
    let undecided = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::INTERNAL_SERVER_ERROR);
    undecided
        .map(|reply| (reply.sent - begun).as_nanos() / SLICE.as_nanos())
        .collect()
}

/// Half a minute in which at most one request of a thousand goes undecided. If there is none the machine was busy, or the
/// server is slow: a busy machine holds up a service that does nothing as often, if at other moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nearly_everything_is_decided_within_20_ms() {
    let written = Rules::new(&rules(u32::MAX));
    let server = written.serve();
    let nothing = Nothing::start();
    let upstream = Upstream::http().await;
    let envoy = impatient(server.grpc(), &upstream).await;
    let beside = impatient(nothing.address, &upstream).await;
    let (mut alone, mut nothing_alone, mut nothing_held) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let load = Load::start(envoy.at("http"), PER_SECOND);
        let load_beside = Load::start(beside.at("http"), PER_SECOND);
        // tidy: allow sleep because the load is to last for a time
        tokio::time::sleep(ROUND).await;
        let (replies, replies_beside) = tokio::join!(load.finish(), load_beside.finish());
        let expected = [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR];
        assert!(
            replies.iter().all(|reply| expected.contains(&reply.status)),
            "{:?}",
            statuses(&replies)
        );
        if held(&replies) {
            return;
        }
        nothing_held += usize::from(held(&replies_beside));
        let (ours, of_nothing) = (late(&replies, begun), late(&replies_beside, begun));
        alone += ours.difference(&of_nothing).count();
        nothing_alone += of_nothing.difference(&ours).count();
        println!(
            "{:?}; late in {} slices, and a service that does nothing in {}",
            statuses(&replies),
            ours.len(),
            of_nothing.len()
        );
    }
    assert!(
        nothing_held < ROUNDS,
        "a service that does nothing was in time in every round"
    );
    assert!(
        alone <= 4 * nothing_alone + ALONE_MAX,
        "the server, not the machine, was too slow for Envoy: it alone in {alone} slices, a service that does nothing \
         alone in {nothing_alone}"
    );
}
