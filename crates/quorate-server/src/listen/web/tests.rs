//! How the HTTP door ends what does not end by itself.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{Web, WebConfig};
use crate::listen::limits::{ConnectionLimits, KEPT_BYTES_MAX};
use crate::listen::socket::Socket;

/// Longer than the test.
const LONG: Duration = Duration::from_secs(3_600);

/// Notes its end.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn after_a_drain_nothing_is_decided_any_more() {
    let (begun, ended) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
    let router = axum::Router::new().fallback(move || {
        let open = Open(Arc::clone(&ends));
        begins.add_permits(1);
        async move {
            let _open = open;
            std::future::pending::<()>().await;
        }
    });
    let config = WebConfig {
        limits: ConnectionLimits {
            connections_max: 10,
            streams_max: 10,
            header_bytes_max: 16 << 10,
            idle_timeout: LONG,
            keepalive_interval: LONG,
            keepalive_timeout: LONG,
            kept_bytes_max: KEPT_BYTES_MAX,
        },
        tls: None,
        edge: crate::http::test_edge(),
    };
    let web = Web::new(config, router);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let connect = async || {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let (accepted, _) = listener.accept().expect("one waits");
        accepted.set_nonblocking(true).expect("it can be set");
        web.take_in(Socket::Tcp(accepted));
        TokioIo::new(stream)
    };
    let (mut plain, connection) = http1::handshake(connect().await).await.expect("it speaks HTTP");
    tokio::spawn(connection);
    let connecting = http2::handshake(TokioExecutor::new(), connect().await).await;
    let (mut many, connection) = connecting.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let request = || {
        let request = http::Request::post("http://server/").body(Empty::<Bytes>::new());
        request.expect("a request")
    };
    tokio::spawn(plain.send_request(request()));
    tokio::spawn(many.send_request(request()));
    begun.acquire_many(2).await.expect("it stays open").forget();
    web.drain(Duration::ZERO).await;
    assert_eq!(ended.load(Ordering::SeqCst), 2);
}
