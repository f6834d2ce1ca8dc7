//! Envoy's rate limit service for people: `POST /json`, as the reference service has it, `/rlconfig`, the rules in
//! force, and `/rlcounter`, how a descriptor's counter stands.

mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::Code;
use quorate_envoy::plan::Item;
use quorate_envoy::{Descriptor, Plan, Request as RuleRequest, Response as RuleResponse, Settings};
use quorate_node::Decided;
use quorate_node::quotas::Patience;
use serde::Serialize;
use serde_json::{Value, json};

use super::HttpDoor;
use super::error::HttpError;
use super::health::Failed;
use super::should_allow::{is_encoded, read};
use super::time::rfc3339;
use crate::envoy::{Door, EnvoyError};
use crate::telemetry;

/// The query parameter that names the domain; every other one is an entry.
const DOMAIN: &str = "domain";

/// `POST /json`: a `RateLimitRequest` in proto3 JSON; 200 with the answer, or 429 where it is over a limit.
pub(super) async fn json(State(door): State<Arc<HttpDoor>>, request: Request) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let Some(_permit) = door.edge.in_flight.enter() else {
        door.recorder.overloaded(telemetry::Door::EnvoyRateLimit);
        return Err(EnvoyError::Overloaded.into());
    };
    let identity = door.identify(&parts)?;
    if is_encoded(&parts.headers) {
        return Err(HttpError::Encoding);
    }
    let waiting = door.edge.in_flight.wait();
    let body = read(body).await?;
    drop(waiting);
    let message = message::request(&body).map_err(HttpError::Malformed)?;
    let envoy = Door {
        edge: &door.edge,
        recorder: &door.recorder,
        identity: &identity,
    };
    let (mut patience, mut begun) = (Patience::Whole, None);
    let answer = loop {
        match envoy.rate_limit(&message, patience, &mut begun)? {
            Decided::Answered(answer) => break answer,
            Decided::Parked(parked) => patience = parked.await,
        }
    };
    let status = if answer.overall_code() == Code::OverLimit {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        StatusCode::OK
    };
    let mut response = Response::new(Body::from(message::response(&answer).to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

#[derive(Serialize)]
struct Rules {
    sequence: u64,
    loaded_at: String,
    /// Why the last reload failed; null when there was none or it succeeded.
    last_failure: Option<Failed>,
    domains: Vec<Domain>,
    files: Vec<File>,
}

#[derive(Serialize)]
struct Domain {
    name: String,
    /// Rules on all levels.
    rules: usize,
    /// The policy decides on descriptors of it.
    native: bool,
}

#[derive(Serialize)]
struct File {
    name: String,
    text: String,
}

/// `GET /rlconfig`: the rules in force, with the text of their files.
pub(super) async fn rules(State(door): State<Arc<HttpDoor>>, request: Request) -> Result<impl IntoResponse, HttpError> {
    let (parts, _) = request.into_parts();
    let identity = door.identify(&parts)?;
    let in_force = door.edge.envoy.rules().ok_or(EnvoyError::NotServed)?;
    // A file may hold rules of several domains: who may not ask for all sees the names of those that it may ask for.
    let all = in_force.rules.domains();
    let (seen, hidden): (Vec<_>, Vec<_>) = all.partition(|domain| identity.org(domain.name()).is_ok());
    let files = in_force.sources.iter().filter(|_| hidden.is_empty());
    Ok(Json(Rules {
        sequence: in_force.sequence,
        loaded_at: rfc3339(in_force.loaded_unix_ns),
        last_failure: in_force.failure.as_ref().map(Failed::of),
        domains: seen
            .into_iter()
            .map(|domain| Domain {
                name: domain.name().to_owned(),
                rules: domain.rules(),
                native: domain.native().is_some(),
            })
            .collect(),
        files: files
            .map(|source| File {
                name: source.name.clone(),
                text: source.text.clone(),
            })
            .collect(),
    }))
}

/// `GET /rlcounter?domain=d&key=value…`: how the counter of a descriptor stands. Charges nothing.
pub(super) async fn counter(State(door): State<Arc<HttpDoor>>, request: Request) -> Result<Json<Value>, HttpError> {
    let (parts, _) = request.into_parts();
    let identity = door.identify(&parts)?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|rejection| HttpError::Malformed(format!("query: {}", rejection.body_text())))?;
    let in_force = door.edge.envoy.rules().ok_or(EnvoyError::NotServed)?;
    let domain = pairs.iter().find(|(name, _)| name == DOMAIN);
    let domain = domain.map_or("", |(_, domain)| domain);
    let entries: Vec<(&str, &str)> = pairs
        .iter()
        .filter(|(name, _)| name != DOMAIN)
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let descriptors = [Descriptor {
        entries: &entries,
        hits_addend: Some(0),
        ..Descriptor::default()
    }];
    let request = RuleRequest {
        domain,
        descriptors: &descriptors,
        hits_addend: 0,
    };
    // Before the rules are asked: a refused caller is to learn nothing of the domain.
    identity.org(domain)?;
    let plan = in_force.rules.plan(request).map_err(EnvoyError::from)?;
    let response = door.edge.node.rate_limit(&plan, &Settings::default());
    Ok(Json(stands(&plan, &entries, &response)))
}

fn stands(plan: &Plan<'_, '_>, entries: &[(&str, &str)], response: &RuleResponse<'_>) -> Value {
    match (plan.items().first(), response.statuses.first()) {
        (Some(Item::Counted(counted)), Some(status)) => json!({
            "rule": counted.matched.metric_key(entries),
            "name": counted.matched.name(),
            "requests_per_unit": counted.limit,
            "unit": counted.window.unit.name(),
            "used": status.outcome.map_or(0, |outcome| outcome.before),
            "remaining": status.limit_remaining,
            "reset_after_seconds": status.reset_after_secs,
        }),
        (Some(Item::Unlimited(matched)), _) => json!({
            "rule": matched.metric_key(entries),
            "name": matched.name(),
            "unlimited": true,
        }),
        // Its windows are the policy's: no counter of a rule stands for them.
        (Some(Item::Native), _) => json!({"rule": null, "native": true}),
        _ => json!({"rule": null}),
    }
}
