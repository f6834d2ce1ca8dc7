//! `/v1/usage?org=…&per=hour|day|month&from=…&until=…`: what an org used, by key, endpoint and meter. Times are RFC 3339;
//! periods are those of UTC.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use jiff::Timestamp;
use quorate_node::usage::report;
use quorate_store::StoreError;
use quorate_store::usage::{Span, UsageKey, Used};
use serde::{Deserialize, Serialize};

use super::HttpDoor;
use super::error::HttpError;
use super::time::rfc3339;
use crate::callers::Identity;

/// The most hours that one report reads: about three months of them.
const HOURS_MAX: u64 = 24 * 100;

const HOUR_S: u64 = 3_600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The org. May be left out by a caller of one org.
    #[serde(default)]
    org: String,
    /// The length of the periods.
    #[serde(default)]
    per: Per,
    /// The first instant; by default a day ago.
    from: Option<String>,
    /// The first instant that is not wanted; by default now.
    until: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Per {
    #[default]
    Hour,
    Day,
    Month,
}

#[derive(Serialize)]
pub(super) struct Report {
    org: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// When the period begins.
    period: String,
    key: String,
    endpoint: String,
    meter: String,
    calls: u64,
    units: u64,
}

/// Reports what was used, to callers who may ask for the org. Behind by at most the interval at which it is written.
pub(super) async fn usage(State(door): State<Arc<HttpDoor>>, request: Request) -> Result<Json<Report>, HttpError> {
    let (parts, _) = request.into_parts();
    let identity = door.identify(&parts)?;
    let Query(asked) =
        Query::<Asked>::try_from_uri(&parts.uri).map_err(|error| HttpError::Malformed(error.body_text()))?;
    let org = org_of(&identity, &asked.org)?.to_owned();
    let Some(store) = &door.edge.store else {
        return Err(HttpError::Unavailable(
            "usage is not kept: the server was started with `store: none`".to_owned(),
        ));
    };
    let now_s = door.edge.node.unix_ns() / 1_000_000_000;
    let until_s = seconds(asked.until.as_deref(), "until")?.unwrap_or(now_s + 1);
    let from_s = seconds(asked.from.as_deref(), "from")?.unwrap_or_else(|| until_s.saturating_sub(24 * HOUR_S));
    if until_s.saturating_sub(from_s) > HOURS_MAX * HOUR_S {
        let problem = format!("from: more than {HOURS_MAX} hours before `until`");
        return Err(HttpError::Malformed(problem));
    }
    let span = match asked.per {
        Per::Hour => Span::Hour,
        Per::Day => Span::Day,
        Per::Month => Span::Month,
    };
    let sums = report(&**store.store(), &org, span, from_s, until_s).await;
    let sums = sums.map_err(|error| match error {
        StoreError::Refused(problem) => HttpError::Malformed(problem),
        away => HttpError::Unavailable(away.to_string()),
    })?;
    let rows = sums.into_iter().map(row).collect();
    Ok(Json(Report { org, rows }))
}

fn org_of<'a>(identity: &'a Identity, asked: &'a str) -> Result<&'a str, HttpError> {
    let org = identity.org(asked)?;
    if org.is_empty() {
        return Err(HttpError::Malformed("org: it is required".to_owned()));
    }
    Ok(org)
}

fn seconds(text: Option<&str>, field: &str) -> Result<Option<u64>, HttpError> {
    let wrong = |text: String| {
        HttpError::Malformed(format!(
            "{field}: `{text}` is not a time such as `2026-11-21T14:00:00Z`"
        ))
    };
    let read = |text: &str| {
        let at: Timestamp = text.parse().map_err(|_| wrong(text.to_owned()))?;
        u64::try_from(at.as_second()).map_err(|_| wrong(text.to_owned()))
    };
    text.map(read).transpose()
}

fn row((key, used): (UsageKey, Used)) -> Row {
    Row {
        period: rfc3339(key.start_s.saturating_mul(1_000_000_000)),
        key: key.key.to_string(),
        endpoint: key.endpoint.to_string(),
        meter: key.meter.to_string(),
        calls: used.calls,
        units: used.units,
    }
}
