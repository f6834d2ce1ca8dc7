//! A `tower` layer that asks before a service is called: for axum, tonic, or anything that speaks `http`.
//!
//! A closure says what each request asks, or that it is not judged. An allowed request goes on with its
//! [`Answer`] among its extensions; a denied one is answered here, with the status, headers and body of a denial over
//! HTTP or, in front of a gRPC service, with a status of gRPC. Headers that the policy names are written to both.
//!
//! Whether a service speaks gRPC is said by whoever protects it, never by a request: its sender would choose the
//! catalogue entry by its `content-type`.

mod body;
mod denial;
mod slot;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::client::Client;
use crate::failure::Refused;
use crate::multiplexed::Multiplexed;

pub use body::ProtectBody;
use slot::Held;

/// Who answers: a [`Client`], a [`Multiplexed`] stream, or, in a test, anything.
pub trait Decide: Clone + Send + Sync + 'static {
    /// Asks one question; an answer is always made, by the server or by the fail policy.
    ///
    /// # Errors
    /// The server refused to judge the question.
    fn decide(&self, ask: Ask) -> impl Future<Output = Result<Answer, Refused>> + Send;
}

impl Decide for Client {
    fn decide(&self, ask: Ask) -> impl Future<Output = Result<Answer, Refused>> + Send {
        self.should_allow(ask)
    }
}

impl Decide for Multiplexed {
    fn decide(&self, ask: Ask) -> impl Future<Output = Result<Answer, Refused>> + Send {
        self.should_allow(ask)
    }
}

/// Protects a service. `map` says what a request asks; `None` lets it through unjudged.
#[derive(Clone, Debug)]
#[must_use]
pub struct ProtectLayer<D, M> {
    protection: Protection<D>,
    map: M,
}

/// A service behind a [`ProtectLayer`].
#[derive(Clone, Debug)]
pub struct Protect<S, D, M> {
    inner: S,
    protection: Protection<D>,
    map: M,
}

#[derive(Clone, Debug)]
struct Protection<D> {
    decide: D,
    grpc: bool,
    quota_exhausted: StatusCode,
    releases: Option<Client>,
}

impl<D, M> ProtectLayer<D, M>
where
    D: Decide,
    M: Fn(&Parts) -> Option<Ask>,
{
    /// Protects an HTTP service: asks `decide` what `map` makes of each request, see [`http_endpoint_of`].
    pub const fn http(decide: D, map: M) -> Self {
        Self::new(decide, map, false)
    }

    /// Protects a gRPC service: asks `decide` what `map` makes of each call, see [`grpc_endpoint_of`].
    pub const fn grpc(decide: D, map: M) -> Self {
        Self::new(decide, map, true)
    }

    const fn new(decide: D, map: M, grpc: bool) -> Self {
        Self {
            protection: Protection {
                decide,
                grpc,
                quota_exhausted: StatusCode::TOO_MANY_REQUESTS,
                releases: None,
            },
            map,
        }
    }

    /// The status of a denial for an exhausted quota, which a policy's author may want to be 402. Default 429.
    pub const fn quota_exhausted_status(mut self, status: StatusCode) -> Self {
        self.protection.quota_exhausted = status;
        self
    }

    /// Gives a concurrency slot back when the response has been sent, or its client has left. Without this the service
    /// gives it back itself, when the work that the slot stands for is done: the [`Answer`] is in the request's
    /// extensions.
    pub fn release_slots_with(mut self, client: Client) -> Self {
        self.protection.releases = Some(client);
        self
    }
}

impl<S, D: Clone, M: Clone> Layer<S> for ProtectLayer<D, M> {
    type Service = Protect<S, D, M>;

    fn layer(&self, inner: S) -> Self::Service {
        Protect {
            inner,
            protection: self.protection.clone(),
            map: self.map.clone(),
        }
    }
}

impl<S, D, M, In, Out> Service<Request<In>> for Protect<S, D, M>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    D: Decide,
    M: Fn(&Parts) -> Option<Ask>,
    In: Send + 'static,
    Out: http_body::Body<Data = Bytes>,
{
    type Response = Response<ProtectBody<Out>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        // The service that was found ready is the one to call; its clone is asked for readiness next time.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let (mut parts, body) = request.into_parts();
        let Some(ask) = (self.map)(&parts) else {
            let called = inner.call(Request::from_parts(parts, body));
            return Box::pin(async move { Ok(called.await?.map(ProtectBody::of_service)) });
        };
        let protection = self.protection.clone();
        Box::pin(async move {
            let grpc = protection.grpc;
            let answer = match protection.ask(ask).await {
                Ok(answer) => Arc::new(answer),
                Err(refused) => return Ok(denial::unjudged(&refused, grpc)),
            };
            if !answer.allowed {
                return Ok(denial::denied(&answer, grpc, protection.quota_exhausted));
            }
            let held = protection.releases.and_then(|client| Held::by(client, &answer));
            let headers = headers(&answer);
            parts.extensions.insert(answer);
            // A service that fails gives the slot back by dropping it.
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            write(headers, response.headers_mut());
            Ok(response.map(|body| ProtectBody::of_service(body).holding(held)))
        })
    }
}

impl<D: Decide> Protection<D> {
    async fn ask(&self, ask: Ask) -> Result<Answer, Refused> {
        let mut ask = ask.include_headers();
        if self.releases.is_some() {
            // A slot is released by its org, which the policy knows and the request may not.
            ask = ask.include_policy();
        }
        self.decide.decide(ask).await
    }
}

/// The endpoint of an HTTP request as the catalogue writes it: `METHOD /path`.
#[must_use]
pub fn http_endpoint_of(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}

/// The endpoint of a gRPC call as the catalogue writes it: the method's path alone.
#[must_use]
pub fn grpc_endpoint_of(parts: &Parts) -> String {
    parts.uri.path().to_owned()
}

/// The answer's headers. One that HTTP would not carry is left out: a policy's author named it, no caller can fix it.
fn headers(answer: &Answer) -> Vec<(HeaderName, HeaderValue)> {
    let all = answer.headers.iter();
    all.filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
        .collect()
}

/// Writes headers in place of those of the same name; one that comes several times here stays so.
fn write(headers: Vec<(HeaderName, HeaderValue)>, to: &mut HeaderMap) {
    for (name, _) in &headers {
        to.remove(name);
    }
    for (name, value) in headers {
        to.append(name, value);
    }
}
