//! The HTTP rate limit filter: what its actions make of a request, what it tells the client, and local limits beside ours.

use crate::harness::certificates::Authority;
use crate::harness::http::Reply;
use crate::harness::server::Server;

use super::config::{Asking, Door};
use super::envoy::Envoy;
use super::rules::Rules;
use super::upstream::Upstream;

/// A year is a window that no test sees the end of, but for one second of it.
const BY_KEY: &str = "
domain: shop
descriptors:
  - key: api_key
    rate_limit: { name: per-key, unit: year, requests_per_unit: 3 }
  - key: path
    value: /search*
    share_threshold: true
    rate_limit: { unit: year, requests_per_unit: 2 }
  - key: remote_address
    rate_limit: { unit: year, requests_per_unit: 5 }
  - key: tenant
    descriptors:
      - key: tier
        value: free
        rate_limit: { unit: year, requests_per_unit: 1 }
";

const API_KEY: &str = "[{ actions: [{ request_headers: { header_name: x-api-key, descriptor_key: api_key } }] }]";

/// A server, an Envoy and a service, wired by these limits.
struct Chain {
    envoy: Envoy,
    upstream: Upstream,
    // In use for as long as Envoy is.
    _server: Server,
    _rules: Rules,
}

impl Chain {
    async fn new(limits: &str) -> Self {
        Self::with(limits, |_| {}).await
    }

    async fn with(limits: &str, change: impl FnOnce(&mut Asking)) -> Self {
        let rules = Rules::new(BY_KEY);
        let server = rules.serve();
        let upstream = Upstream::http().await;
        let mut asking = Asking::of(server.grpc(), limits);
        change(&mut asking);
        let envoy = Envoy::start(&asking.before(upstream.address)).await;
        Self {
            envoy,
            upstream,
            _server: server,
            _rules: rules,
        }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        self.envoy.get(path, headers).await.status.as_u16()
    }

    /// Statuses of so many equal requests.
    async fn several(&self, count: usize, path: &str, headers: &[(&str, &str)]) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.get(path, headers).await);
        }
        statuses
    }

    /// That every request was decided: nothing passed because nobody answered.
    async fn decided(&self) {
        assert_eq!(self.envoy.count("cluster.upstream.ratelimit.error").await, 0);
    }
}

#[tokio::test]
async fn a_header_is_a_descriptor_and_the_client_is_told_what_is_left() {
    let chain = Chain::new(API_KEY).await;
    let key = [("x-api-key", "a")];
    for left in ["2", "1", "0"] {
        let reply = chain.envoy.get("/", &key).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("x-ratelimit-remaining"), left);
        assert_told(&reply);
    }
    let denied = chain.envoy.get("/", &key).await;
    assert_eq!(denied.status, 429, "{denied:?}");
    assert_eq!(denied.header("x-ratelimit-remaining"), "0");
    assert_eq!(denied.header("x-envoy-ratelimited"), "true");
    assert_told(&denied);
    // Another key has its own, and a request without one is not asked about.
    assert_eq!(chain.get("/", &[("x-api-key", "b")]).await, 200);
    let unasked = chain.envoy.get("/", &[]).await;
    assert_eq!(unasked.status, 200);
    assert!(!unasked.headers.contains_key("x-ratelimit-limit"), "{unasked:?}");
    assert_eq!(chain.upstream.served(), 5, "what is denied does not reach the service");
    chain
        .envoy
        .has_counted("cluster.upstream.ratelimit.over_limit", 1)
        .await;
    chain.decided().await;
}

/// The headers of the third draft: the limit with its window, and seconds until it resets.
fn assert_told(reply: &Reply) {
    const YEAR_S: u64 = 365 * 24 * 60 * 60;
    let limit = reply.header("x-ratelimit-limit");
    assert!(
        limit.starts_with("3, 3;w=31536000") && limit.contains("name=\"per-key\""),
        "{limit}"
    );
    let reset: u64 = reply.header("x-ratelimit-reset").parse().expect("seconds");
    assert!(reset <= YEAR_S, "{reset}");
}

#[tokio::test]
async fn a_path_and_an_address_are_descriptors_of_one_request() {
    let both = "[{ actions: [{ request_headers: { header_name: ':path', descriptor_key: path } }] },
                 { actions: [{ remote_address: {} }] }]";
    let chain = Chain::new(both).await;
    assert_eq!(chain.several(1, "/search", &[]).await, [200]);
    // The query is in `:path` too, and no way around the limit.
    assert_eq!(chain.several(2, "/search?q=x", &[]).await, [200, 429]);
    // The denied one has counted for the address too, as the reference counts: two are left of five.
    assert_eq!(chain.several(3, "/other", &[]).await, [200, 200, 429]);
    chain.decided().await;
}

#[tokio::test]
async fn a_descriptor_of_several_entries_is_matched_in_depth() {
    let nested = "[{ actions: [{ request_headers: { header_name: x-tenant, descriptor_key: tenant } },
                               { request_headers: { header_name: x-tier, descriptor_key: tier } }] }]";
    let chain = Chain::new(nested).await;
    let free = |tenant| [("x-tenant", tenant), ("x-tier", "free")];
    assert_eq!(chain.several(2, "/", &free("a")).await, [200, 429]);
    assert_eq!(
        chain.several(2, "/", &free("b")).await,
        [200, 429],
        "each tenant has its own"
    );
    let paid = [("x-tenant", "a"), ("x-tier", "paid")];
    assert_eq!(chain.several(3, "/", &paid).await, [200; 3], "no rule matches");
    chain.decided().await;
}

