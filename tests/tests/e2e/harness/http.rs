//! HTTP/1.1 requests over real sockets, well-formed and not.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::within;

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The only value of a header.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).into_iter();
        let value = values
            .next()
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(
            values.next().is_none(),
            "{name} comes more than once: {:?}",
            self.headers
        );
        value.to_str().expect("text")
    }
}

/// Gets a page.
pub async fn get(address: SocketAddr, path: &str) -> Reply {
    send(address, Method::GET, path, &[], Bytes::new()).await
}

/// Asks for a decision.
pub async fn should_allow(address: SocketAddr, question: Value) -> Reply {
    post(address, question.to_string()).await
}

/// Sends any text where a question is expected.
pub async fn post(address: SocketAddr, body: impl Into<Bytes>) -> Reply {
    let headers = [("content-type", "application/json")];
    send(address, Method::POST, "/v1/should-allow", &headers, body.into()).await
}

/// Gets a page over TLS, trusting one authority.
pub async fn get_tls(address: SocketAddr, trusted: &str, path: &str) -> Reply {
    let mut roots = rustls::RootCertStore::empty();
    let trusted = rustls_pki_types::CertificateDer::from_pem_slice(trusted.as_bytes()).expect("PEM");
    roots.add(trusted).expect("an authority");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("they are supported")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = TcpStream::connect(address)
        .await
        .expect("the server accepts connections");
    let name = "localhost".try_into().expect("a name");
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let connection = within(connector.connect(name, connection)).await.expect("a handshake");
    send_over(connection, Method::GET, path, &[], Bytes::new()).await
}

/// Sends any request.
pub async fn send(address: SocketAddr, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
    let connection = TcpStream::connect(address)
        .await
        .expect("the server accepts connections");
    send_over(connection, method, path, headers, body).await
}

async fn send_over(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Reply {
    let (mut sender, connection) = within(hyper::client::conn::http1::handshake(TokioIo::new(connection)))
        .await
        .expect("HTTP/1.1 is spoken");
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).expect("a request");
    let (head, body) = within(sender.send_request(request))
        .await
        .expect("a reply")
        .into_parts();
    let body = within(body.collect()).await.expect("a whole body").to_bytes();
    connection.abort();
    Reply {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    }
}

/// Sends any bytes and reads until the server closes; a reset counts as closed.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(address)
        .await
        .expect("the server accepts connections");
    // The server may refuse before it has read everything: the reply is what counts.
    let _ = within(connection.write_all(bytes)).await;
    let _ = connection.shutdown().await;
    let mut reply = Vec::new();
    let _ = within(connection.read_to_end(&mut reply)).await;
    String::from_utf8_lossy(&reply).into_owned()
}
