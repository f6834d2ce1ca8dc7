//! `/v1/policy`: which policy is in force, and on request what it says of one key at one endpoint. Charges nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use quorate_core::request::{InvalidRequest, Request as CoreRequest};
use quorate_core::time::Instant;
use quorate_policy::{Bounds, Explanation, HeaderProfile, PolicySet};
use serde::{Deserialize, Serialize};

use super::HttpDoor;
use super::error::HttpError;
use super::health::Policy;
use crate::callers::Identity;

/// The most endpoints that are listed: what a person scrolls through. The policy's files hold the rest.
const ENDPOINTS_MAX: usize = 1_000;

#[derive(Serialize)]
pub(super) struct Overview {
    #[serde(flatten)]
    policy: Policy,
    headers: Vec<&'static str>,
    /// It declares quotas.
    quotas_declared: bool,
    /// The catalogue's entries, the first 1,000 of them.
    endpoints: Vec<String>,
    /// What the policy says of the request that was described. Null when none was.
    explanation: Option<Explanation>,
}

/// A request to explain: the fields of the wire contract by the same names. Nothing to explain when all are missing.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
struct Described {
    key: Option<String>,
    org: String,
    endpoint: String,
    cost: Option<u64>,
    environment: String,
    /// With commas between them.
    scopes: String,
}

/// Shows the policy in force.
pub(super) async fn policy(State(door): State<Arc<HttpDoor>>, request: Request) -> Result<Json<Overview>, HttpError> {
    let (parts, _) = request.into_parts();
    let identity = door.identify(&parts)?;
    let described = Query::<Described>::try_from_uri(&parts.uri)
        .map_err(|rejection| HttpError::Malformed(format!("query: {}", rejection.body_text())))?;
    let set = door.edge.node.policy();
    let explanation = if described.0 == Described::default() {
        None
    } else {
        Some(explain(&door, &set, &identity, &described)?)
    };
    Ok(Json(Overview {
        policy: Policy::of(&door.edge.readiness.policy()),
        headers: set.headers().iter().map(profile_name).collect(),
        quotas_declared: set.quotas_declared(),
        endpoints: set.endpoints().take(ENDPOINTS_MAX).map(str::to_owned).collect(),
        explanation,
    }))
}

fn explain(
    door: &HttpDoor,
    set: &PolicySet,
    identity: &Identity,
    described: &Described,
) -> Result<Explanation, HttpError> {
    let node = &door.edge.node;
    let key = described.key.as_deref().ok_or(InvalidRequest::SubjectMissing)?;
    let scopes: Vec<_> = described.scopes.split(',').filter(|scope| !scope.is_empty()).collect();
    let request = CoreRequest {
        org: identity.org(&described.org)?,
        cost: described.cost,
        environment: &described.environment,
        scopes: &scopes,
        ..CoreRequest::of(key, &described.endpoint)
    };
    let bounds = Bounds {
        cost_max: node.config().cost_max,
    };
    let explanation = set.explain(&request, bounds, None, Instant(node.unix_ns()))?;
    if !explanation.org.is_empty() {
        // The key may be another org's than the one that was named.
        identity.org(&explanation.org)?;
    }
    Ok(explanation)
}

/// The profile as a policy writes it.
const fn profile_name(profile: &HeaderProfile) -> &'static str {
    match profile {
        HeaderProfile::XRateLimitUnix => "x-ratelimit-unix",
        HeaderProfile::XRateLimitDraft03 => "x-ratelimit-draft03",
        HeaderProfile::Ietf => "ietf",
        HeaderProfile::Warning => "warning",
    }
}
