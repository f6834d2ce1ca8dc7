//! A gRPC service that asks before it works, and a caller that calls it until it is denied.
//!
//! `cargo run -p quorate-client --example protect_tonic -- 127.0.0.1:8081`

use std::net::SocketAddr;

use http::request::Parts;
use quorate_client::{Ask, Client, Config, ProtectLayer, grpc_endpoint_of};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// More than any key of the reference catalogue's default plan has in a minute.
const CALLS_MAX: usize = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    let client = Client::new(Config::new(address).fail_closed())?;
    // The health service stands in for yours.
    let (_reporter, service) = tonic_health::server::health_reporter();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let protected = listener.local_addr()?;
    let serving = Server::builder()
        .layer(ProtectLayer::grpc(client, what_it_asks))
        .add_service(service)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::select! {
        served = serving => Ok(served?),
        called = call_until_denied(protected) => called,
    }
}

/// Every call is judged; one without a key as the key that nobody has.
fn what_it_asks(parts: &Parts) -> Option<Ask> {
    let key = parts.headers.get("x-api-key").and_then(|key| key.to_str().ok());
    Some(Ask::key(key.unwrap_or("anonymous")).endpoint(grpc_endpoint_of(parts)))
}

async fn call_until_denied(address: SocketAddr) -> anyhow::Result<()> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let mut health = HealthClient::new(channel);
    for allowed in 0..CALLS_MAX {
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        request.metadata_mut().insert("x-api-key", "example-tonic".parse()?);
        if let Err(status) = health.check(request).await {
            let retry = status.metadata().get("grpc-retry-pushback-ms");
            println!(
                "{allowed} calls allowed, then {:?}: {}",
                status.code(),
                status.message()
            );
            println!("again after {retry:?} ms");
            return Ok(());
        }
    }
    anyhow::bail!("{CALLS_MAX} calls, and none was denied")
}
