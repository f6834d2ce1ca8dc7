//! The server's configuration: flags over environment over a TOML file over defaults, read whole and checked whole
//! before any port is bound, with every problem reported at once. It opens nothing but files that it names.

mod arguments;
mod callers;
mod envoy;
mod layers;
mod print;
mod problem;
mod reader;
mod settings;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use arguments::Arguments;
pub use callers::{CallerEntry, callers};
pub use envoy::{AuthzSettings, EnvoySettings, ResponseHeaders};
pub use layers::{Layers, Origin, environment};
pub use print::Effective;
pub use problem::{Problem, Problems};
pub use settings::{GRPC_LISTEN_DEFAULT, USAGE_KEEP_DEFAULT};
pub(crate) use values::{hex_32, kept};

use crate::listen::{ConnectionLimits, TlsFiles};
use crate::store::StoreChoice;
use crate::telemetry::logs::LogFormat;
use crate::telemetry::traces::SampleRatio;

/// Everything that `quorate serve` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Policy files and directories; none for the reference catalogue.
    pub policy: Vec<PathBuf>,
    /// Threads of the data plane.
    pub data_threads: usize,
    /// Where gRPC listens.
    pub grpc_listen: SocketAddr,
    /// A Unix socket where gRPC listens too.
    pub grpc_unix_socket: Option<PathBuf>,
    /// Where HTTP listens.
    pub http_listen: SocketAddr,
    /// TLS of both doors.
    pub tls: Option<TlsFiles>,
    /// Who may call; none: everybody.
    pub callers: Vec<CallerEntry>,
    /// Bounds on each connection of a door.
    pub connections: ConnectionLimits,
    /// The most requests that may be accepted and not yet answered.
    pub in_flight_max: usize,
    /// The largest message, in bytes.
    pub message_bytes_max: usize,
    /// How long the server says that it is not ready before it stops accepting.
    pub drain_delay: Duration,
    /// How long open calls may take after that.
    pub drain_timeout: Duration,
    /// How long the last writing of windows may take.
    pub keep_timeout: Duration,
    /// The bounds of the node.
    pub node: NodeSettings,
    /// What outlives the process, and where.
    pub store: StoreChoice,
    /// Other servers may keep windows on the store too, each its own.
    pub unshared_windows: bool,
    /// How long usage is kept after its hour; `None` for ever.
    pub usage_kept: Option<Duration>,
    /// Envoy's rate limit service.
    pub envoy: EnvoySettings,
    /// Envoy's external authorization.
    pub authz: AuthzSettings,
    /// What is logged and exported.
    pub telemetry: TelemetrySettings,
}

/// The bounds of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// The most memory of counters, in bytes.
    pub memory_max_bytes: u64,
    /// The most of it that the undeclared keys of one org may take, in bytes.
    pub org_memory_max_bytes: u64,
    /// The largest cost or amount of one request.
    pub cost_max: u64,
    /// The file with the deployment's credential hash key; `None` for a random one.
    pub credential_key_file: Option<PathBuf>,
}

/// What is logged and exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// Which events are logged, as `RUST_LOG` writes it.
    pub log: String,
    /// How they are written.
    pub log_format: LogFormat,
    /// Where OpenTelemetry goes over OTLP; `None` for nowhere.
    pub otlp_endpoint: Option<http::Uri>,
    /// The authority (PEM) that is trusted there, in place of the platform's.
    pub otlp_ca: Option<PathBuf>,
    /// The share of calls that is traced where the caller's context does not say.
    pub trace_ratio: SampleRatio,
}

impl Config {
    /// Reads and checks the whole configuration.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(layers: &Layers) -> Result<(Self, Effective), Problems> {
        reader::read(layers)
    }
}

#[cfg(test)]
mod tests;
