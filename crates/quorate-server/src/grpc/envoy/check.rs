//! `envoy.service.auth.v3.Authorization/Check`: the policy's answer as Envoy passes it on, with the status, the headers
//! and the body of the HTTP door.
//!
//! Whatever an end user can choose makes a denial, never an error: Envoy may let requests pass whose check fails.

use prost::Message;
use quanta::Instant;
use quorate_api::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use quorate_api::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use quorate_api::envoy::service::auth::v3::check_response::HttpResponse;
use quorate_api::envoy::service::auth::v3::{CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse};
use quorate_api::envoy::r#type::v3::HttpStatus;
use quorate_api::google::rpc::Status as RpcStatus;
use quorate_core::answer::{Answer, Reason, Retry};
use quorate_core::request::InvalidRequest;
use quorate_node::quotas::{Parked, Patience};
use quorate_node::{Decided, Wanted};
use quorate_policy::HeaderProfile;
use tonic::Code;

use super::authorization::Authorized;
use crate::callers::Identity;
use crate::edge::{bare, discreet};
use crate::grpc::decisions::Decisions;
use crate::grpc::status::CallError;
use crate::headers::{self, Field};
use crate::http::answer::{Included, body};
use crate::http::reason::{status, told};
use crate::telemetry::Door;

/// The header in which the service behind Envoy learns which slot to give back.
const DECISION_ID: &str = "x-quorate-decision-id";

impl Decisions {
    /// Decides a check and writes the answer. Nothing is written when the request is given a place to wait.
    pub(in crate::grpc) fn check(
        &self,
        patience: Patience,
        identity: &Identity,
        message: &[u8],
        out: &mut Vec<u8>,
        look: impl FnOnce(&Answer<'_>),
    ) -> Result<Option<Parked>, CallError> {
        let started = Instant::now();
        let message = CheckRequest::decode(message)?;
        let asked = Authorized::read(&message, &self.edge().authz)?;
        let Ok(org) = identity.org(asked.org()) else {
            let answer = bare(Reason::OrgMismatch, Retry::Never);
            self.count(Door::EnvoyAuthorization, &answer, &asked.request(""), &mut { started });
            write(out, &response(&answer, &[], 0));
            return Ok(None);
        };
        let request = asked.request(org);
        let node = &self.edge().node;
        let profiles = node.policy();
        let profiles = profiles.headers();
        let wanted = Wanted {
            // Some header profiles list every limit.
            statuses: !profiles.is_empty(),
        };
        let decided = node.should_allow_or_park(&request, wanted, patience, |answer| {
            let hidden = discreet(answer, request.org);
            let answer = hidden.as_ref().unwrap_or(answer);
            self.count(Door::EnvoyAuthorization, answer, &request, &mut { started });
            look(answer);
            write(out, &response(answer, profiles, node.unix_ns()));
        });
        match decided {
            Ok(Decided::Answered(())) => Ok(None),
            Ok(Decided::Parked(parked)) => Ok(Some(parked)),
            Err(invalid) => {
                self.count_error(Door::EnvoyAuthorization, &CallError::Invalid(invalid.clone()));
                write(out, &malformed(&invalid));
                Ok(None)
            }
        }
    }

    /// Writes the answer to a check when too much work is in flight.
    pub(in crate::grpc) fn overloaded_check(&self, out: &mut Vec<u8>) {
        self.count_overloaded(Door::EnvoyAuthorization);
        write(out, &response(&bare(Reason::Overloaded, Retry::Later), &[], 0));
    }
}

fn write(out: &mut Vec<u8>, response: &CheckResponse) {
    response.encode(out).expect("a vector grows");
}

fn response(answer: &Answer<'_>, profiles: &[HeaderProfile], unix_ns: u64) -> CheckResponse {
    let fields = headers::render(profiles, answer, unix_ns);
    if answer.allowed() {
        let slot = answer
            .slot_held
            .then(|| option(DECISION_ID, answer.decision_id.to_string()));
        // A client's own would have the service give back a slot that is another's.
        let forged = slot.is_none().then(|| DECISION_ID.to_owned());
        let passed = OkHttpResponse {
            headers: slot.into_iter().collect(),
            headers_to_remove: forged.into_iter().collect(),
            response_headers_to_add: options(&fields),
            ..OkHttpResponse::default()
        };
        return CheckResponse {
            status: Some(RpcStatus::default()),
            http_response: Some(HttpResponse::OkResponse(passed)),
            dynamic_metadata: None,
        };
    }
    let status = status(answer);
    let body = body(answer, Included::default(), &fields, unix_ns);
    denied(status, told(answer.reason).code, options(&fields), body)
}

/// The answer to a request that cannot be.
fn malformed(invalid: &InvalidRequest) -> CheckResponse {
    let body = serde_json::json!({"error": {"code": "INVALID_ARGUMENT", "message": invalid.to_string()}});
    denied(
        http::StatusCode::BAD_REQUEST,
        "INVALID_ARGUMENT",
        Vec::new(),
        body.to_string().into_bytes(),
    )
}

fn denied(status: http::StatusCode, code: &str, mut headers: Vec<HeaderValueOption>, body: Vec<u8>) -> CheckResponse {
    headers.push(option("content-type", "application/json".to_owned()));
    let response = DeniedHttpResponse {
        status: Some(HttpStatus {
            code: i32::from(status.as_u16()),
        }),
        headers,
        // JSON is UTF-8.
        body: String::from_utf8(body).unwrap_or_default(),
    };
    CheckResponse {
        status: Some(RpcStatus {
            code: i32::from(rpc_code(status)),
            message: code.to_owned(),
            details: Vec::new(),
        }),
        http_response: Some(HttpResponse::DeniedResponse(response)),
        dynamic_metadata: None,
    }
}

/// The code of gRPC that says the same as a status of HTTP. Envoy goes by the status.
fn rpc_code(status: http::StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        402 | 429 => Code::ResourceExhausted,
        422 => Code::FailedPrecondition,
        503 => Code::Unavailable,
        _ => Code::PermissionDenied,
    }
}

/// Header fields as Envoy is to set them: each name once, since it replaces what has the name.
fn options(fields: &[Field]) -> Vec<HeaderValueOption> {
    let mut joined: Vec<(&str, String)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match joined.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            None => joined.push((name, value.clone())),
        }
    }
    joined.into_iter().map(|(name, value)| option(name, value)).collect()
}

fn option(name: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value,
            raw_value: Vec::new(),
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

#[cfg(test)]
mod tests;
