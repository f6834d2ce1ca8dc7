//! External authorization: a policy of ours decides about every request of Envoy, without rules or descriptors.

use serde_json::Value;

use super::config::{self, Door, Limits};
use super::envoy::Envoy;
use super::upstream::Upstream;
use crate::harness::{Launch, Server};

const POLICY: &str = "
version: 1
defaults: { plan: shop }
headers: [x-ratelimit-unix]
plans:
  shop:
    limits: [{ name: per-key, per: key, limit: 10, window: 1d }]
endpoints:
  - match: POST /orders/{id}
    cost_factor: 4
";

async fn chain(deny_on_failure: bool) -> (Server, Envoy, Upstream) {
    let server = Launch::with(POLICY).start();
    let upstream = Upstream::http().await;
    let filter = format!(
        "{{ name: envoy.filters.http.ext_authz, typed_config: {{
            '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz,
            transport_api_version: V3, failure_mode_allow: {},
            grpc_service: {{ timeout: 30s, envoy_grpc: {{ cluster_name: quorate }} }} }} }}",
        !deny_on_failure
    );
    let config = config::http(
        &Door::Tcp(server.grpc()),
        upstream.address,
        Limits::OfTheRoute("[]"),
        &[&filter],
    );
    let envoy = Envoy::start(&config).await;
    (server, envoy, upstream)
}

async fn order(envoy: &Envoy, path: &str, key: &str) -> crate::harness::http::Reply {
    let headers = [("x-api-key", key)];
    let method = http::Method::POST;
    crate::harness::http::send(envoy.at("http"), method, path, &headers, bytes::Bytes::new()).await
}

#[tokio::test]
async fn a_request_is_decided_by_the_policy_at_the_price_of_its_endpoint() {
    let (_server, envoy, upstream) = chain(true).await;
    // Four units each: the third has two left.
    assert_eq!(order(&envoy, "/orders/1", "a").await.status, 200);
    let second = order(&envoy, "/orders/2?note=x", "a").await;
    assert_eq!(second.status, 200);
    assert_eq!(second.header("x-ratelimit-remaining"), "2", "{second:?}");
    let denied = order(&envoy, "/orders/3", "a").await;
    assert_eq!(denied.status, 429, "{denied:?}");
    let retry_after: u64 = denied.header("retry-after").parse().expect("seconds");
    // A window forgets in steps, so a little after the day.
    assert!((1..=25 * 60 * 60).contains(&retry_after), "{retry_after}");
    let body: Value = denied.json();
    assert_eq!(body["error"]["code"], "RATE_LIMITED", "{body}");
    // What costs one still passes, and another key has its own.
    assert_eq!(envoy.get("/list", &[("x-api-key", "a")]).await.status, 200);
    assert_eq!(order(&envoy, "/orders/4", "b").await.status, 200);
    assert_eq!(upstream.served(), 4, "what is denied does not reach the service");
}

#[tokio::test]
async fn an_endpoint_has_its_price_however_its_path_is_spelt() {
    let (_server, envoy, upstream) = chain(true).await;
    let spelt = [
        "/orders/1",
        "//orders/1",
        "/orders//1",
        "/./orders/1",
        "/list/../orders/1",
        "/list/%2e%2e/orders/1",
        "/ord%65rs/1",
    ];
    for (place, path) in spelt.into_iter().enumerate() {
        // Each with a key of its own: four of its ten units are gone.
        let reply = order(&envoy, path, &format!("k{place}")).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert_eq!(reply.header("x-ratelimit-remaining"), "6", "{path}: {reply:?}");
    }
    for path in ["/orders%2F1", "/orders%5c1"] {
        assert_eq!(order(&envoy, path, "a").await.status, 400, "{path}");
    }
    assert_eq!(upstream.served(), 7, "an escaped slash does not reach the service");
}

#[tokio::test]
async fn with_the_server_away_the_filter_decides() {
    for (deny, expected) in [(true, 403), (false, 200)] {
        let (server, envoy, _upstream) = chain(deny).await;
        drop(server);
        assert_eq!(
            envoy.get("/list", &[("x-api-key", "a")]).await.status.as_u16(),
            expected
        );
    }
}
