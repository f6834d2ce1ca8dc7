//! An axum service that asks before it works. Denied requests get their status, headers and body from the layer.
//!
//! `cargo run -p quorate-client --example protect_axum -- 127.0.0.1:8081`, then
//! `curl -i -X POST -H 'x-api-key: alice' http://127.0.0.1:3000/api/v1/threats/scan`

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router};
use http::request::Parts;
use quorate_client::{Answer, Ask, Client, Config, ProtectLayer, http_endpoint_of};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    let client = Client::new(Config::new(address).fail_open())?;
    // One stream for all requests: cheaper for both sides than a call for each.
    let protect = ProtectLayer::http(client.multiplexed(), what_it_asks);
    let app = Router::new()
        .route("/api/v1/threats/scan", post(scan))
        .route("/healthz", get(|| async { "ok" }))
        .layer(protect);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// The key comes from a header; what has none is the business of nobody's limit here.
fn what_it_asks(parts: &Parts) -> Option<Ask> {
    let key = parts.headers.get("x-api-key")?.to_str().ok()?;
    Some(Ask::key(key).endpoint(http_endpoint_of(parts)))
}

async fn scan(answer: Option<Extension<Arc<Answer>>>) -> String {
    let left = answer.and_then(|Extension(answer)| answer.binding.as_ref().map(|binding| binding.remaining));
    format!("scanned; left: {left:?}\n")
}
