//! The doors of one connection: finds what a call asks for by its path, and takes in what may come in.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::metadata::MetadataValue;

use super::call::{Admission, Answering, Method, Unary};
use super::companions::Companions;
use super::decisions::Decisions;
use super::frames::Frames;
use super::reply::{Ending, Reply};
use super::status::{CallError, draining};
use super::stream::Answers;
use super::unary::OneMessage;
use crate::callers::{Caller, Identity, Refusal};
use crate::listen::{Activity, Kept, OpenCall};
use crate::telemetry::Door as Counted;
use crate::telemetry::traces::CallSpan;

/// The path of the decision service.
const DECISIONS: &str = "/quorate.v1.DecisionService/";

/// The path of Envoy's rate limit service.
const RATE_LIMITS: &str = "/envoy.service.ratelimit.v3.RateLimitService/";
/// The path of Envoy's external authorization.
const AUTHORIZATION: &str = "/envoy.service.auth.v3.Authorization/";

/// What all connections of one data-plane thread share.
#[derive(Clone, Debug)]
pub struct Doors {
    decisions: Arc<Decisions>,
    companions: Companions,
    message_bytes_max: usize,
    stream_patience: Duration,
}

/// The doors of one connection.
#[derive(Debug)]
pub struct Door {
    doors: Doors,
    certified: Option<Arc<Caller>>,
    activity: Arc<Activity>,
    stop: CancellationToken,
}

impl Doors {
    /// The doors of a thread. When the server stops, a stream that stays busy is ended after `stream_patience`.
    #[must_use]
    pub fn new(
        decisions: Decisions,
        companions: Companions,
        message_bytes_max: usize,
        stream_patience: Duration,
    ) -> Self {
        Self {
            decisions: Arc::new(decisions),
            companions,
            message_bytes_max,
            stream_patience,
        }
    }

    /// The doors for one connection of a caller that its certificate may have proved.
    #[must_use]
    pub fn open(&self, certified: Option<Arc<Caller>>, activity: Arc<Activity>, stop: CancellationToken) -> Door {
        Door {
            doors: self.clone(),
            certified,
            activity,
            stop,
        }
    }
}

impl Service<Request<Incoming>> for Door {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let open = OpenCall::new(&self.activity);
        if let Err(refusal) = spoken(&request) {
            return refusal.answer(open);
        }
        let path = request.uri().path();
        if let Some(method) = path.strip_prefix(RATE_LIMITS) {
            return match method {
                "ShouldRateLimit" => self.unary(Method::ShouldRateLimit, request, open),
                _ => Answering::refused(no_method(), open),
            };
        }
        if let Some(method) = path.strip_prefix(AUTHORIZATION) {
            return match method {
                "Check" => self.unary(Method::Check, request, open),
                _ => Answering::refused(no_method(), open),
            };
        }
        match path.strip_prefix(DECISIONS) {
            Some("ShouldAllow") => self.unary(Method::ShouldAllow, request, open),
            Some("ShouldAllowStream") => self.stream(request, open),
            Some("ShouldAllowBatch") => self.unary(Method::ShouldAllowBatch, request, open),
            Some("ReleaseSlot") => self.unary(Method::ReleaseSlot, request, open),
            Some("ExtendSlot") => self.unary(Method::ExtendSlot, request, open),
            Some(_) => Answering::refused(no_method(), open),
            None => self.companion(request, open),
        }
    }
}

impl Door {
    fn unary(&self, method: Method, request: Request<Incoming>, open: OpenCall) -> Answering {
        let identity = match self.admit(&request, method.door()) {
            Ok(identity) => identity,
            Err(status) => return Answering::refused(status, open),
        };
        let in_flight = &self.doors.decisions.edge().in_flight;
        let admission = match method {
            Method::ReleaseSlot | Method::ExtendSlot => Admission::Exempt,
            Method::ShouldAllow | Method::ShouldAllowBatch | Method::ShouldRateLimit | Method::Check => {
                in_flight.enter().map_or(Admission::Overloaded, Admission::Admitted)
            }
        };
        let span = method.door().and_then(|door| self.span(door, &request));
        let admitted = matches!(admission, Admission::Admitted(_)).then(|| Arc::clone(&self.doors.decisions));
        Answering::unary(Unary {
            waiting: None,
            begun: None,
            rate_limit_begun: None,
            method,
            message: OneMessage::new(self.frames(request), admitted),
            decisions: Arc::clone(&self.doors.decisions),
            identity,
            admission,
            span,
            open: Some(open),
        })
    }

    fn stream(&self, request: Request<Incoming>, open: OpenCall) -> Answering {
        let identity = match self.admit(&request, Some(Counted::GrpcStream)) {
            Ok(identity) => identity,
            Err(status) => return Answering::refused(status, open),
        };
        let span = self.span(Counted::GrpcStream, &request);
        let inbound = self.frames(request);
        let answers = Answers::new(inbound, Arc::clone(&self.doors.decisions), identity, span);
        Answering::at_once(Reply::stream(answers, self.ending(), open))
    }

