//! Traces and metrics sent to an OpenTelemetry collector over OTLP/gRPC, when an endpoint is set.
//!
//! Traces go through the OpenTelemetry SDK. Metrics do not: its instruments would count a second time what is counted
//! already, at a price per decision, and it has no way to take over a histogram. Each message is made from
//! [`super::Telemetry::gather`] instead, as the page for Prometheus is.

mod message;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Uri;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use thiserror::Error;
use tokio::task::JoinHandle;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::ServerView;
use super::traces::{SampleRatio, Traces};
use crate::edge::Edge;

/// How long one message may take. Collectors answer in milliseconds; after ten seconds one is away.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last messages may take when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// What is sent where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpConfig {
    /// The collector, such as `http://127.0.0.1:4317`, or `https://…` for TLS.
    pub endpoint: Uri,
    /// A file with the authority (PEM) that is trusted over TLS, in place of the platform's.
    pub authority: Option<PathBuf>,
    /// How the server is called in traces and metrics.
    pub service_name: String,
    /// The share of calls that is traced when their callers say nothing.
    pub ratio: SampleRatio,
    /// How often metrics are sent.
    pub metrics_every: Duration,
    /// How long one message may take.
    pub export_timeout: Duration,
    /// How long the last messages may take when the server stops.
    pub shutdown_timeout: Duration,
}

impl OtlpConfig {
    /// What is sent to `endpoint` unless said otherwise.
    #[must_use]
    pub fn new(endpoint: Uri) -> Self {
        Self {
            endpoint,
            authority: None,
            service_name: "quorate".to_owned(),
            ratio: SampleRatio::default(),
            // The default of the OpenTelemetry specification.
            metrics_every: Duration::from_secs(60),
            export_timeout: EXPORT_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }
}

/// Why nothing can be sent.
#[derive(Debug, Error)]
pub enum OtlpError {
    /// The endpoint is none.
    #[error("otlp endpoint `{endpoint}`: `http://host:port` or `https://host:port` is expected")]
    Endpoint {
        /// What was given.
        endpoint: Uri,
    },
    /// The authority cannot be read.
    #[error("otlp authority `{}`: {source}", path.display())]
    Authority {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS cannot be made of what was given.
    #[error("otlp endpoint `{endpoint}`: TLS cannot be set up: {source}")]
    Tls {
        /// What was given.
        endpoint: Uri,
        /// What the library said.
        source: tonic::transport::Error,
    },
    /// The exporter of traces could not be made.
    #[error("otlp endpoint: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Messages of metrics: how many were sent, how many lost.
#[derive(Debug, Default)]
pub(super) struct Exports {
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Exports {
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }
}

/// What sends, until it is shut down.
#[derive(Debug)]
pub struct Otlp {
    provider: SdkTracerProvider,
    traces: Traces,
    metrics: JoinHandle<()>,
    pusher: Pusher,
    shutdown_timeout: Duration,
}

/// A channel to the collector, which connects when there is something to send.
fn channel(config: &OtlpConfig) -> Result<Channel, OtlpError> {
    let secure = match config.endpoint.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(malformed(config)),
    };
    if config.endpoint.authority().is_none() {
        return Err(malformed(config));
    }
    let mut endpoint = Endpoint::from(config.endpoint.clone())
        .timeout(config.export_timeout)
        .connect_timeout(config.export_timeout);
    if secure {
        endpoint = endpoint.tls_config(tls(config)?).map_err(|source| OtlpError::Tls {
            endpoint: config.endpoint.clone(),
            source,
        })?;
    }
    Ok(endpoint.connect_lazy())
}

fn malformed(config: &OtlpConfig) -> OtlpError {
    OtlpError::Endpoint {
        endpoint: config.endpoint.clone(),
    }
}

fn tls(config: &OtlpConfig) -> Result<ClientTlsConfig, OtlpError> {
    // Two providers are linked, and rustls wants to be told which. One that was chosen before stays.
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    let tls = ClientTlsConfig::new().timeout(config.export_timeout);
    let Some(path) = &config.authority else {
        return Ok(tls.with_native_roots());
    };
    let pem = std::fs::read(path).map_err(|source| OtlpError::Authority {
        path: path.clone(),
        source,
    })?;
    Ok(tls.ca_certificate(Certificate::from_pem(pem)))
}

/// Begins to send. To be called on the runtime that is to do it; connects when there is something to send.
///
/// # Errors
/// When the endpoint is not one, or TLS cannot be set up.
pub fn start(config: &OtlpConfig, edge: Arc<Edge>) -> Result<Otlp, OtlpError> {
    let channel = channel(config)?;
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(channel.clone())
        .with_timeout(config.export_timeout)
        .build()?;
    let attributes = [
        KeyValue::new("service.name", config.service_name.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        // Whether a call is traced was decided before its span was begun.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(Resource::builder_empty().with_attributes(attributes.clone()).build())
        .build();
    let scope = InstrumentationScope::builder("quorate").build();
    let traces = Traces::new(provider.tracer_with_scope(scope), config.ratio);
    let pusher = Pusher {
        channel,
        edge,
        resource: Arc::from(attributes),
    };
    let metrics = tokio::spawn(pusher.clone().push_every(config.metrics_every));
    Ok(Otlp {
        provider,
        traces,
        metrics,
        pusher,
        shutdown_timeout: config.shutdown_timeout,
    })
}

impl Otlp {
    /// Begins traces of calls.
    #[must_use]
    pub fn traces(&self) -> Traces {
        self.traces.clone()
    }

    /// Sends what is left and stops. Takes a few seconds at most.
    pub async fn shut_down(self) {
        self.metrics.abort();
        let last = tokio::time::timeout(self.shutdown_timeout, self.pusher.push());
        let provider = self.provider;
        let patience = self.shutdown_timeout;
        let spans = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(patience));
        let (metrics, spans) = tokio::join!(last, spans);
        if !matches!(metrics, Ok(Ok(()))) {
            tracing::warn!("the last metrics were not sent");
        }
        if let Ok(Err(error)) = spans {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Sends metrics.
#[derive(Clone, Debug)]
struct Pusher {
    channel: Channel,
    edge: Arc<Edge>,
    resource: Arc<[KeyValue]>,
}

impl Pusher {
    async fn push_every(self, period: Duration) {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick comes at once, and there is nothing to tell yet.
        ticks.tick().await;
        let mut failing = false;
        loop {
            ticks.tick().await;
            let failed = self.push().await.inspect_err(|status| {
                // Once, not every minute for as long as the collector is away.
                if !failing {
                    tracing::warn!(%status, "metrics were not sent");
                }
            });
            failing = failed.is_err();
        }
    }

    async fn push(&self) -> Result<(), tonic::Status> {
        let telemetry = &self.edge.telemetry;
        let families = telemetry.gather(&ServerView::of(&self.edge));
        let message = message::message(
            families,
            &self.resource,
            telemetry.started_unix_ns,
            super::wall_clock_ns(),
        );
        let sent = MetricsServiceClient::new(self.channel.clone()).export(message).await;
        let exports = &telemetry.exports;
        let counter = if sent.is_ok() { &exports.sent } else { &exports.lost };
        counter.fetch_add(1, Ordering::Relaxed);
        sent.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
