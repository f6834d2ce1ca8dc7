//! `/v1/throttled`: the keys and limits that are denied most, for whoever is asked "why are we throttled?".

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;

use super::HttpDoor;
use super::error::HttpError;
use super::time::rfc3339;
use crate::callers::Identity;
use crate::telemetry::Denied;

/// The most keys, and the most limits, that are shown: what a person reads.
const SHOWN_MAX: usize = 50;

#[derive(Serialize)]
pub(super) struct Throttled {
    /// What is counted since.
    since: String,
    keys: Vec<Key>,
    limits: Vec<Limit>,
}

#[derive(Serialize)]
struct Key {
    org: String,
    /// The key's id; null for credentials.
    key: Option<String>,
    denied: u64,
    denied_error: u64,
}

#[derive(Serialize)]
struct Limit {
    org: String,
    /// The limit's name; or the reason's code, where no limit denied.
    limit: String,
    denied: u64,
    denied_error: u64,
}

/// Shows the most denied, of the orgs that the caller may ask for.
pub(super) async fn throttled(
    State(door): State<Arc<HttpDoor>>,
    request: Request,
) -> Result<Json<Throttled>, HttpError> {
    let (parts, _) = request.into_parts();
    let identity = door.identify(&parts)?;
    let report = door.edge.telemetry.throttled(usize::MAX);
    let shown = |all: Vec<Denied>| {
        let mine = all.into_iter().filter(|denied| may_see(&identity, &denied.org));
        mine.take(SHOWN_MAX).collect::<Vec<_>>().into_iter()
    };
    let keys = shown(report.keys).map(|denied| Key {
        org: denied.org,
        key: Some(denied.name).filter(|key| !key.is_empty()),
        denied: denied.count,
        denied_error: denied.error,
    });
    let limits = shown(report.limits).map(|denied| Limit {
        org: denied.org,
        limit: denied.name,
        denied: denied.count,
        denied_error: denied.error,
    });
    Ok(Json(Throttled {
        since: rfc3339(report.since_unix_ns),
        keys: keys.collect(),
        limits: limits.collect(),
    }))
}

/// A caller of some orgs sees those only. An org that could not be told is nobody's in particular.
fn may_see(identity: &Identity, org: &str) -> bool {
    match identity {
        Identity::Anyone => true,
        Identity::Known(_) => identity.org(org).is_ok_and(|may| may == org),
    }
}
