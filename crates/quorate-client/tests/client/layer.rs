//! The layer around an axum and a tonic service.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use http::{HeaderMap, Response, StatusCode};
use quorate_api::v1::decision_service_client::DecisionServiceClient;
use quorate_api::v1::{Header, PolicyInfo, Reason, ShouldAllowRequest, ShouldAllowResponse};
use quorate_client::{Answer, Ask, Client, Config, ProtectLayer, grpc_endpoint_of, http_endpoint_of};
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Endpoint;
use tower::ServiceExt;

use crate::fake::{Fake, PATIENCE, Reply, allow, eventually};

/// The server that decides: by what is called.
fn decides() -> Fake {
    Fake::start(|request| {
        let header = |name: &str, value: &str| Header {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let headers = vec![
            header("ratelimit", "\"per-minute\";r=0;t=2"),
            header("x-twice", "1"),
            header("x-twice", "2"),
            header("not a name", "left out"),
        ];
        let denied = ShouldAllowResponse {
            reason: i32::from(Reason::RateLimited),
            retryable: true,
            retry_after_ns: 1_200_000_000,
            limit_name: "per-minute".to_owned(),
            limit: 60,
            decision_id: "01D".to_owned(),
            headers: headers.clone(),
            ..ShouldAllowResponse::default()
        };
        let allowed = ShouldAllowResponse {
            allowed: true,
            reason: i32::from(Reason::Ok),
            slot_held: true,
            decision_id: "held".to_owned(),
            policy: Some(PolicyInfo {
                org: "acme".to_owned(),
                ..PolicyInfo::default()
            }),
            headers,
            ..ShouldAllowResponse::default()
        };
        match request.endpoint.as_str() {
            "GET /allowed" => Reply::Answer(Box::new(allowed)),
            "GET /malformed" => Reply::Refuse(Code::InvalidArgument, "attributes: a secret detail"),
            "GET /away" => Reply::Refuse(Code::Unavailable, "a store is away"),
            _ => Reply::Answer(Box::new(denied)),
        }
    })
}

fn client(fake: &Fake) -> Client {
    Client::new(Config::new(fake.url()).deadline(PATIENCE)).expect("a good configuration")
}

/// What the tests protect by: nothing is asked about `/health`.
fn map(parts: &http::request::Parts) -> Option<Ask> {
    let endpoint = http_endpoint_of(parts);
    (parts.uri.path() != "/health").then(|| Ask::key("k").endpoint(endpoint))
}

async fn protected(request: Request) -> ([(&'static str, &'static str); 2], String) {
    let answer = request.extensions().get::<Arc<Answer>>();
    let decision = answer.map_or("unjudged".to_owned(), |answer| answer.decision_id.clone());
    ([("ratelimit", "the service's own"), ("x-own", "kept")], decision)
}

fn app(client: Client) -> Router {
    let layer = ProtectLayer::http(client.clone(), map).release_slots_with(client);
    let service = Router::new().fallback(get(protected));
    service.layer(layer)
}

async fn call(app: Router, path: &str) -> Response<Body> {
    let request = http::Request::get(path).body(Body::empty()).expect("a good request");
    app.oneshot(request).await.expect("infallible")
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect()
}

#[tokio::test]
async fn an_allowed_request_goes_on_with_its_answer_and_its_response_has_the_headers() {
    let fake = decides();
    let response = call(app(client(&fake)), "/allowed").await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(all(&headers, "ratelimit"), ["\"per-minute\";r=0;t=2"], "ours stands");
    assert_eq!(all(&headers, "x-twice"), ["1", "2"]);
    assert_eq!(all(&headers, "x-own"), ["kept"]);
    assert_eq!(text(response).await, "held");
}

#[tokio::test]
async fn a_slot_is_given_back_when_the_response_is_done_and_not_before() {
    let fake = decides();
    let released = || fake.seen.released.lock().expect("unpoisoned").clone();
    let response = call(app(client(&fake)), "/allowed").await;
    assert_eq!(released(), []);
    drop(response);
    eventually(|| async { released() == [("acme".to_owned(), "held".to_owned())] }).await;
}

#[tokio::test]
async fn a_denied_request_is_told_why_and_when_and_goes_no_further() {
    let fake = decides();
    let response = call(app(client(&fake)), "/denied").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let headers = response.headers().clone();
    assert_eq!(all(&headers, "retry-after"), ["2"]);
    assert_eq!(all(&headers, "ratelimit"), ["\"per-minute\";r=0;t=2"]);
    assert_eq!(all(&headers, "content-type"), ["application/json"]);
    assert!(!headers.contains_key("x-own"), "the service was not called");
    let body: Value = serde_json::from_str(&text(response).await).expect("JSON");
    let expected = json!({"error": {
        "code": "RATE_LIMITED",
        "message": "a rate limit has no room now",
        "retryable": true,
        "retry_after": 2,
        "limit_name": "per-minute",
        "limit": 60,
        "remaining": 0,
        "decision_id": "01D",
    }});
    assert_eq!(body, expected);
}

/// A sender that calls itself gRPC would otherwise meet no entry of the catalogue: no scopes asked, a cheaper price.
#[tokio::test]
async fn a_senders_content_type_changes_neither_the_endpoint_nor_the_answer() {
    let fake = decides();
    let request = http::Request::get("/denied")
        .header("content-type", "application/grpc")
        .body(Body::empty())
        .expect("a good request");
    let response = app(client(&fake)).oneshot(request).await.expect("infallible");
    let asked = fake.seen.requests.lock().expect("unpoisoned")[0].endpoint.clone();
    assert_eq!(asked, "GET /denied");
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(all(response.headers(), "content-type"), ["application/json"]);
}

#[tokio::test]
async fn what_the_map_leaves_out_is_not_judged() {
    let fake = decides();
    let response = call(app(client(&fake)), "/health").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "unjudged");
    assert!(fake.seen.requests.lock().expect("unpoisoned").is_empty());
}

