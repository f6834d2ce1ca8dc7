//! A running server for tests, and raw calls to it.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use quorate_api::v1;
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::should_allow_request::Subject;
use tokio::net::TcpStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::config::{Arguments, Config, Layers};
use crate::serve::{Server, prepare};

/// Far longer than anything here takes, also on a machine that does a hundred other things.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Flags of a server on free ports that stops without delay.
pub(super) fn arguments() -> Arguments {
    Arguments::default()
        .with("grpc-listen", "127.0.0.1:0")
        .with("http-listen", "127.0.0.1:0")
        .with("data-threads", "1")
        .with("drain-delay", "0")
        .with("drain-timeout", "10m")
        .with("store", "none")
}

pub(super) fn config(arguments: Arguments, file: &str) -> Config {
    let mut layers = Layers::of(&arguments, []);
    layers.add_file(std::path::Path::new("test.toml"), file);
    match Config::read(&layers) {
        Ok((config, _)) => config,
        Err(problems) => panic!("{problems}"),
    }
}

pub(super) async fn start(arguments: Arguments) -> Server {
    start_with(arguments, "").await
}

pub(super) async fn start_with(arguments: Arguments, file: &str) -> Server {
    let prepared = prepare(config(arguments, file)).expect("nothing is wrong with it");
    Server::start(prepared).await.expect("the ports are free")
}

pub(super) fn endpoint(server: &Server) -> Endpoint {
    let address = format!("http://{}", server.addresses().grpc);
    Endpoint::try_from(address).expect("an address").timeout(PATIENCE)
}

pub(super) async fn channel(server: &Server) -> Channel {
    endpoint(server).connect().await.expect("the server listens")
}

pub(super) async fn client(server: &Server) -> DecisionServiceClient<Channel> {
    DecisionServiceClient::new(channel(server).await)
}

pub(super) fn scan(key: &str) -> v1::ShouldAllowRequest {
    v1::ShouldAllowRequest {
        subject: Some(Subject::Key(key.to_owned())),
        endpoint: "POST /api/v1/threats/scan".to_owned(),
        ..v1::ShouldAllowRequest::default()
    }
}

pub(super) fn on_stream(request: v1::ShouldAllowRequest) -> v1::ShouldAllowStreamRequest {
    v1::ShouldAllowStreamRequest { request: Some(request) }
}

/// Sends `message` as it is to a method of the decision service.
pub(super) async fn call_raw(channel: &Channel, method: &'static str, message: Bytes) -> Result<Bytes, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("the server listens");
    let path = http::uri::PathAndQuery::from_static(method);
    grpc.unary(Request::new(message), path, RawCodec)
        .await
        .map(tonic::Response::into_inner)
}

/// A connection of HTTP/2 for requests that no gRPC client would send.
pub(super) async fn http2(address: std::net::SocketAddr) -> SendRequest<BoxBody<Bytes, Infallible>> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let connecting = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (requests, connection) = connecting.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    requests
}

/// A body that never comes.
pub(super) fn no_body() -> BoxBody<Bytes, Infallible> {
    BoxBody::new(StreamBody::new(futures_util::stream::pending()))
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let left = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(left)))
    }
}
