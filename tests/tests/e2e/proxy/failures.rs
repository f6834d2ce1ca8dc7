//! A server that is away: Envoy's `failure_mode_deny` decides, and a server that is back is asked again.

use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;

use super::config::{Asking, Door};
use super::envoy::Envoy;
use super::rules::Rules;
use super::upstream::Upstream;
use crate::harness::time;

const RULES: &str = "
domain: shop
descriptors:
  - key: api_key
    rate_limit: { unit: year, requests_per_unit: 1 }
";

const API_KEY: &str = "[{ actions: [{ request_headers: { header_name: x-api-key, descriptor_key: api_key } }] }]";

/// Where nobody listens. Not a port that is free now: it may be another test's in a moment.
pub fn nobody() -> Door {
    Door::Unix(PathBuf::from("/nonexistent/grpc.sock"))
}

/// Statuses with the server there, and after it has gone.
async fn before_and_after(deny: bool) -> (Vec<u16>, u16) {
    let rules = Rules::new(RULES);
    let mut server = rules.serve_with(&["--drain-delay", "0"]);
    let upstream = Upstream::http().await;
    let mut asking = Asking::of(server.grpc(), API_KEY);
    asking.failure_mode_deny = deny;
    let envoy = Envoy::start(&asking.before(upstream.address)).await;
    let status = async || envoy.get("/", &[("x-api-key", "a")]).await.status.as_u16();
    let before = vec![status().await, status().await];
    server.signal(Signal::TERM);
    server.wait();
    let after = status().await;
    envoy.has_counted("cluster.upstream.ratelimit.error", 1).await;
    let passed = envoy.count("cluster.upstream.ratelimit.failure_mode_allowed").await;
    assert_eq!(passed, u64::from(!deny));
    (before, after)
}

#[tokio::test]
async fn with_the_server_stopped_requests_pass_unless_the_filter_denies() {
    assert_eq!(before_and_after(false).await, (vec![200, 429], 200));
    assert_eq!(before_and_after(true).await, (vec![200, 429], 500));
}

#[tokio::test]
async fn a_server_that_stands_still_is_waited_for_no_longer_than_the_timeout() {
    let rules = Rules::new(RULES);
    let server = rules.serve();
    let upstream = Upstream::http().await;
    for (deny, expected) in [(false, 200), (true, 500)] {
        let mut asking = Asking::of(server.grpc(), API_KEY);
        asking.timeout = "0.02s";
        asking.failure_mode_deny = deny;
        let envoy = Envoy::start(&asking.before(upstream.address)).await;
        server.halt();
        assert_eq!(envoy.get("/", &[("x-api-key", "b")]).await.status.as_u16(), expected);
        envoy.has_counted("cluster.upstream.ratelimit.error", 1).await;
        server.resume();
    }
}

#[tokio::test]
async fn a_server_that_is_back_is_asked_again() {
    let rules = Rules::new(RULES);
    // A socket of its own: a port could be another test's by the time that the server comes back.
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("grpc.sock");
    let serve = || rules.serve_with(&["--uds", &socket.display().to_string()]);
    let first = serve();
    let upstream = Upstream::http().await;
    let mut asking = Asking::of(first.grpc(), API_KEY);
    asking.door = Door::Unix(socket.clone());
    asking.failure_mode_deny = true;
    let envoy = Envoy::start(&asking.before(upstream.address)).await;
    let key = [("x-api-key", "a")];
    assert_eq!(envoy.get("/", &key).await.status, 200);
    drop(first);
    assert_eq!(envoy.get("/", &key).await.status, 500);
    let _second = serve();
    // A new life has new counters: one passes, and then the limit holds.
    time::eventually("an answer of the new server", || async {
        (envoy.get("/", &key).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(envoy.get("/", &key).await.status, 429);
}
