//! The network rate limit filter: a connection that is over the limit is closed before a byte of it reaches the service.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::config::{self, Door};
use super::envoy::Envoy;
use super::failures;
use super::rules::Rules;
use super::upstream::Upstream;
use crate::harness::client::within;

const CONNECTIONS: &str = "
domain: shop
descriptors:
  - key: listener
    value: mail
    rate_limit: { unit: year, requests_per_unit: 2 }
";

/// Whether what is sent over a new connection comes back; otherwise it was closed.
async fn echoes(envoy: &Envoy) -> bool {
    let mut connection = TcpStream::connect(envoy.at("tcp")).await.expect("Envoy listens");
    // It may be closed before anything is written.
    let _ = connection.write_all(b"hello").await;
    let mut back = [0; 5];
    let read = within(connection.read_exact(&mut back)).await;
    read.is_ok() && &back == b"hello"
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed() {
    let rules = Rules::new(CONNECTIONS);
    let server = rules.serve();
    let upstream = Upstream::echo().await;
    let envoy = Envoy::start(&config::tcp(&Door::Tcp(server.grpc()), upstream.address, true)).await;
    assert!(echoes(&envoy).await && echoes(&envoy).await);
    assert!(!echoes(&envoy).await, "the third is over");
    assert_eq!(upstream.served(), 2);
    envoy.has_counted("ratelimit.tcp.over_limit", 1).await;
    assert_eq!(envoy.count("ratelimit.tcp.error").await, 0);
}

#[tokio::test]
async fn a_connection_that_nobody_decides_passes_or_not_as_the_filter_says() {
    for deny in [true, false] {
        let upstream = Upstream::echo().await;
        let envoy = Envoy::start(&config::tcp(&failures::nobody(), upstream.address, deny)).await;
        assert_eq!(echoes(&envoy).await, !deny);
        envoy.has_counted("ratelimit.tcp.error", 1).await;
    }
}
