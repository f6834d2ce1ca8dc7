//! Configurations of Envoy, from few words: listeners on port 0, before one service, asking one server.

use std::net::SocketAddr;

/// Where the server listens.
#[derive(Clone)]
pub enum Door {
    Tcp(SocketAddr),
    Unix(std::path::PathBuf),
    /// With files in a folder: `ca.pem`, and what the proxy shows of itself, `client.pem` and `client.key`.
    Tls(SocketAddr, std::path::PathBuf),
}

/// How the HTTP filter asks.
pub struct Asking {
    pub door: Door,
    /// The route's `rate_limits`, as YAML in one line.
    pub limits: String,
    pub timeout: &'static str,
    pub failure_mode_deny: bool,
    /// More HTTP filters, before the one that asks.
    pub before: String,
    /// Gives `limits` to the filter's own configuration of the route: only there Envoy heeds a cost.
    pub per_route: bool,
}

impl Asking {
    /// Patiently, and letting pass what nobody decides.
    pub fn of(door: SocketAddr, limits: &str) -> Self {
        Self {
            door: Door::Tcp(door),
            limits: limits.to_owned(),
            timeout: "30s",
            failure_mode_deny: false,
            before: String::new(),
            per_route: false,
        }
    }

    /// The whole configuration, with the rate limit filter before a service.
    pub fn before(&self, upstream: SocketAddr) -> String {
        let filter = format!(
            "{{ name: envoy.filters.http.ratelimit, typed_config: {{
                '@type': type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit,
                domain: shop, timeout: {}, failure_mode_deny: {}, enable_x_ratelimit_headers: DRAFT_VERSION_03,
                rate_limit_service: {SERVICE} }} }}",
            self.timeout, self.failure_mode_deny
        );
        let limits = if self.per_route {
            Limits::OfTheFilter(&self.limits)
        } else {
            Limits::OfTheRoute(&self.limits)
        };
        http(&self.door, upstream, limits, &[&self.before, &filter])
    }
}

/// How every filter of ours finds the server.
const SERVICE: &str = "{ transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: quorate } } }";

/// Where a route says what is asked about it.
pub enum Limits<'l> {
    /// In `rate_limits` of the route.
    OfTheRoute(&'l str),
    /// In the route's configuration of the filter.
    OfTheFilter(&'l str),
}

/// An HTTP listener with these filters.
pub fn http(door: &Door, upstream: SocketAddr, limits: Limits<'_>, filters: &[&str]) -> String {
    let filters: String = filters
        .iter()
        .filter(|filter| !filter.is_empty())
        .map(|filter| format!("{filter}, "))
        .collect();
    let (of_the_route, of_the_filter) = match limits {
        Limits::OfTheRoute(limits) => (format!(", rate_limits: {limits}"), String::new()),
        Limits::OfTheFilter(limits) => (
            String::new(),
            format!(
                ", typed_per_filter_config: {{ envoy.filters.http.ratelimit: {{
                    '@type': type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute,
                    rate_limits: {limits} }} }}"
            ),
        ),
    };
    let manager = format!(
        "{{ name: envoy.filters.network.http_connection_manager, typed_config: {{
            '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
            stat_prefix: http, use_remote_address: true,
            normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: REJECT_REQUEST,
            route_config: {{ virtual_hosts: [{{ name: all, domains: ['*'], routes: [
                {{ match: {{ prefix: / }}, route: {{ cluster: upstream{of_the_route} }}{of_the_filter} }}] }}] }},
            http_filters: [{filters}{{ name: envoy.filters.http.router, typed_config: {{
                '@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }} }}] }} }}"
    );
    whole(door, upstream, &[("http", &manager)])
}

/// A TCP listener that asks about connections with one descriptor.
pub fn tcp(door: &Door, upstream: SocketAddr, failure_mode_deny: bool) -> String {
    let filters = format!(
        "{{ name: envoy.filters.network.ratelimit, typed_config: {{
            '@type': type.googleapis.com/envoy.extensions.filters.network.ratelimit.v3.RateLimit,
            stat_prefix: tcp, domain: shop, timeout: 30s, failure_mode_deny: {failure_mode_deny},
            descriptors: [{{ entries: [{{ key: listener, value: mail }}] }}], rate_limit_service: {SERVICE} }} }},
         {{ name: envoy.filters.network.tcp_proxy, typed_config: {{
            '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy,
            stat_prefix: tcp, cluster: upstream }} }}"
    );
    whole(door, upstream, &[("tcp", &filters)])
}

fn whole(door: &Door, upstream: SocketAddr, listeners: &[(&str, &str)]) -> String {
    let listeners: String = listeners
        .iter()
        .map(|(name, filters)| {
            format!(
                "{{ name: {name}, address: {}, filter_chains: [{{ filters: [{filters}] }}] }}, ",
                socket("127.0.0.1".parse().expect("an address"), 0)
            )
        })
        .collect();
    let server = match door {
        Door::Tcp(address) | Door::Tls(address, _) => socket(address.ip(), address.port()),
        Door::Unix(path) => format!("{{ pipe: {{ path: '{}' }} }}", path.display()),
    };
    let http2 = "typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions,
        explicit_http_config: { http2_protocol_options: {} } } }";
    let tls = match door {
        Door::Tls(_, folder) => {
            let folder = folder.display();
            format!(
                ", transport_socket: {{ name: envoy.transport_sockets.tls, typed_config: {{
                    '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext,
                    sni: localhost, common_tls_context: {{
                        tls_certificates: [{{ certificate_chain: {{ filename: '{folder}/client.pem' }},
                                              private_key: {{ filename: '{folder}/client.key' }} }}],
                        validation_context: {{ trusted_ca: {{ filename: '{folder}/ca.pem' }},
                            match_typed_subject_alt_names: [{{ san_type: DNS, matcher: {{ exact: localhost }} }}] }} }} }} }}"
            )
        }
        Door::Tcp(_) | Door::Unix(_) => String::new(),
    };
    let more = format!("{http2}{tls}");
    // Patient with everything but what a test is about.
    let cluster = |name: &str, address: &str, more: &str| {
        format!(
            "{{ name: {name}, type: STATIC, connect_timeout: 30s, load_assignment: {{ cluster_name: {name},
                endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {address} }} }}] }}] }}, {more} }}"
        )
    };
    format!(
        "static_resources: {{ listeners: [{listeners}], clusters: [{}, {}] }}\nadmin: {{ address: {} }}\n",
        cluster("upstream", &socket(upstream.ip(), upstream.port()), ""),
        cluster("quorate", &server, &more),
        socket("127.0.0.1".parse().expect("an address"), 0)
    )
}

fn socket(address: std::net::IpAddr, port: u16) -> String {
    format!("{{ socket_address: {{ address: {address}, port_value: {port} }} }}")
}
