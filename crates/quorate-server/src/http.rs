//! The HTTP door: decisions in JSON, metrics, health, and what the policy says. For callers without gRPC, for people
//! with a browser, and for what watches the server.
//!
//! Wire shapes stop here: `request` and `answer` are between JSON and the core's types, `reason` is the one table of
//! statuses and codes, `error` says what is no answer. Who may ask for which org is decided by `callers`, as at the
//! gRPC doors; sockets and TLS are the business of `listen`.

pub(crate) mod answer;
mod envoy;
mod error;
mod health;
mod policy;
pub mod reason;
mod request;
mod should_allow;
mod throttled;
mod time;
mod usage;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use crate::callers::{Identity, Refusal};
use crate::edge::Edge;
use crate::listen::Certified;
use crate::telemetry::traces::Traces;
use crate::telemetry::{self, Recorder, ServerView};

/// What the routes share.
#[derive(Debug)]
struct HttpDoor {
    edge: Arc<Edge>,
    recorder: Recorder,
    traces: Option<Traces>,
}

/// Every route of the HTTP door.
///
/// A client certificate is honoured when the connection puts [`Certified`] into the extensions of its requests.
pub fn router(edge: Arc<Edge>, traces: Option<Traces>) -> Router {
    let recorder = edge.telemetry.recorder();
    let door = HttpDoor { edge, recorder, traces };
    Router::new()
        .route("/v1/should-allow", post(should_allow::should_allow))
        .route("/v1/policy", get(policy::policy))
        .route("/v1/throttled", get(throttled::throttled))
        .route("/v1/usage", get(usage::usage))
        .route("/json", post(envoy::json))
        .route("/rlconfig", get(envoy::rules))
        .route("/rlcounter", get(envoy::counter))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/healthcheck", get(health::ready))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .with_state(Arc::new(door))
}

impl HttpDoor {
    /// Who sends a request.
    fn identify(&self, parts: &http::request::Parts) -> Result<Identity, Refusal> {
        let certified = parts
            .extensions
            .get::<Certified>()
            .and_then(|certified| certified.0.as_ref());
        let authorization = parts.headers.get(http::header::AUTHORIZATION);
        let authorization = authorization.map(http::HeaderValue::as_bytes);
        self.edge.callers.identify(certified, authorization)
    }
}

async fn metrics(State(door): State<Arc<HttpDoor>>) -> impl IntoResponse {
    let families = door.edge.telemetry.gather(&ServerView::of(&door.edge));
    let page = telemetry::exposition(families);
    ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], page)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::edge as test_edge;
