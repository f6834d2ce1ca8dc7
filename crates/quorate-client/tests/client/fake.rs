//! A decision service that answers as it is told, on a port of its own, and can be killed like a process.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate_api::v1::decision_service_server::{DecisionService, DecisionServiceServer};
use quorate_api::v1::should_allow_request::Subject;
use quorate_api::v1::should_allow_stream_response::Result as Item;
use quorate_api::v1::{
    ExtendSlotRequest, ExtendSlotResponse, Reason, ReleaseSlotRequest, ReleaseSlotResponse, RequestError,
    ShouldAllowBatchRequest, ShouldAllowBatchResponse, ShouldAllowRequest, ShouldAllowResponse,
    ShouldAllowStreamRequest, ShouldAllowStreamResponse,
};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status, Streaming};

/// The longest that any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What the fake says to a request.
pub enum Reply {
    Answer(Box<ShouldAllowResponse>),
    Refuse(Code, &'static str),
    Never,
}

type Script = dyn Fn(&ShouldAllowRequest) -> Reply + Send + Sync;

/// What the fake saw.
#[derive(Default)]
pub struct Seen {
    /// Requests of any kind, in order.
    pub requests: Mutex<Vec<ShouldAllowRequest>>,
    /// The metadata of the last unary call.
    pub metadata: Mutex<MetadataMap>,
    /// How many streams were opened.
    pub streams: AtomicUsize,
    /// Slots that were given back: org and decision.
    pub released: Mutex<Vec<(String, String)>>,
}

/// A running fake. Dropping it kills it: its sockets close at once, whatever is in flight.
pub struct Fake {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    runtime: Option<Runtime>,
}

/// Allowed; the decision's id is the key, so that a test can tell whose answer it is.
pub fn allow(request: &ShouldAllowRequest) -> Reply {
    let key = match &request.subject {
        Some(Subject::Key(key) | Subject::Credential(key)) => key.clone(),
        None => String::new(),
    };
    Reply::Answer(Box::new(ShouldAllowResponse {
        allowed: true,
        reason: i32::from(Reason::Ok),
        decision_id: key,
        ..ShouldAllowResponse::default()
    }))
}

impl Fake {
    pub fn start(script: impl Fn(&ShouldAllowRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, script)
    }

    pub fn secure(tls: ServerTlsConfig) -> Self {
        Self::serve(Some(tls), allow)
    }

    fn serve(
        tls: Option<ServerTlsConfig>,
        script: impl Fn(&ShouldAllowRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (runtime, service) = Self::prepare(script);
        let seen = Arc::clone(&service.seen);
        let (listener, address) = Self::listen(&runtime);
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).expect("the test's certificates are good");
        }
        let served = server
            .add_service(DecisionServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        runtime.spawn(served);
        Self {
            address,
            seen,
            runtime: Some(runtime),
        }
    }

    /// A fake behind a layer.
    #[cfg(feature = "tower")]
    pub fn behind<M>(
        layer: quorate_client::ProtectLayer<quorate_client::Client, M>,
        script: impl Fn(&ShouldAllowRequest) -> Reply + Send + Sync + 'static,
    ) -> Self
    where
        M: Fn(&http::request::Parts) -> Option<quorate_client::Ask> + Clone + Send + Sync + 'static,
    {
        let (runtime, service) = Self::prepare(script);
        let seen = Arc::clone(&service.seen);
        let (listener, address) = Self::listen(&runtime);
        let served = Server::builder()
            .layer(layer)
            .add_service(DecisionServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        runtime.spawn(served);
        Self {
            address,
            seen,
            runtime: Some(runtime),
        }
    }

    fn listen(runtime: &Runtime) -> (TcpListener, SocketAddr) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can");
        let address = listener.local_addr().expect("it is bound");
        let _guard = runtime.enter();
        (TcpListener::from_std(listener).expect("it does not block"), address)
    }

    /// A fake at a Unix socket: unlike a port, nobody else takes its place between two fakes.
    pub fn on_socket(
        path: &std::path::Path,
        script: impl Fn(&ShouldAllowRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        // One that was killed leaves its file.
        let _ = std::fs::remove_file(path);
        let (runtime, service) = Self::prepare(script);
        let seen = Arc::clone(&service.seen);
        let listener = {
            let _guard = runtime.enter();
            UnixListener::bind(path).expect("the path is free")
        };
        let served = Server::builder()
            .add_service(DecisionServiceServer::new(service))
            .serve_with_incoming(UnixListenerStream::new(listener));
        runtime.spawn(served);
        Self {
            address: "127.0.0.1:0".parse().expect("an address"),
            seen,
            runtime: Some(runtime),
        }
    }

    fn prepare(script: impl Fn(&ShouldAllowRequest) -> Reply + Send + Sync + 'static) -> (Runtime, Service) {
        // A runtime of its own, so that killing it kills the connections too.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let service = Service {
            script: Arc::new(script),
            seen: Arc::default(),
        };
        (runtime, service)
    }

