//! Every setting, once: its key in the TOML file, its flag, its default and its help. The environment variable is the
//! flag in capitals behind `QUORATE_`.

pub(super) mod envoy;

/// Where gRPC listens when nobody says anything.
pub const GRPC_LISTEN_DEFAULT: &str = "127.0.0.1:8081";

/// How long usage is kept when nobody says anything: a year to compare with, and a month to do it in.
pub const USAGE_KEEP_DEFAULT: &str = "400d";

/// How the environment variables of this program begin.
pub(super) const PREFIX: &str = "QUORATE_";

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its place in the TOML file.
    pub key: &'static str,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// What its value is called in the help; empty for a switch.
    pub value: &'static str,
    /// Its default, as it would be written; empty for unset.
    pub default: &'static str,
    /// It may come more than once; in the environment separated by commas.
    pub many: bool,
    /// What it does.
    pub help: &'static str,
}

impl Setting {
    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.flag.replace('-', "_").to_ascii_uppercase())
    }

    /// Whether it is on or off and takes no value.
    pub(super) const fn is_switch(&self) -> bool {
        self.value.is_empty()
    }
}

const fn setting(
    key: &'static str,
    flag: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        key,
        flag,
        value,
        default,
        many: false,
        help,
    }
}

pub(super) static POLICY: Setting = Setting {
    many: true,
    ..setting(
        "policy",
        "policy",
        "FILE|DIR",
        "",
        "Policy document, or a directory of them; may be repeated [default: the reference catalogue]",
    )
};
pub(super) static GRPC_LISTEN: Setting = setting(
    "grpc.listen",
    "grpc-listen",
    "ADDR",
    "127.0.0.1:8081",
    "Where gRPC listens; port 0 takes a free one",
);
pub(super) static GRPC_UNIX_SOCKET: Setting = setting(
    "grpc.unix_socket",
    "uds",
    "PATH",
    "",
    "A Unix socket where gRPC listens too",
);
pub(super) static HTTP_LISTEN: Setting = setting(
    "http.listen",
    "http-listen",
    "ADDR",
    "127.0.0.1:8080",
    "Where HTTP listens; port 0 takes a free one",
);
pub(super) static DATA_THREADS: Setting = setting(
    "data_threads",
    "data-threads",
    "N",
    "auto",
    "Threads that decide, each with connections of its own; auto is one per core",
);
pub(super) static INSECURE: Setting = setting(
    "insecure",
    "insecure",
    "",
    "false",
    "Allow a bind beyond loopback without TLS",
);
pub(super) static TLS_CERTIFICATE: Setting = setting(
    "tls.certificate",
    "tls-certificate",
    "FILE",
    "",
    "The server's certificate chain, PEM; TLS for both doors",
);
pub(super) static TLS_KEY: Setting = setting("tls.key", "tls-key", "FILE", "", "The certificate's private key, PEM");
pub(super) static TLS_CLIENT_AUTHORITIES: Setting = setting(
    "tls.client_authorities",
    "tls-client-authorities",
    "FILE",
    "",
    "The authorities that sign clients' certificates, PEM; asks clients for one",
);
pub(super) static TLS_CLIENT_AUTHENTICATION: Setting = setting(
    "tls.client_authentication",
    "tls-client-authentication",
    "required|optional",
    "required",
    "Whether a client must show a certificate where authorities are given",
);
pub(super) static CONNECTIONS: Setting = setting(
    "limits.connections",
    "connections-max",
    "N",
    "10000",
    "The most connections at once, per door",
);
pub(super) static IN_FLIGHT: Setting = setting(
    "limits.in_flight",
    "in-flight-max",
    "N",
    "10000",
    "The most requests accepted and not yet answered; beyond it the answer is OVERLOADED",
);
pub(super) static STREAMS: Setting = setting(
    "limits.streams_per_connection",
    "streams-max",
    "N",
    "1000",
    "The most calls open at once on one connection",
);
pub(super) static MESSAGE_BYTES: Setting = setting(
    "limits.message_bytes",
    "message-bytes-max",
    "BYTES",
    "4MiB",
    "The largest message",
);
pub(super) static HEADER_BYTES: Setting = setting(
    "limits.header_bytes",
    "header-bytes-max",
    "BYTES",
    "16KiB",
    "The most headers of one call",
);
pub(super) static IDLE_TIMEOUT: Setting = setting(
    "limits.idle_timeout",
    "idle-timeout",
    "DURATION",
    "10m",
    "A connection without an open call for this long is told to go",
);
pub(super) static KEEPALIVE_INTERVAL: Setting = setting(
    "limits.keepalive_interval",
    "keepalive-interval",
    "DURATION",
    "30s",
    "How often a silent peer is asked whether it is there",
);
pub(super) static KEEPALIVE_TIMEOUT: Setting = setting(
    "limits.keepalive_timeout",
    "keepalive-timeout",
    "DURATION",
    "10s",
    "How long a peer may take to answer that",
);
pub(super) static DRAIN_DELAY: Setting = setting(
    "drain.delay",
    "drain-delay",
    "DURATION",
    "1s",
    "How long to say that the server is not ready before it stops accepting",
);
pub(super) static DRAIN_TIMEOUT: Setting = setting(
    "drain.timeout",
    "drain-timeout",
    "DURATION",
    "20s",
    "How long open calls may take after that",
);
pub(super) static KEEP_TIMEOUT: Setting = setting(
    "drain.keep_timeout",
    "keep-timeout",
    "DURATION",
    "30s",
    "How long writing all windows may take at the end; if that is not enough, short ones are forgotten",
);
pub(super) static MEMORY: Setting = setting(
    "memory.total",
    "memory-max",
    "BYTES",
    "1GiB",
    "The most memory of counters; slots and operation ids are bounded by number",
);
pub(super) static ORG_MEMORY: Setting = setting(
    "memory.per_org",
    "org-memory-max",
    "BYTES",
    "",
    "The most of it that keys which one org never declared may take; a quarter if left out",
);
pub(super) static COST_MAX: Setting = setting(
    "limits.cost",
    "cost-max",
    "N",
    "1000000000000",
    "The largest cost or amount of one request",
);
pub(super) static CREDENTIAL_KEY: Setting = setting(
    "credential_key_file",
    "credential-key-file",
    "FILE",
    "",
    "The deployment's key for hashing credentials, 64 hex digits [default: a random one]",
);
pub(super) static LOG: Setting = setting(
    "telemetry.log",
    "log",
    "FILTER",
    "info",
    "Which events are logged, such as `info,quorate_server=debug`",
);
pub(super) static LOG_FORMAT: Setting = setting(
    "telemetry.log_format",
    "log-format",
    "auto|text|json",
    "auto",
    "How events are logged; auto is text on a terminal and JSON elsewhere",
);
pub(super) static OTLP_ENDPOINT: Setting = setting(
    "telemetry.otlp_endpoint",
    "otlp-endpoint",
    "URL",
    "",
    "Where traces and metrics go over OTLP/gRPC, such as http://localhost:4317 or https://collector:4317",
);
pub(super) static OTLP_CA: Setting = setting(
    "telemetry.otlp_ca",
    "otlp-ca",
    "FILE",
    "",
    "Trust this authority (PEM) and not the platform's for an https:// endpoint; needs --otlp-endpoint",
);
pub(super) static TRACE_RATIO: Setting = setting(
    "telemetry.trace_ratio",
    "trace-ratio",
    "SHARE",
    "0.01",
    "The share of calls that is traced where the caller's context does not say; needs --otlp-endpoint",
);

