//! Whether the server lives (`/healthz`) and whether it wants requests (`/readyz`). A policy that could not be
//! reloaded is told and does not make the server unready: the policy before it is in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;

use super::HttpDoor;
use super::time::rfc3339;
use crate::edge::{PolicyFailure, PolicyHealth};

#[derive(Serialize)]
struct Alive {
    alive: bool,
    version: &'static str,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// It finishes what it has and takes no more. Of a server that is not ready this door shows little else: it is
    /// open for moments before the server is ready, and to the end of a drain.
    draining: bool,
    /// Which part of it has failed for good: it has to be restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    policy: Policy,
    reloads: Reloads,
    /// Envoy's rules; missing where they are not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    envoy_rules: Option<EnvoyRules>,
}

#[derive(Serialize)]
struct EnvoyRules {
    sequence: u64,
    loaded_at: String,
    /// Why the last reload failed; null when there was none or it succeeded.
    last_failure: Option<Failed>,
}

#[derive(Serialize)]
pub(super) struct Policy {
    sequence: u64,
    content_hash: String,
    sources: Vec<String>,
    loaded_at: String,
    /// Why the last reload failed; null when there was none or it succeeded.
    last_failure: Option<Failed>,
}

#[derive(Serialize)]
pub(super) struct Failed {
    at: String,
    /// What is wrong, line by line.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Reloads {
    ok: u64,
    failed: u64,
}

impl Policy {
    pub(super) fn of(health: &PolicyHealth) -> Self {
        Self {
            sequence: health.sequence,
            content_hash: health.content_hash.clone(),
            sources: health.sources.clone(),
            loaded_at: rfc3339(health.loaded_unix_ns),
            last_failure: health.failure.as_ref().map(Failed::of),
        }
    }
}

impl Failed {
    pub(super) fn of(failure: &PolicyFailure) -> Self {
        Self {
            at: rfc3339(failure.unix_ns),
            problems: failure.message.lines().map(str::to_owned).collect(),
        }
    }
}

/// `/healthz`: the server lives.
pub(super) async fn alive() -> impl IntoResponse {
    Json(Alive {
        alive: true,
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// `/readyz`: 200 when the server wants requests, 503 while it starts or drains; why, either way.
pub(super) async fn ready(State(door): State<Arc<HttpDoor>>) -> impl IntoResponse {
    let readiness = &door.edge.readiness;
    let ready = readiness.is_serving();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let detail = Ready {
        ready,
        draining: !ready && readiness.failure().is_none(),
        failure: readiness.failure(),
        policy: Policy::of(&readiness.policy()),
        reloads: Reloads {
            ok: readiness.reloads(),
            failed: readiness.reload_failures(),
        },
        envoy_rules: door.edge.envoy.rules().map(|in_force| EnvoyRules {
            sequence: in_force.sequence,
            loaded_at: rfc3339(in_force.loaded_unix_ns),
            last_failure: in_force.failure.as_ref().map(Failed::of),
        }),
    };
    (status, Json(detail))
}
