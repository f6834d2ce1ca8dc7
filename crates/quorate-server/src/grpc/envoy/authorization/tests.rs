//! Where the key, the org and the endpoint of a check come from.

use quorate_api::envoy::config::core::v3::{HeaderMap, HeaderValue};
use quorate_api::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as Proxied};
use quorate_api::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use quorate_core::request::Subject;

use super::Authorized;
use crate::config::AuthzSettings;

fn settings() -> AuthzSettings {
    AuthzSettings {
        key_header: Some("x-api-key".to_owned()),
        credential_header: Some("authorization".to_owned()),
        org_header: Some("x-org".to_owned()),
        org_extension: "org".to_owned(),
    }
}

fn message(headers: &[(&str, &str)], extensions: &[(&str, &str)], path: &str) -> CheckRequest {
    let owned = |pairs: &[(&str, &str)]| {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Proxied {
                http: Some(HttpRequest {
                    method: "GET".to_owned(),
                    path: path.to_owned(),
                    headers: owned(headers),
                    ..HttpRequest::default()
                }),
                ..Proxied::default()
            }),
            context_extensions: owned(extensions),
            ..AttributeContext::default()
        }),
    }
}

/// Subject, org and endpoint of a message.
fn read(message: &CheckRequest) -> (bool, String, String, String) {
    let asked = Authorized::read(message, &settings()).expect("an HTTP request");
    let request = asked.request(asked.org());
    let (secret, subject) = match request.subject {
        Subject::Key(key) => (false, key),
        Subject::Credential(secret) => (true, secret),
    };
    (
        secret,
        subject.to_owned(),
        request.org.to_owned(),
        request.endpoint.to_owned(),
    )
}

#[test]
fn the_key_is_in_its_header_and_a_credential_counts_before_it() {
    let key = ("x-api-key", "k");
    let (secret, subject, org, endpoint) = read(&message(&[key], &[], "/a/7?x=1#y"));
    assert_eq!((secret, &*subject, &*org, &*endpoint), (false, "k", "", "GET /a/7"));
    for (value, expected) in [
        ("Bearer s3cret", "s3cret"),
        ("bEARER  s3cret ", "s3cret"),
        ("Basic abc", "Basic abc"),
    ] {
        let (secret, subject, ..) = read(&message(&[key, ("authorization", value)], &[], "/"));
        assert_eq!((secret, &*subject), (true, expected));
    }
    assert_eq!(read(&message(&[], &[], "/")).1, "", "the policy denies the empty key");
}

#[test]
fn without_a_key_header_only_a_credential_counts() {
    let message = message(&[("x-api-key", "k")], &[], "/");
    let credentials_only = AuthzSettings {
        key_header: None,
        ..settings()
    };
    let asked = Authorized::read(&message, &credentials_only).expect("an HTTP request");
    let Subject::Key(key) = asked.request("").subject else {
        panic!("there is no credential");
    };
    assert_eq!(key, "", "the policy denies the empty key");
}

#[test]
fn the_org_is_what_the_route_says_before_what_a_header_says() {
    let header = ("x-org", "theirs");
    assert_eq!(read(&message(&[header], &[("org", "ours")], "/")).2, "ours");
    assert_eq!(read(&message(&[header], &[("other", "ours")], "/")).2, "theirs");
}

#[test]
fn raw_headers_are_read_too_and_joined_as_http_joins_them() {
    let mut message = message(&[], &[], "/");
    let raw = |key: &str, value: &[u8]| HeaderValue {
        key: key.to_owned(),
        raw_value: value.to_vec(),
        ..HeaderValue::default()
    };
    let attributes = message.attributes.as_mut().expect("set");
    let http = attributes.request.as_mut().and_then(|request| request.http.as_mut());
    http.expect("set").header_map = Some(HeaderMap {
        headers: vec![raw("X-Api-Key", b"a"), raw("other", b"b"), raw("x-api-key", b"c\xFF")],
    });
    assert_eq!(read(&message).1, "a,c\u{FFFD}");
}

#[test]
fn what_is_no_http_request_is_told() {
    for message in [
        CheckRequest::default(),
        CheckRequest {
            attributes: Some(AttributeContext::default()),
        },
    ] {
        let error = Authorized::read(&message, &settings())
            .err()
            .expect("there is no request");
        assert!(error.to_string().starts_with("attributes.request.http:"), "{error}");
    }
}
