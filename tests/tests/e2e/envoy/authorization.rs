//! Envoy's external authorization: the policy's answer with the status, the headers and the body of the HTTP door.

use std::collections::HashMap;

use quorate_api::envoy::config::core::v3::HeaderValueOption;
use quorate_api::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as Proxied};
use quorate_api::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use quorate_api::envoy::service::auth::v3::check_response::HttpResponse;
use quorate_api::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;

use crate::harness::client::within;
use crate::harness::command::quorate;
use crate::harness::{AskExt, Launch, Server, ask, policy};

struct Proxy(AuthorizationClient<Channel>);

impl Proxy {
    async fn of(server: &Server) -> Self {
        Self(AuthorizationClient::new(server.client().await.channel))
    }

    async fn check(&self, headers: &[(&str, &str)], path: &str) -> CheckResponse {
        let owned = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let http = HttpRequest {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: owned(headers),
            ..HttpRequest::default()
        };
        let request = CheckRequest {
            attributes: Some(AttributeContext {
                request: Some(Proxied {
                    http: Some(http),
                    ..Proxied::default()
                }),
                context_extensions: owned(&[("org", "acme")]),
                ..AttributeContext::default()
            }),
        };
        let answer = within(self.0.clone().check(request)).await;
        answer.expect("an answer, not an error").into_inner()
    }

    async fn allowed(&self, headers: &[(&str, &str)], path: &str) -> OkHttpResponse {
        let answer = self.check(headers, path).await;
        assert_eq!(answer.status.as_ref().map(|status| status.code), Some(0), "{answer:?}");
        match answer.http_response {
            Some(HttpResponse::OkResponse(passed)) => passed,
            other => panic!("{other:?}"),
        }
    }

    /// The status, the error's code in the body, and the whole answer.
    async fn denied(&self, headers: &[(&str, &str)], path: &str) -> (i32, String, DeniedHttpResponse) {
        let answer = self.check(headers, path).await;
        assert_ne!(answer.status.as_ref().map(|status| status.code), Some(0), "{answer:?}");
        let Some(HttpResponse::DeniedResponse(denied)) = answer.http_response else {
            panic!("{answer:?}");
        };
        let body: Value = serde_json::from_str(&denied.body).expect("it is JSON");
        let code = body["error"]["code"].as_str().expect("a code").to_owned();
        let status = denied.status.as_ref().expect("a status").code;
        assert_eq!(header(&denied.headers, "content-type"), Some("application/json"));
        (status, code, denied)
    }
}

fn header<'a>(headers: &'a [HeaderValueOption], name: &str) -> Option<&'a str> {
    let mut values = headers.iter().filter_map(|option| option.header.as_ref());
    values
        .find(|header| header.key == name)
        .map(|header| header.value.as_str())
}

#[tokio::test]
async fn a_request_is_decided_by_its_key_its_line_and_the_org_of_its_route() {
    let server = Launch::with(policy::reference()).start();
    let (ours, envoys) = (server.client().await, Proxy::of(&server).await);
    let (key, scan) = ([("x-api-key", "k")], "/api/v1/threats/scan?deep=1");
    for _ in 1..=14 {
        envoys.allowed(&key, scan).await;
    }
    let (status, code, denied) = envoys.denied(&key, scan).await;
    assert_eq!((status, &*code), (429, "RATE_LIMITED"));
    let retry: u64 = header(&denied.headers, "retry-after")
        .expect("it is told")
        .parse()
        .expect("seconds");
    assert!(retry >= 1);
    let answer = ours.ask(ask("k").of("acme").at("POST /api/v1/threats/scan")).await;
    assert!(!answer.allowed, "it is the same counter: {answer:?}");
    let door = "door=\"envoy_authorization\"";
    assert_eq!(
        server.metric("quorate_decisions_total", &[door, "reason=\"OK\""]).await,
        14
    );
}

#[tokio::test]
async fn headers_of_the_policy_go_to_the_client_each_name_once() {
    let policy = format!("{}headers: [x-ratelimit-draft03, ietf]\n", policy::one_limit(5, "1h"));
    let server = Launch::with(policy).start();
    let envoys = Proxy::of(&server).await;
    let passed = envoys.allowed(&[("x-api-key", "k")], "/").await;
    let mut names: Vec<&str> = passed
        .response_headers_to_add
        .iter()
        .filter_map(|option| Some(option.header.as_ref()?.key.as_str()))
        .collect();
    assert_eq!(
        header(&passed.response_headers_to_add, "x-ratelimit-remaining"),
        Some("4")
    );
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before, "{names:?}");
    assert!(before >= 4, "{names:?}");
}

#[tokio::test]
async fn what_a_client_can_choose_is_denied_and_never_an_error() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let envoys = Proxy::of(&server).await;
    let long = "k".repeat(1_000);
    for (headers, status, code) in [
        (vec![], 401, "KEY_INVALID"),
        (vec![("x-api-key", long.as_str())], 401, "KEY_INVALID"),
        (vec![("x-api-key", "k\n")], 401, "KEY_INVALID"),
    ] {
        let (got, told, _) = envoys.denied(&headers, "/").await;
        assert_eq!((got, &*told), (status, code));
    }
    envoys
        .allowed(&[("x-api-key", "k")], &format!("/{}", "x".repeat(100_000)))
        .await;
    let error = within(envoys.0.clone().check(CheckRequest::default())).await;
    let error = error.expect_err("it tells of no HTTP request");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("attributes.request.http"), "{error:?}");
}

#[tokio::test]
async fn a_credential_is_hashed_and_found_and_another_is_401() {
    let launch = Launch::plain();
    let key = launch.file("credential.key", &"5a".repeat(32));
    let secret = launch.file("secret", "s3cret-of-acme");
    let (shown_key, shown_secret) = (key.display().to_string(), secret.display().to_string());
    let hashed = quorate(["hash-credential", "--credential-key-file", &shown_key, &shown_secret]).exits(0);
    let policy = format!(
        "{}orgs: {{ acme: {{}} }}\nkeys: {{ ci: {{ org: acme, credential_hash: {} }} }}\n",
        policy::one_limit(2, "1h"),
        hashed.stdout.trim()
    );
    let policy = launch.file("policy.yaml", &policy);
    let server = launch
        .arg("--policy")
        .arg(policy)
        .arg("--credential-key-file")
        .arg(key)
        .args(["--authz-credential-header", "authorization"])
        .start();
    let envoys = Proxy::of(&server).await;
    // The credential counts, whatever the client claims to be.
    let headers = [("authorization", "Bearer s3cret-of-acme"), ("x-api-key", "other")];
    envoys.allowed(&headers, "/").await;
    envoys.allowed(&headers, "/").await;
    let (status, code, _) = envoys.denied(&headers, "/").await;
    assert_eq!((status, &*code), (429, "RATE_LIMITED"));
    let (status, code, _) = envoys.denied(&[("authorization", "Bearer no such secret")], "/").await;
    assert_eq!((status, &*code), (401, "KEY_UNKNOWN"));
    // Whoever leaves the secret out is nobody, whatever it claims.
    let (status, code, _) = envoys.denied(&[("x-api-key", "ci")], "/").await;
    assert_eq!((status, &*code), (401, "KEY_INVALID"));
}