pub(super) static STORE: Setting = setting(
    "store",
    "store",
    "embedded|none|URL",
    "embedded",
    "Where quotas and usage are kept: in the data directory, nowhere, or on a cluster, scylla://HOST:PORT,…/KEYSPACE",
);
pub(super) static DATA_DIR: Setting = setting(
    "data_dir",
    "data-dir",
    "DIR",
    "quorate-data",
    "The directory of the embedded store; made if it does not exist, used by one server at a time",
);

pub(super) static UNSHARED_WINDOWS: Setting = setting(
    "unshared_windows",
    "unshared-windows",
    "",
    "false",
    "Let several servers use one store, each with rate windows of its own; quotas are shared either way",
);

pub(super) static USAGE_KEEP: Setting = setting(
    "usage_keep",
    "usage-keep",
    "DURATION",
    USAGE_KEEP_DEFAULT,
    "How long usage is kept after its hour; 0 for ever",
);

/// All of them, in the order of the help.
pub(super) static SETTINGS: [&Setting; 48] = [
    &POLICY,
    &GRPC_LISTEN,
    &HTTP_LISTEN,
    &GRPC_UNIX_SOCKET,
    &DATA_THREADS,
    &INSECURE,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &TLS_CLIENT_AUTHORITIES,
    &TLS_CLIENT_AUTHENTICATION,
    &CREDENTIAL_KEY,
    &STORE,
    &DATA_DIR,
    &UNSHARED_WINDOWS,
    &USAGE_KEEP,
    &envoy::RULES,
    &envoy::MERGE_DOMAINS,
    &envoy::RESPONSE_HEADERS,
    &envoy::LIMIT_HEADER,
    &envoy::REMAINING_HEADER,
    &envoy::RESET_HEADER,
    &envoy::DYNAMIC_METADATA,
    &envoy::SHADOW,
    &envoy::QUOTA,
    &envoy::STOP_INCREMENT,
    &envoy::AUTHZ_KEY_HEADER,
    &envoy::AUTHZ_CREDENTIAL_HEADER,
    &envoy::AUTHZ_ORG_HEADER,
    &envoy::AUTHZ_ORG_EXTENSION,
    &DRAIN_DELAY,
    &DRAIN_TIMEOUT,
    &KEEP_TIMEOUT,
    &MEMORY,
    &ORG_MEMORY,
    &COST_MAX,
    &CONNECTIONS,
    &IN_FLIGHT,
    &STREAMS,
    &MESSAGE_BYTES,
    &HEADER_BYTES,
    &IDLE_TIMEOUT,
    &KEEPALIVE_INTERVAL,
    &KEEPALIVE_TIMEOUT,
    &LOG,
    &LOG_FORMAT,
    &OTLP_ENDPOINT,
    &OTLP_CA,
    &TRACE_RATIO,
];
