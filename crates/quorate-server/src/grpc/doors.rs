//! The doors of one connection: finds what a call asks for by its path, and takes in what may come in.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, header};
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
use crate::listen::{Activity, OpenCall};
use crate::telemetry::Door as Counted;
use crate::telemetry::traces::CallSpan;

/// The path of the decision service.
const DECISIONS: &str = "/quorate.v1.DecisionService/";

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
        match request.uri().path().strip_prefix(DECISIONS) {
            Some("ShouldAllow") => self.unary(Method::ShouldAllow, request, open),
            Some("ShouldAllowStream") => self.stream(request, open),
            Some("ShouldAllowBatch") => self.unary(Method::ShouldAllowBatch, request, open),
            Some("ReleaseSlot") => self.unary(Method::ReleaseSlot, request, open),
            Some("ExtendSlot") => self.unary(Method::ExtendSlot, request, open),
            Some(_) => Answering::refused(Status::unimplemented("this service has no such method"), open),
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
            Method::ShouldAllow | Method::ShouldAllowBatch => {
                in_flight.enter().map_or(Admission::Overloaded, Admission::Admitted)
            }
        };
        let span = method.door().and_then(|door| self.span(door, &request));
        Answering::unary(Unary {
            waiting: None,
            method,
            message: OneMessage::new(request.into_body(), self.doors.message_bytes_max),
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
        let inbound = Frames::new(request.into_body(), self.doors.message_bytes_max);
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
