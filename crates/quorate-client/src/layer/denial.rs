//! What a denied request is told: over HTTP a status, headers and a JSON body, over gRPC a status in trailers alone.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};
use tonic::{Code, Status};

use super::body::ProtectBody;
use super::{headers, write};
use crate::answer::{Answer, Reason};
use crate::failure::Refused;

/// When a gRPC client that retries by itself may do so: milliseconds, or a negative number for never (gRPC proposal
/// A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The response to a request that was denied.
pub(super) fn denied<B>(answer: &Answer, grpc: bool, quota_exhausted: StatusCode) -> Response<ProtectBody<B>> {
    let told = Told::of(answer.reason, quota_exhausted);
    let mut response = if grpc {
        let mut response = status(told.code, format!("{}: {}", answer.reason, told.message));
        response.headers_mut().insert(PUSHBACK, pushback(answer));
        response
    } else {
        json(told.status, &body(answer, told.message))
    };
    write(headers(answer), response.headers_mut());
    if !grpc {
        retry_after(answer, response.headers_mut());
    }
    response
}

/// The response to a request that the server refused to judge. That is a mistake of whoever protected the service, not
/// of the request's sender, who learns no more.
pub(super) fn unjudged<B>(_: &Refused, grpc: bool) -> Response<ProtectBody<B>> {
    let message = "the request could not be judged";
    if grpc {
        return status(Code::Internal, message.to_owned());
    }
    let mut error = Map::new();
    error.insert("code".to_owned(), "NOT_JUDGED".into());
    error.insert("message".to_owned(), message.into());
    json(StatusCode::INTERNAL_SERVER_ERROR, &error)
}

struct Told {
    status: StatusCode,
    code: Code,
    message: &'static str,
}

impl Told {
    fn of(reason: Reason, quota_exhausted: StatusCode) -> Self {
        use StatusCode as S;
        let (status, code, message) = match reason {
            Reason::RateLimited => (
                S::TOO_MANY_REQUESTS,
                Code::ResourceExhausted,
                "a rate limit has no room now",
            ),
            Reason::QuotaExhausted => (quota_exhausted, Code::ResourceExhausted, "a quota has no units left"),
            Reason::QuotaPending => (
                S::TOO_MANY_REQUESTS,
                Code::ResourceExhausted,
                "a quota's units are on their way; try again",
            ),
            Reason::PoolExhausted => (
                S::TOO_MANY_REQUESTS,
                Code::ResourceExhausted,
                "the org's pool has no units left now",
            ),
            Reason::ConcurrencyExceeded => (
                S::TOO_MANY_REQUESTS,
                Code::ResourceExhausted,
                "no concurrency slot is free now",
            ),
            Reason::KeyUnknown => (
                S::UNAUTHORIZED,
                Code::Unauthenticated,
                "the key or credential is not known",
            ),
            Reason::KeyInvalid => (
                S::UNAUTHORIZED,
                Code::Unauthenticated,
                "the key is malformed or too long",
            ),
            Reason::KeyRevoked => (S::FORBIDDEN, Code::PermissionDenied, "the key was revoked"),
            Reason::KeySuspended => (S::FORBIDDEN, Code::PermissionDenied, "the key is suspended"),
            Reason::KeyExpired => (S::FORBIDDEN, Code::PermissionDenied, "the key has expired"),
            Reason::OrgMismatch => (S::FORBIDDEN, Code::PermissionDenied, "the key belongs to another org"),
            Reason::Banned => (S::FORBIDDEN, Code::PermissionDenied, "the key or org is banned"),
            Reason::Paused => (S::FORBIDDEN, Code::PermissionDenied, "the key or org is paused"),
            Reason::ScopeMissing => (
                S::FORBIDDEN,
                Code::PermissionDenied,
                "the endpoint requires a scope that the key lacks",
            ),
            Reason::EnvironmentMismatch => (
                S::FORBIDDEN,
                Code::PermissionDenied,
                "the key is bound to another environment",
            ),
            Reason::PolicyForbids => (S::FORBIDDEN, Code::PermissionDenied, "the policy forbids the request"),
            Reason::CostExceedsLimit => (
                S::UNPROCESSABLE_ENTITY,
                // Not RESOURCE_EXHAUSTED, which clients retry: only a smaller cost may pass.
                Code::FailedPrecondition,
                "the cost is larger than a limit could ever pass",
            ),
            Reason::Overloaded => (
                S::SERVICE_UNAVAILABLE,
                Code::Unavailable,
                "the server has too much work in flight",
            ),
            // An answer that is denied and says OK does not exist; what is newer than this client is no one's fault.
            Reason::Unavailable | Reason::Ok | Reason::Unrecognized(_) => (
                S::SERVICE_UNAVAILABLE,
                Code::Unavailable,
                "what decides this is away now",
            ),
        };
        Self { status, code, message }
    }
}

fn body(answer: &Answer, message: &str) -> Map<String, Value> {
    let mut error = Map::new();
    error.insert("code".to_owned(), answer.reason.code().into());
    error.insert("message".to_owned(), message.into());
    error.insert("retryable".to_owned(), answer.retryable.into());
    if let Some(seconds) = retry_seconds(answer) {
        error.insert("retry_after".to_owned(), seconds.into());
    }
    if let Some(binding) = &answer.binding {
        error.insert("limit_name".to_owned(), binding.name.as_str().into());
        error.insert("limit".to_owned(), binding.limit.into());
        error.insert("remaining".to_owned(), binding.remaining.into());
    }
    if !answer.decision_id.is_empty() {
        error.insert("decision_id".to_owned(), answer.decision_id.as_str().into());
    }
    error
}

/// Seconds, rounded up, at least 1, for every denial that may pass later; 1 too when nobody knows when.
fn retry_seconds(answer: &Answer) -> Option<u64> {
    let known = answer.retry_after.map(|after| {
        let more = u64::from(after.subsec_nanos() > 0);
        after.as_secs().saturating_add(more).max(1)
    });
    answer.retryable.then(|| known.unwrap_or(1))
}

fn retry_after(answer: &Answer, headers: &mut HeaderMap) {
    if let Some(seconds) = retry_seconds(answer) {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn pushback(answer: &Answer) -> HeaderValue {
    match (answer.retryable, answer.retry_after) {
        (false, _) => HeaderValue::from_static("-1"),
        (true, after) => {
            let nanos = after.unwrap_or(Duration::from_secs(1)).as_nanos();
            HeaderValue::from(u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX))
        }
    }
}

fn status<B>(code: Code, message: String) -> Response<ProtectBody<B>> {
    Status::new(code, message).into_http()
}

fn json<B>(status: StatusCode, error: &Map<String, Value>) -> Response<ProtectBody<B>> {
    let text = serde_json::json!({ "error": error }).to_string();
    let mut response = Response::new(ProtectBody::denial(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