#[tokio::test]
async fn a_refused_question_is_our_own_mistake_and_tells_the_sender_nothing() {
    let fake = decides();
    let response = call(app(client(&fake)), "/malformed").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = text(response).await;
    assert!(body.contains("NOT_JUDGED") && !body.contains("secret"), "{body}");
}

#[tokio::test]
async fn when_nobody_decides_the_policy_does() {
    let fake = decides();
    let closed = client(&fake);
    let response = call(app(closed.clone()), "/away").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(all(response.headers(), "retry-after"), ["1"]);

    let open = closed.with_fail_policy(quorate_client::FailPolicy::Open);
    assert_eq!(call(app(open), "/away").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stream_protects_as_well_as_a_client() {
    let fake = decides();
    let stream = client(&fake).multiplexed();
    let app = Router::new()
        .fallback(get(protected))
        .layer(ProtectLayer::http(stream, map));
    assert_eq!(call(app.clone(), "/allowed").await.status(), StatusCode::OK);
    assert_eq!(call(app, "/denied").await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_grpc_call_is_denied_by_a_status() {
    let decides = decides();
    // What is protected is some gRPC service; another fake is one.
    let layer = ProtectLayer::grpc(client(&decides), |parts: &http::request::Parts| {
        Some(Ask::key("k").endpoint(grpc_endpoint_of(parts)))
    });
    let protected = Fake::behind(layer, allow);
    let channel = Endpoint::from_shared(format!("http://{}", protected.url()))
        .expect("an address")
        .connect_lazy();
    let mut caller = DecisionServiceClient::new(channel);
    let status = caller
        .should_allow(ShouldAllowRequest::default())
        .await
        .expect_err("denied");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), "RATE_LIMITED: a rate limit has no room now");
    let metadata = status.metadata();
    assert_eq!(
        metadata.get("grpc-retry-pushback-ms").and_then(|v| v.to_str().ok()),
        Some("1200")
    );
    assert!(metadata.contains_key("ratelimit"));
    assert!(protected.seen.requests.lock().expect("unpoisoned").is_empty());
    let asked = decides.seen.requests.lock().expect("unpoisoned")[0].endpoint.clone();
    assert_eq!(asked, "/quorate.v1.DecisionService/ShouldAllow");
}
