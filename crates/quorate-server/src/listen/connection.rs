//! One connection of the gRPC door: its handshake, its calls, and how it ends.

use std::sync::Arc;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::lifetime::live;
use super::limits::{CONNECTION_WINDOW_BYTES, ConnectionLimits, HANDSHAKE_MAX, STREAM_WINDOW_BYTES};
use super::peer::{Certified, certified};
use super::socket::Socket;
use super::tls::Tls;
use crate::callers::Callers;
use crate::edge::Edge;
use crate::grpc::Doors;
use crate::telemetry::Listener;

/// What every connection of a door needs.
pub(super) struct Terms {
    pub(super) limits: ConnectionLimits,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) edge: Arc<Edge>,
}

/// Serves one connection to its end. Whatever goes wrong on it is the peer's business and is not logged: a port scan
/// must not fill the log.
pub(super) async fn serve(socket: Socket, terms: &Terms, doors: &Doors, stop: CancellationToken) {
    let connections = terms.edge.telemetry.connections();
    let _open = connections.opened(socket.listener());
    match socket {
        Socket::Tcp(stream) => {
            let Ok(stream) = TcpStream::from_std(stream) else {
                return;
            };
            match &terms.tls {
                None => serve_http2(stream, Certified::default(), terms, doors, stop).await,
                Some(tls) => {
                    let Some((stream, certified)) = shake_hands(stream, tls, &terms.edge.callers).await else {
                        connections.refused(Listener::Grpc);
                        return;
                    };
                    serve_http2(stream, certified, terms, doors, stop).await;
                }
            }
        }
        // Who may open a Unix socket is decided by its file's permissions, so it carries no TLS.
        Socket::Unix(stream) => {
            let Ok(stream) = UnixStream::from_std(stream) else {
                return;
            };
            serve_http2(stream, Certified::default(), terms, doors, stop).await;
        }
    }
}

/// The TLS handshake, within its time.
pub(super) async fn shake_hands(
    stream: TcpStream,
    tls: &Tls,
    callers: &Callers,
) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, Certified)> {
    let handshake = tls.acceptor().accept(stream);
    let stream = tokio::time::timeout(HANDSHAKE_MAX, handshake).await.ok()?.ok()?;
    let certified = certified(callers, stream.get_ref().1.peer_certificates());
    Some((stream, certified))
}

async fn serve_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    certified: Certified,
    terms: &Terms,
    doors: &Doors,
    stop: CancellationToken,
) {
    let activity = Arc::new(Activity::new(terms.limits.kept_bytes_max));
    let door = doors.open(certified.0, Arc::clone(&activity), stop.clone());
    let connection = http2_builder(&terms.limits).serve_connection(TokioIo::new(stream), door);
    let connection = std::pin::pin!(connection);
    let goodbye = http2::Connection::graceful_shutdown;
    let stop = stop.cancelled_owned();
    live(connection, goodbye, &activity, terms.limits.idle_timeout, stop).await;
}

fn http2_builder(limits: &ConnectionLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.header_bytes_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}
