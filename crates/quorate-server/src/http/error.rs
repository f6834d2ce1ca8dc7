//! What is no answer: requests that are malformed, refused, or ask for what is not there. A denial is an answer and
//! never comes by here.

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode, Uri};
use quorate_core::request::InvalidRequest;
use serde::Serialize;
use thiserror::Error;

use super::request::BODY_BYTES_MAX;
use crate::callers::Refusal;
use crate::envoy::EnvoyError;

/// Why a request has no answer. Nothing was charged.
#[derive(Debug, Error)]
pub(super) enum HttpError {
    /// The body is not a request.
    #[error("{0}")]
    Malformed(String),
    /// The body is a request that cannot be.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The caller is not known, or may not ask for that org.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body is not said to be JSON.
    #[error("content-type: application/json is expected")]
    MediaType,
    /// The body is compressed.
    #[error("content-encoding: none is taken")]
    Encoding,
    /// The body is too long.
    #[error("body: more than the maximum of {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// The body did not come in time.
    #[error("body: it did not come in time")]
    Slow,
    /// The body could not be read.
    #[error("body: {0}")]
    Unread(axum::Error),
    /// Envoy's rate limit service has no answer.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// There is no such path.
    #[error("no such path: {path}")]
    NotFound {
        /// The path.
        path: String,
    },
    /// What would answer is away, or was never there.
    #[error("{0}")]
    Unavailable(String),
    /// The path has no such method.
    #[error("the path has no such method; `allow` says which it has")]
    MethodNotAllowed,
}

impl HttpError {
    const fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) | Self::Invalid(_) | Self::Unread(_) => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
            Self::Envoy(EnvoyError::NotServed) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Envoy(EnvoyError::Overloaded) => (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"),
            Self::Envoy(EnvoyError::Caller(_)) => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::Envoy(_) => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
            Self::MediaType | Self::Encoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "DEADLINE_EXCEEDED"),
            Self::Refused(Refusal::Unauthenticated) => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            Self::Refused(Refusal::OrgForbidden | Refusal::OrgUnnamed) => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    message: &'a str,
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, code) = self.told();
        let body = Body {
            error: Told {
                code,
                message: &self.to_string(),
            },
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Answers a path that is not there.
pub(super) async fn not_found(uri: Uri) -> HttpError {
    /// The most of a path that is repeated, in bytes.
    const SHOWN_MAX: usize = 200;
    let path = uri.path();
    HttpError::NotFound {
        path: path[..path.floor_char_boundary(SHOWN_MAX)].to_owned(),
    }
}

/// Answers a method that the path does not have.
pub(super) async fn method_not_allowed() -> HttpError {
    HttpError::MethodNotAllowed
}
