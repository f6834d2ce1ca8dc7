//! Bare HTTP/2 connections for the load: no queue, no balancer, no reconnecting in the background between the load and
//! the socket, so that little but the server is measured.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use quorate_client::{Address, Place};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tower_service::Service;

/// Windows that no answer of a load fills: flow control is not what is measured.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: Address,
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub authorization: Option<MetadataValue<Ascii>>,
    /// How long connecting and any one call may take.
    pub deadline: Duration,
}

/// One connection; clones share it.
#[derive(Clone, Debug)]
pub struct Transport(SendRequest<Body>);

/// A socket of any kind.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Target {
    pub fn origin(&self) -> Uri {
        self.address.uri.clone()
    }

    /// Opens a connection, driven by a task of this thread's runtime.
    pub async fn connect(&self) -> anyhow::Result<Transport> {
        tokio::time::timeout(self.deadline, self.open())
            .await
            .context("connecting took too long")?
    }

    async fn open(&self) -> anyhow::Result<Transport> {
        let socket: Box<dyn Socket> = match &self.address.place {
            Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Place::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some((config, name)) => {
                        let connector = TlsConnector::from(Arc::clone(config));
                        Box::new(connector.connect(name.clone(), stream).await?)
                    }
                    None => Box::new(stream),
                }
            }
        };
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .handshake(TokioIo::new(socket))
            .await?;
        // How a connection ends is told by the calls on it.
        tokio::spawn(connection);
        Ok(Transport(sender))
    }
}

impl Transport {
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