#[tokio::test]
async fn a_request_costs_what_the_route_or_a_header_says() {
    let fixed = "[{ actions: [{ request_headers: { header_name: x-api-key, descriptor_key: api_key } }],
                    hits_addend: { number: 2 } }]";
    let chain = Chain::with(fixed, |asking| asking.per_route = true).await;
    // Two of three, then four: over.
    assert_eq!(chain.several(2, "/", &[("x-api-key", "a")]).await, [200, 429]);
    chain.decided().await;

    let told = "[{ actions: [{ request_headers: { header_name: x-api-key, descriptor_key: api_key } }],
                   hits_addend: { format: '%REQ(x-cost)%' } }]";
    let chain = Chain::with(told, |asking| asking.per_route = true).await;
    assert_eq!(chain.get("/", &[("x-api-key", "a"), ("x-cost", "3")]).await, 200);
    assert_eq!(chain.get("/", &[("x-api-key", "a"), ("x-cost", "1")]).await, 429);
    assert_eq!(chain.get("/", &[("x-api-key", "b"), ("x-cost", "4")]).await, 429);
    chain.decided().await;
}

#[tokio::test]
async fn a_limit_of_the_proxy_and_one_of_the_server_hold_together() {
    // Four for each proxy, of its own; three a key, of the server.
    let local = "{ name: envoy.filters.http.local_ratelimit, typed_config: {
        '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit,
        stat_prefix: local, token_bucket: { max_tokens: 4, tokens_per_fill: 4, fill_interval: 86400s },
        filter_enabled: { default_value: { numerator: 100 } }, filter_enforced: { default_value: { numerator: 100 } } } }";
    let chain = Chain::with(API_KEY, |asking| local.clone_into(&mut asking.before)).await;
    assert_eq!(chain.several(4, "/", &[("x-api-key", "a")]).await, [200, 200, 200, 429]);
    chain
        .envoy
        .has_counted("cluster.upstream.ratelimit.over_limit", 1)
        .await;
    // The proxy's own is used up: the server is not even asked.
    assert_eq!(chain.get("/", &[("x-api-key", "b")]).await, 429);
    chain
        .envoy
        .has_counted("local.http_local_rate_limit.rate_limited", 1)
        .await;
    assert_eq!(chain.envoy.count("cluster.upstream.ratelimit.over_limit").await, 1);
    chain.decided().await;
}

#[tokio::test]
async fn a_sidecar_asks_over_a_unix_socket() {
    let rules = Rules::new(BY_KEY);
    let folder = tempfile::TempDir::new().expect("a folder");
    let socket = folder.path().join("grpc.sock");
    let server = rules.serve_with(&["--uds", &socket.display().to_string()]);
    let upstream = Upstream::http().await;
    let mut asking = Asking::of(server.grpc(), API_KEY);
    asking.door = Door::Unix(socket);
    let envoy = Envoy::start(&asking.before(upstream.address)).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(envoy.get("/", &[("x-api-key", "a")]).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert!(server.metric("quorate_connections_total", &["unix"]).await > 0);
    assert_eq!(server.metric("quorate_connections_total", &["\"grpc\""]).await, 0);
}

#[tokio::test]
async fn over_tls_both_show_who_they_are() {
    let authority = Authority::new();
    let folder = tempfile::TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    };
    let (ours, envoys) = (authority.server(), authority.client("envoy.test"));
    let ca = write("ca.pem", &authority.pem);
    write("client.pem", &envoys.certificate);
    write("client.key", &envoys.key);
    let (certificate, key) = (write("server.pem", &ours.certificate), write("server.key", &ours.key));
    let rules = Rules::new(BY_KEY);
    let server = rules.serve_with(&[
        "--tls-certificate",
        &certificate,
        "--tls-key",
        &key,
        "--tls-client-authorities",
        &ca,
    ]);
    let upstream = Upstream::http().await;
    let mut asking = Asking::of(server.grpc(), API_KEY);
    asking.door = Door::Tls(server.grpc(), folder.path().to_owned());
    asking.failure_mode_deny = true;
    let envoy = Envoy::start(&asking.before(upstream.address)).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(envoy.get("/", &[("x-api-key", "a")]).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    // In the clear it is no use.
    asking.door = Door::Tcp(server.grpc());
    let unknown = Envoy::start(&asking.before(upstream.address)).await;
    assert_eq!(unknown.get("/", &[("x-api-key", "b")]).await.status, 500);
}

#[tokio::test]
async fn a_proxy_that_is_in_use_does_not_notice_a_change_of_the_rules() {
    let rules = Rules::new(BY_KEY);
    let server = rules.serve();
    let upstream = Upstream::http().await;
    let envoy = Envoy::start(&Asking::of(server.grpc(), API_KEY).before(upstream.address)).await;
    let key = [("x-api-key", "a")];
    for _ in 0..3 {
        assert_eq!(envoy.get("/", &key).await.status, 200);
    }
    assert_eq!(envoy.get("/", &key).await.status, 429);
    rules.replace(&BY_KEY.replace("requests_per_unit: 3", "requests_per_unit: 1000000"));
    crate::harness::time::eventually("the new rules", || async {
        (envoy.get("/", &key).await.status == 200).then_some(())
    })
    .await;
    // What was counted before counts on.
    let reply = envoy.get("/", &key).await;
    let left: u64 = reply.header("x-ratelimit-remaining").parse().expect("a number");
    assert!(left < 1_000_000 - 4, "{left}");
}
