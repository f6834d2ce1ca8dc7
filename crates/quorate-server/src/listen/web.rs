//! The HTTP door's connections: HTTP/1.1 and HTTP/2 into an axum router, on the admin runtime.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, OpenCall};
use super::connection::shake_hands;
use super::lifetime::live;
use super::limits::ConnectionLimits;
use super::peer::Certified;
use super::socket::Socket;
use super::tls::Tls;
use crate::edge::Edge;
use crate::telemetry::Listener;

/// How long the head of an HTTP/1 request may take: what does not send one gives its place back.
const REQUEST_HEAD_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long dropping may take: as long as one step of what is dropped.
pub(super) const ABORT_MAX: Duration = Duration::from_secs(5);

/// What the HTTP door is told at its start.
#[derive(Debug)]
pub struct WebConfig {
    /// Bounds on connections.
    pub limits: ConnectionLimits,
    /// TLS.
    pub tls: Option<Arc<Tls>>,
    /// What every door shares.
    pub edge: Arc<Edge>,
}

/// The HTTP door.
#[derive(Clone, Debug)]
pub struct Web {
    config: Arc<WebConfig>,
    router: axum::Router,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
    abort: CancellationToken,
    /// Connections, and calls that run for themselves.
    tracker: TaskTracker,
}

impl Web {
    /// A door into `router`. Each request carries [`Certified`] among its extensions.
    #[must_use]
    pub fn new(config: WebConfig, router: axum::Router) -> Self {
        Self {
            config: Arc::new(config),
            router,
            connections: Arc::new(AtomicUsize::new(0)),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            tracker: TaskTracker::new(),
        }
    }

    /// Serves a connection on the runtime that calls this; one too many is closed.
    pub fn take_in(&self, socket: Socket) {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.config.limits.connections_max {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            self.config.edge.telemetry.connections().refused(Listener::Http);
            return;
        }
        let web = self.clone();
        let abort = self.abort.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = abort.cancelled() => {}
                () = web.serve(socket) => {}
            }
            web.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Says goodbye on every connection, waits at most `patience`, and drops the rest. Nothing is decided here afterwards.
    pub async fn drain(&self, patience: Duration) {
        self.stop.cancel();
        self.tracker.close();
        let _ = tokio::time::timeout(patience, self.tracker.wait()).await;
        self.abort.cancel();
        let gone = tokio::time::timeout(ABORT_MAX, self.tracker.wait()).await;
        if gone.is_err() {
            tracing::error!("some HTTP calls could not be dropped: what they decide now may not be kept");
        }
    }

    async fn serve(&self, socket: Socket) {
        let connections = self.config.edge.telemetry.connections();
        let _open = connections.opened(Listener::Http);
        // The HTTP door has no Unix socket.
        let Socket::Tcp(stream) = socket else { return };
        let Ok(stream) = TcpStream::from_std(stream) else {
            return;
        };
        match &self.config.tls {
            None => self.serve_http(stream, Certified::default()).await,
            Some(tls) => {
                let callers = &self.config.edge.callers;
                let Some((stream, certified)) = shake_hands(stream, tls, callers).await else {
                    connections.refused(Listener::Http);
                    return;
                };
                self.serve_http(stream, certified).await;
            }
        }
    }

    async fn serve_http(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, certified: Certified) {
        let limits = &self.config.limits;
        let activity = Arc::new(Activity::new(limits.kept_bytes_max));
        let (router, calls) = (self.router.clone(), Arc::clone(&activity));
        let service = tower::service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(certified.clone());
            let open = OpenCall::new(&calls);
            let answering = tower::ServiceExt::oneshot(router.clone(), request);
            async move {
                let answer = answering.await;
                drop(open);
                answer
            }
        });
        let executor = Calls {
            tracker: self.tracker.clone(),
            abort: self.abort.clone(),
        };
        let builder = http_builder(limits, executor);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = std::pin::pin!(connection);
        let goodbye = auto::Connection::graceful_shutdown;
        live(
            connection,
            goodbye,
            &activity,
            limits.idle_timeout,
            self.stop.cancelled(),
        )
        .await;
    }
}

/// The least that HTTP/1 takes for a buffer.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Where the calls of a connection of HTTP/2 run, each for itself: they end no later than the connection.
#[derive(Clone)]
struct Calls {
    tracker: TaskTracker,
    abort: CancellationToken,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Calls {
    fn execute(&self, call: F) {
        let abort = self.abort.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = abort.cancelled() => {}
                _ = call => {}
            }
        });
    }
}

fn http_builder(limits: &ConnectionLimits, executor: Calls) -> auto::Builder<Calls> {
    let mut builder = auto::Builder::new(executor);
    builder
        .http1()
        .timer(TokioTimer::new())
        // The head of a request must fit into it.
        .max_buf_size(
            usize::try_from(limits.header_bytes_max)
                .unwrap_or(usize::MAX)
                .max(BUFFER_BYTES_MIN),
        )
        .header_read_timeout(REQUEST_HEAD_WAIT_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.header_bytes_max)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}
