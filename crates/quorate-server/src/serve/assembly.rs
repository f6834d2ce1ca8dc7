//! Puts a server together: what its doors share, and what stands behind each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::prepare::Prepared;
use super::rules::RulesSource;
use super::server::StartError;
use super::watch::FileWatch;
use crate::config::{Config, callers};
use crate::edge::{Edge, InFlight, PolicyHealth, Readiness};
use crate::envoy::Envoy;
use crate::grpc::{Companions, Decisions, Doors};
use crate::listen::{DataPlane, DataPlaneConfig, Web, WebConfig};
use crate::telemetry::Telemetry;
use crate::telemetry::otlp::{self, Otlp, OtlpConfig, OtlpError};
use crate::telemetry::traces::Traces;

pub(super) fn edge(prepared: &Prepared) -> Arc<Edge> {
    let node = Arc::clone(&prepared.node);
    let policy = node.policy();
    let rules = prepared.rules.clone();
    let rules = rules.map(|loaded| loaded.in_force(node.unix_ns()));
    let health = PolicyHealth {
        sequence: policy.sequence(),
        content_hash: policy.content_hash().to_owned(),
        sources: prepared.source.names(),
        loaded_unix_ns: node.unix_ns(),
        failure: None,
    };
    Arc::new(Edge {
        node,
        callers: callers(&prepared.config.callers),
        in_flight: Arc::new(InFlight::new(prepared.config.in_flight_max)),
        readiness: Readiness::new(health),
        store: prepared.store.clone(),
        envoy: Envoy::new(&prepared.config.envoy, rules),
        authz: prepared.config.authz.clone(),
        telemetry: Telemetry::new(),
    })
}

pub(super) fn start_otlp(config: &Config, edge: &Arc<Edge>) -> Result<Option<Otlp>, OtlpError> {
    let Some(endpoint) = config.telemetry.otlp_endpoint.clone() else {
        return Ok(None);
    };
    let otlp = OtlpConfig {
        authority: config.telemetry.otlp_ca.clone(),
        ratio: config.telemetry.trace_ratio,
        ..OtlpConfig::new(endpoint)
    };
    otlp::start(&otlp, Arc::clone(edge)).map(Some)
}

pub(super) fn start_data_plane(
    prepared: &Prepared,
    edge: &Arc<Edge>,
    companions: &Companions,
    traces: Option<&Traces>,
) -> Result<DataPlane, StartError> {
    let config = DataPlaneConfig {
        threads: prepared.config.data_threads,
        limits: prepared.config.connections,
        tls: prepared.grpc_tls.clone(),
        edge: Arc::clone(edge),
    };
    let doors = || {
        let decisions = Decisions::new(Arc::clone(edge), traces.cloned());
        // The last quarter is for what is on its way when a busy stream ends.
        let stream_patience = prepared.config.drain_timeout / 4 * 3;
        let message_bytes_max = prepared.config.message_bytes_max;
        Doors::new(decisions, companions.clone(), message_bytes_max, stream_patience)
    };
    DataPlane::start(&config, doors).map_err(StartError::Runtime)
}

pub(super) fn web(prepared: &Prepared, edge: &Arc<Edge>, traces: Option<Traces>) -> Web {
    let config = WebConfig {
        limits: prepared.config.connections,
        tls: prepared.http_tls.clone(),
        edge: Arc::clone(edge),
    };
    Web::new(config, crate::http::router(Arc::clone(edge), traces))
}

/// Watches the files that may be put in force again; `None` where there are none.
pub(super) fn watch(prepared: &Prepared) -> notify::Result<Option<FileWatch>> {
    let rules = prepared.rules_source.as_ref().map(RulesSource::path);
    let policy = prepared.source.paths().iter().map(PathBuf::as_path);
    let tls = prepared.config.tls.iter();
    let certificates = tls.flat_map(|files| {
        [
            Some(&files.certificate),
            Some(&files.key),
            files.client_authorities.as_ref(),
        ]
    });
    let certificates = certificates.flatten().map(PathBuf::as_path);
    let paths: Vec<&Path> = policy.chain(certificates).collect();
    if paths.is_empty() && rules.is_none() {
        return Ok(None);
    }
    FileWatch::start(paths, rules).map(Some)
}
