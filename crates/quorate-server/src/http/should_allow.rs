//! `POST /v1/should-allow`: one decision.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use quorate_core::answer::{Reason, Retry};
use quorate_node::quotas::Patience;
use quorate_node::{Decided, Wanted};

use super::HttpDoor;
use super::answer::{Included, body};
use super::error::HttpError;
use super::reason::status;
use super::request::{BODY_BYTES_MAX, ShouldAllow};
use crate::callers::Identity;
use crate::edge::{bare, discreet, jittered};
use crate::headers::{self, Field};
use crate::telemetry::Door;
use crate::telemetry::traces::CallSpan;

/// How long a body may take to come: a request holds a place among those in flight meanwhile.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides one request.
pub(super) async fn should_allow(State(door): State<Arc<HttpDoor>>, request: Request) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let Some(_permit) = door.edge.in_flight.enter() else {
        door.recorder.overloaded(Door::Http);
        return Ok(overloaded(&door));
    };
    let mut span = door
        .traces
        .as_ref()
        .and_then(|traces| traces.begin(&parts.headers, Door::Http));
    let answered = async {
        let identity = door.identify(&parts)?;
        if !is_json(&parts.headers) {
            return Err(HttpError::MediaType);
        }
        if is_encoded(&parts.headers) {
            return Err(HttpError::Encoding);
        }
        let waiting = door.edge.in_flight.wait();
        let body = read(body).await?;
        drop(waiting);
        let asked = ShouldAllow::parse(&body)?;
        let mut patience = Patience::Whole;
        loop {
            match decide(&door, &identity, &asked, patience, span.as_mut())? {
                Decided::Answered(response) => return Ok(response),
                Decided::Parked(parked) => patience = parked.await,
            }
        }
    };
    let answered = answered.await;
    if let Err(error) = &answered {
        match error {
            HttpError::Refused(_) => door.recorder.refused(Door::Http),
            _ => door.recorder.invalid(Door::Http),
        }
        if let Some(span) = &mut span {
            span.failed(error.to_string());
        }
    }
    answered
}

fn decide(
    door: &HttpDoor,
    identity: &Identity,
    asked: &ShouldAllow,
    patience: Patience,
    span: Option<&mut CallSpan>,
) -> Result<Decided<Response>, HttpError> {
    let started = Instant::now();
    let node = &door.edge.node;
    let profiles = node.policy();
    let profiles = profiles.headers();
    let included = Included::by(asked);
    let wanted = Wanted {
        // Some header profiles list every limit.
        statuses: included.limits || !profiles.is_empty(),
    };
    asked.with_request(identity.org(asked.org())?, |request| {
        node.should_allow_or_park(request, wanted, patience, |answer| {
            let later = asked.retry_jitter().then(|| jittered(answer));
            let answer = later.as_ref().unwrap_or(answer);
            let hidden = discreet(answer, request.org);
            let answer = hidden.as_ref().unwrap_or(answer);
            let elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            door.recorder.record(Door::Http, answer, asked.key_id(), elapsed_ns);
            let unix_ns = node.unix_ns();
            let headers = headers::render(profiles, answer, unix_ns);
            let body = body(answer, included, &headers, unix_ns);
            if let Some(span) = span {
                span.answered(answer);
            }
            response(status(answer), headers, body)
        })
    })
}

/// The answer when too much work is in flight: nothing was looked at and nothing charged.
fn overloaded(door: &HttpDoor) -> Response {
    let answer = bare(Reason::Overloaded, Retry::Later);
    let unix_ns = door.edge.node.unix_ns();
    let headers = headers::render(&[], &answer, unix_ns);
    let body = body(&answer, Included::default(), &headers, unix_ns);
    response(status(&answer), headers, body)
}

fn response(status: StatusCode, fields: Vec<Field>, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in fields {
        // The values are printable ASCII.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Whether the body is said to be JSON: `application/json`, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Whether the body is compressed, or whatever else its sender did to it.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings
        .map(HeaderValue::as_bytes)
        .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"))
}

pub(super) async fn read(body: Body) -> Result<Bytes, HttpError> {
    let whole = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Err(_) => Err(HttpError::Slow),
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(HttpError::TooLarge),
        Ok(Err(error)) => Err(HttpError::Unread(axum::Error::new(error))),
    }
}
