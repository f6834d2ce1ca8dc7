//! A client of Envoy's services: messages, bytes in their place, and requests in few words.

use prost::Message;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::Code as Verdict;
use quorate_api::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::client::within;
use crate::harness::raw::Raw;
use crate::harness::{Launch, Server};

/// Where the service is served.
const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// A server launched with one file of rules, `rules/rules.yaml` in its folder.
pub fn with_rules(launch: Launch, rules: &str) -> Launch {
    let folder = launch.path("rules");
    std::fs::create_dir(&folder).expect("a folder");
    launch.file("rules/rules.yaml", rules);
    launch.arg("--envoy-config").arg(folder)
}

/// A descriptor of these entries.
pub fn descriptor(entries: &[(&str, &str)]) -> RateLimitDescriptor {
    let entry = |(key, value): &(&str, &str)| Entry {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    RateLimitDescriptor {
        entries: entries.iter().map(entry).collect(),
        ..RateLimitDescriptor::default()
    }
}

/// A request of these descriptors.
pub fn request(domain: &str, descriptors: Vec<RateLimitDescriptor>) -> RateLimitRequest {
    RateLimitRequest {
        domain: domain.to_owned(),
        descriptors,
        hits_addend: 0,
    }
}

/// A request of one descriptor with one entry.
pub fn simple(domain: &str, key: &str, value: &str) -> RateLimitRequest {
    request(domain, vec![descriptor(&[(key, value)])])
}

/// A request with so many hits.
pub fn hits(hits: u64, mut request: RateLimitRequest) -> RateLimitRequest {
    for descriptor in &mut request.descriptors {
        descriptor.hits_addend = Some(hits);
    }
    request
}

/// Whether an answer lets pass.
pub fn passes(answer: &RateLimitResponse) -> bool {
    assert_ne!(answer.overall_code(), Verdict::Unknown, "{answer:?}");
    answer.overall_code() == Verdict::Ok
}

/// A header of an answer.
pub fn header<'a>(answer: &'a RateLimitResponse, name: &str) -> Option<&'a str> {
    let mut headers = answer.response_headers_to_add.iter();
    let found = headers.find(|header| header.key.eq_ignore_ascii_case(name));
    found.map(|header| header.value.as_str())
}

/// A client.
#[derive(Clone)]
pub struct RateLimits(pub Channel);

impl RateLimits {
    /// A new connection to a server.
    pub async fn of(server: &Server) -> Self {
        Self(server.client().await.channel)
    }

    /// Asks and has an answer.
    pub async fn ask(&self, request: &RateLimitRequest) -> RateLimitResponse {
        let answer = self.send(request.encode_to_vec()).await;
        answer.unwrap_or_else(|status| panic!("{request:?}: {status:?}"))
    }

    /// Asks and is refused, by this code.
    pub async fn refused(&self, request: &RateLimitRequest, code: Code) -> String {
        let status = self.send(request.encode_to_vec()).await.expect_err("it is an error");
        assert_eq!(status.code(), code, "{status:?}");
        status.message().to_owned()
    }

    /// What remains of the limit of the only descriptor, by a look, which charges nothing.
    pub async fn remaining(&self, request: &RateLimitRequest) -> u32 {
        let answer = self.ask(&hits(0, request.clone())).await;
        answer.statuses[0].limit_remaining
    }

    /// Sends bytes.
    pub async fn send(&self, bytes: Vec<u8>) -> Result<RateLimitResponse, Status> {
        self.send_as(None, bytes).await
    }

    /// Sends bytes with a bearer token.
    pub async fn send_as(&self, token: Option<&str>, bytes: Vec<u8>) -> Result<RateLimitResponse, Status> {
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready().await.expect("connected");
        let path = http::uri::PathAndQuery::from_static(PATH);
        let mut request = tonic::Request::new(bytes);
        if let Some(token) = token {
            let token = format!("Bearer {token}").parse().expect("text");
            request.metadata_mut().insert("authorization", token);
        }
        let answer = within(grpc.unary(request, path, Raw::default())).await?;
        Ok(answer.into_inner())
    }
}