    pub fn url(&self) -> String {
        self.address.to_string()
    }

    /// Closes every socket.
    pub fn kill(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits on a thread that may block: the sockets are closed when this returns.
            std::thread::scope(|scope| scope.spawn(|| runtime.shutdown_timeout(PATIENCE)).join().ok());
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Service {
    script: Arc<Script>,
    seen: Arc<Seen>,
}

impl Service {
    async fn reply(script: &Script, seen: &Seen, request: ShouldAllowRequest) -> Result<ShouldAllowResponse, Status> {
        let reply = script(&request);
        seen.requests.lock().expect("no test panics in here").push(request);
        match reply {
            Reply::Answer(answer) => Ok(*answer),
            Reply::Refuse(code, message) => Err(Status::new(code, message)),
            Reply::Never => std::future::pending().await,
        }
    }
}

#[tonic::async_trait]
impl DecisionService for Service {
    async fn should_allow(
        &self,
        request: Request<ShouldAllowRequest>,
    ) -> Result<Response<ShouldAllowResponse>, Status> {
        *self.seen.metadata.lock().expect("no test panics in here") = request.metadata().clone();
        let answer = Self::reply(&*self.script, &self.seen, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn should_allow_batch(
        &self,
        request: Request<ShouldAllowBatchRequest>,
    ) -> Result<Response<ShouldAllowBatchResponse>, Status> {
        let mut responses = Vec::new();
        let request = request.into_inner();
        for request in request.requests {
            responses.push(Self::reply(&*self.script, &self.seen, request).await?);
        }
        let all_allowed = responses.iter().all(|response| response.allowed) && !request.all_or_nothing;
        // A test asks for one answer too few by this key.
        if responses.last().is_some_and(|last| last.decision_id == "swallow") {
            responses.pop();
        }
        Ok(Response::new(ShouldAllowBatchResponse { responses, all_allowed }))
    }

    type ShouldAllowStreamStream = Pin<Box<dyn Stream<Item = Result<ShouldAllowStreamResponse, Status>> + Send>>;

    async fn should_allow_stream(
        &self,
        request: Request<Streaming<ShouldAllowStreamRequest>>,
    ) -> Result<Response<Self::ShouldAllowStreamStream>, Status> {
        self.seen.streams.fetch_add(1, Ordering::SeqCst);
        if request
            .metadata()
            .get("authorization")
            .is_some_and(|value| value == "Bearer wrong")
        {
            return Err(Status::unauthenticated("who are you?"));
        }
        let (script, seen) = (Arc::clone(&self.script), Arc::clone(&self.seen));
        let answers = request.into_inner().then(move |item| {
            let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
            async move {
                let request = item?.request.unwrap_or_default();
                let result = match Self::reply(&*script, &seen, request).await {
                    Ok(answer) => Item::Response(answer),
                    Err(status) if status.code() == Code::Aborted => return Err(status),
                    Err(status) => Item::Error(RequestError {
                        code: u32::try_from(i32::from(status.code())).unwrap_or_default(),
                        message: status.message().to_owned(),
                    }),
                };
                Ok(ShouldAllowStreamResponse { result: Some(result) })
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn release_slot(
        &self,
        request: Request<ReleaseSlotRequest>,
    ) -> Result<Response<ReleaseSlotResponse>, Status> {
        let request = request.into_inner();
        if request.org.is_empty() {
            return Err(Status::invalid_argument("org: missing"));
        }
        let released = request.decision_id == "held";
        let mut all = self.seen.released.lock().expect("no test panics in here");
        all.push((request.org, request.decision_id));
        Ok(Response::new(ReleaseSlotResponse { released }))
    }

    async fn extend_slot(&self, request: Request<ExtendSlotRequest>) -> Result<Response<ExtendSlotResponse>, Status> {
        let extended = request.into_inner().decision_id == "held";
        Ok(Response::new(ExtendSlotResponse {
            extended,
            expires_after_ns: 900_000_000_000,
        }))
    }
}

/// Asks again until it holds, as long as a test may wait.
pub async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let mut turn = tokio::time::interval(Duration::from_millis(5));
    let all = async {
        while !holds().await {
            turn.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("it holds in the end");
}