    fn companion(&self, request: Request<Incoming>, open: OpenCall) -> Answering {
        let companions = &self.doors.companions;
        let path = request.uri().path();
        let mut service = if path.starts_with("/grpc.health.v1.Health/") {
            companions.health.clone()
        } else if path.starts_with("/grpc.reflection.v1.ServerReflection/") {
            companions.reflection.clone()
        } else if path.starts_with("/grpc.reflection.v1alpha.ServerReflection/") {
            companions.reflection_alpha.clone()
        } else {
            return Answering::refused(Status::unimplemented("this server has no such service"), open);
        };
        let mut ending = self.ending();
        Answering::other(async move {
            tokio::select! {
                biased;
                Ok(response) = tower::Service::call(&mut service, request) => Reply::companion(response, ending, open),
                // These services read a message before they answer, and it may never come.
                () = ending.over() => Reply::status(draining(), open),
            }
        })
    }

    fn frames(&self, request: Request<Incoming>) -> Frames {
        let kept = Kept::nothing(&self.activity);
        Frames::new(request.into_body(), self.doors.message_bytes_max, kept)
    }

    /// How a stream ends when the server stops.
    fn ending(&self) -> Ending {
        Ending::when(self.stop.clone(), self.doors.stream_patience)
    }

    /// Who calls, if the call may come in at all.
    fn admit(&self, request: &Request<Incoming>, door: Option<Counted>) -> Result<Identity, Status> {
        uncompressed(request)?;
        let callers = &self.doors.decisions.edge().callers;
        if callers.is_open() {
            return Ok(Identity::Anyone);
        }
        let authorization = request.headers().get(header::AUTHORIZATION);
        let identity = callers.identify(self.certified.as_ref(), authorization.map(|value| value.as_bytes()));
        identity.map_err(|refusal| self.refused(door, refusal))
    }

    fn refused(&self, door: Option<Counted>, refusal: Refusal) -> Status {
        let error = CallError::from(refusal);
        if let Some(door) = door {
            self.doors.decisions.count_error(door, &error);
        }
        error.into()
    }

    fn span(&self, door: Counted, request: &Request<Incoming>) -> Option<Box<CallSpan>> {
        let traces = self.doors.decisions.traces()?;
        traces.begin(request.headers(), door).map(Box::new)
    }
}

/// Why a request is no call of gRPC.
enum Unspoken {
    /// Calls are POST.
    Method,
    /// The content is not gRPC's.
    ContentType,
    /// It is, and its messages are in no format that is taken.
    Format,
}

impl Unspoken {
    fn answer(self, open: OpenCall) -> Answering {
        let mut head = Response::new(());
        match self {
            Self::Method => {
                *head.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                head.headers_mut()
                    .insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            Self::ContentType => *head.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Format => {
                let text = "messages are taken as application/grpc or application/grpc+proto";
                return Answering::refused(Status::unimplemented(text), open);
            }
        }
        Answering::at_once(Reply::nothing(head, open))
    }
}

fn no_method() -> Status {
    Status::unimplemented("this service has no such method")
}

/// Whether a request is a call of gRPC, as its specification has it: else a page in a browser could make one.
fn spoken(request: &Request<Incoming>) -> Result<(), Unspoken> {
    if request.method() != http::Method::POST {
        return Err(Unspoken::Method);
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    format_of(content_type.map_or(b"", HeaderValue::as_bytes))
}

fn format_of(content_type: &[u8]) -> Result<(), Unspoken> {
    const GRPC: &[u8] = b"application/grpc";
    let (essence, format) = content_type.split_at_checked(GRPC.len()).ok_or(Unspoken::ContentType)?;
    if !essence.eq_ignore_ascii_case(GRPC) {
        return Err(Unspoken::ContentType);
    }
    let format = format
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    match format {
        [] => Ok(()),
        [b'+', format @ ..] if format.eq_ignore_ascii_case(b"proto") => Ok(()),
        [b'+', ..] => Err(Unspoken::Format),
        _ => Err(Unspoken::ContentType),
    }
}

/// Refuses messages in a compression, and says which are taken.
fn uncompressed(request: &Request<Incoming>) -> Result<(), Status> {
    match request.headers().get("grpc-encoding") {
        Some(encoding) if encoding != "identity" => {
            let mut status = Status::unimplemented("compressed messages are not taken");
            let identity = MetadataValue::from_static("identity");
            status.metadata_mut().insert("grpc-accept-encoding", identity);
            Err(status)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_grpc_or_it_is_not() {
        let told = |content_type: &str| match format_of(content_type.as_bytes()) {
            Ok(()) => "taken",
            Err(Unspoken::Format) => "another format",
            Err(Unspoken::ContentType | Unspoken::Method) => "not gRPC",
        };
        for (content_type, expected) in [
            ("application/grpc", "taken"),
            ("application/grpc+proto", "taken"),
            ("Application/gRPC+Proto", "taken"),
            ("application/grpc; charset=utf-8", "taken"),
            ("application/grpc+proto;x=y", "taken"),
            ("application/grpc+json", "another format"),
            ("application/grpc-web", "not gRPC"),
            ("application/grpc-web+proto", "not gRPC"),
            ("application/json", "not gRPC"),
            ("text/plain", "not gRPC"),
            ("", "not gRPC"),
        ] {
            assert_eq!(told(content_type), expected, "{content_type:?}");
        }
    }
}
