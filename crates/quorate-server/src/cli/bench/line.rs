//! One connection of the load and the calls on it: several callers that each send, wait, and send again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use quorate_api::v1::{ShouldAllowBatchRequest, ShouldAllowRequest};
use tonic::client::Grpc;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::keys::Requests;
use super::pace::Pace;
use super::tally::Tally;
use super::transport::{Target, Transport};
use super::wire::{Slim, SlimBatch};

/// How long a connection that could not be made is left alone: enough to count the failures of a server that restarts,
/// not so little that they are all that is measured.
const PAUSE: Duration = Duration::from_millis(100);

/// What everybody on one thread shares.
#[derive(Debug)]
pub struct Thread {
    pub target: Target,
    pub pace: Pace,
    pub tally: RefCell<Tally>,
    pub progress: Arc<Progress>,
}

/// What the terminal is told while the load runs.
#[derive(Debug, Default)]
pub struct Progress {
    pub decisions: AtomicU64,
    pub failures: AtomicU64,
}

/// One connection, made anew when it is lost.
#[derive(Debug)]
pub struct Line {
    pub thread: Rc<Thread>,
    pub requests: Requests,
    transport: tokio::sync::Mutex<Transport>,
    /// When it could not be made the last time.
    failed_at: Cell<Option<Instant>>,
}

impl Thread {
    pub fn answered(&self, allowed: u64, denied: u64, intended: Instant) {
        self.progress.decisions.fetch_add(allowed + denied, Ordering::Relaxed);
        if self.pace.counts(intended) {
            self.tally.borrow_mut().answered(allowed, denied, intended.elapsed());
        }
    }

    pub fn failed(&self, kind: &'static str, intended: Instant) {
        self.progress.failures.fetch_add(1, Ordering::Relaxed);
        if self.pace.counts(intended) {
            self.tally.borrow_mut().failed(kind);
        }
    }
}

impl Line {
    pub fn new(thread: Rc<Thread>, requests: Requests, transport: Transport) -> Self {
        Self {
            thread,
            requests,
            transport: tokio::sync::Mutex::new(transport),
            failed_at: Cell::new(None),
        }
    }

    /// The connection, if there is one or one can be made. Callers that find none wait a little, all at once.
    pub async fn transport(&self) -> Option<Transport> {
        let transport = self.reconnected().await;
        if transport.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
        transport
    }

    async fn reconnected(&self) -> Option<Transport> {
        let mut transport = self.transport.lock().await;
        if !transport.is_closed() {
            return Some(transport.clone());
        }
        let tried = self.failed_at.get();
        if tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        let Ok(fresh) = self.thread.target.connect().await else {
            self.failed_at.set(Some(Instant::now()));
            return None;
        };
        *transport = fresh;
        Some(transport.clone())
    }

    /// Metadata that every call carries.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(value) = &self.thread.target.authorization {
            request.metadata_mut().insert("authorization", value.clone());
        }
        request
    }

    /// One caller of unary calls, or of batches when there is a size.
    pub async fn call(self: Rc<Self>, batch_size: Option<usize>) {
        let mut client = None;
        while let Some(intended) = self.thread.pace.next().await {
            let Some(mut open) = self.client(client.take()).await else {
                self.thread.failed("UNREACHABLE", intended);
                continue;
            };
            let sent = match batch_size {
                None => tokio::time::timeout(self.thread.target.deadline, self.one(&mut open.grpc)).await,
                Some(size) => tokio::time::timeout(self.thread.target.deadline, self.batch(&mut open.grpc, size)).await,
            };
            match sent {
                Ok(Ok((allowed, denied))) => self.thread.answered(allowed, denied, intended),
                Ok(Err(status)) => self.thread.failed(kind(&status), intended),
                Err(_) => self.thread.failed("DEADLINE", intended),
            }
            client = Some(open);
        }
    }

    /// The caller's own client, made anew when its connection was lost.
    async fn client(&self, client: Option<Open>) -> Option<Open> {
        if let Some(open) = client.filter(|open| !open.transport.is_closed()) {
            return Some(open);
        }
        let transport = self.transport().await?;
        let grpc = Grpc::with_origin(transport.clone(), self.thread.target.origin());
        Some(Open { transport, grpc })
    }

    async fn one(&self, client: &mut Grpc<Transport>) -> Result<(u64, u64), Status> {
        let path = PathAndQuery::from_static("/quorate.v1.DecisionService/ShouldAllow");
        let codec = ProstCodec::<ShouldAllowRequest, Slim>::default();
        client
            .ready()
            .await
            .map_err(|error| Status::from_error(Box::new(error)))?;
        let request = self.request(self.requests.next());
        let answer = client.unary(request, path, codec).await?.into_inner();
        Ok(count(&[answer]))
    }

    async fn batch(&self, client: &mut Grpc<Transport>, size: usize) -> Result<(u64, u64), Status> {
        let path = PathAndQuery::from_static("/quorate.v1.DecisionService/ShouldAllowBatch");
        let codec = ProstCodec::<ShouldAllowBatchRequest, SlimBatch>::default();
        client
            .ready()
            .await
            .map_err(|error| Status::from_error(Box::new(error)))?;
        let request = self.request(ShouldAllowBatchRequest {
            requests: (0..size).map(|_| self.requests.next()).collect(),
            all_or_nothing: false,
        });
        let answer = client.unary(request, path, codec).await?.into_inner();
        Ok(count(&answer.responses))
    }
}

/// A caller's client and the connection that it is on.
struct Open {
    transport: Transport,
    grpc: Grpc<Transport>,
}

fn count(answers: &[Slim]) -> (u64, u64) {
    let allowed = answers.iter().filter(|answer| answer.allowed).count();
    let number = |count: usize| u64::try_from(count).unwrap_or_default();
    (number(allowed), number(answers.len() - allowed))
}

/// What went wrong with a call: the gRPC status, or that the connection was lost.
pub fn kind(status: &Status) -> &'static str {
    if std::error::Error::source(status).is_some() {
        return "DISCONNECTED";
    }
    kind_of(status.code())
}

/// What went wrong with a request, by the code of gRPC that it was answered with.
pub const fn kind_of(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::Unauthenticated => "UNAUTHENTICATED",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unavailable => "UNAVAILABLE",
        Code::DeadlineExceeded => "DEADLINE",
        Code::Cancelled => "CANCELLED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        _ => "OTHER",
    }
}
