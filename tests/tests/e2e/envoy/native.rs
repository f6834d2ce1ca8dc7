//! Domains that the policy decides: the same counters as those of our own API, all or none, and nothing that a client
//! can choose is an error.

use prost::Message;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::RateLimitOverride;
use serde_json::Value;
use tonic::Code;

use super::client::{RateLimits, descriptor, header, hits, passes, request, with_rules};
use crate::harness::{AskExt, Launch, Server, ask, policy};

const RULES: &str = "domain: api\nnative: {key: api_key}\n";

fn serving(policy: &str) -> Server {
    with_rules(Launch::with(policy), RULES).start()
}

#[tokio::test]
async fn a_descriptor_is_a_request_to_the_policy() {
    let server = serving(&policy::reference());
    let (ours, envoys) = (server.client().await, RateLimits::of(&server).await);
    let scan = "POST /api/v1/threats/scan";
    let of_key = descriptor(&[("org", "acme"), ("api_key", "k"), ("endpoint", scan)]);
    let asked = request("api", vec![of_key]);
    // Twelve of its own at five each, two from the pool, and no fifteenth.
    for scan in 1..=14 {
        assert!(passes(&envoys.ask(&asked).await), "scan {scan}");
    }
    let denied = envoys.ask(&asked).await;
    assert!(!passes(&denied));
    let limit = denied.statuses[0].current_limit.as_ref().expect("a limit denied");
    assert_eq!((limit.requests_per_unit, limit.unit), (60, 2), "{denied:?}");
    let body: Value = serde_json::from_slice(&denied.raw_body).expect("it is JSON");
    assert_eq!(body["error"]["code"], "RATE_LIMITED");
    let retry: u64 = header(&denied, "retry-after")
        .expect("it is told")
        .parse()
        .expect("seconds");
    assert!(retry >= 1);
    assert_eq!(header(&denied, "content-type"), Some("application/json"));
    let denied = ours.ask(ask("k").of("acme").at(scan)).await;
    assert!(!denied.allowed, "it is the same counter: {denied:?}");
}

#[tokio::test]
async fn hits_are_the_cost_and_a_look_and_a_refund_are_what_they_say() {
    let server = serving(&policy::one_limit(10, "1h"));
    let (ours, envoys) = (server.client().await, RateLimits::of(&server).await);
    let asked = request("api", vec![descriptor(&[("org", "o"), ("api_key", "k")])]);
    assert!(passes(&envoys.ask(&hits(7, asked.clone())).await));
    assert_eq!(envoys.remaining(&asked).await, 3);
    assert_eq!(ours.used(ask("k").of("o"), "own").await, 7);
    let mut back = hits(2, asked.clone());
    back.descriptors[0].is_negative_hits = true;
    assert!(passes(&envoys.ask(&back).await));
    assert_eq!(envoys.remaining(&asked).await, 5);
    assert!(!passes(&envoys.ask(&hits(6, asked.clone())).await));
    assert_eq!(envoys.remaining(&asked).await, 5, "a denied request charges nothing");
}

#[tokio::test]
async fn several_descriptors_are_charged_all_or_none() {
    let server = serving(&policy::one_limit(3, "1h"));
    let envoys = RateLimits::of(&server).await;
    let of = |org, key| descriptor(&[("org", org), ("api_key", key)]);
    let one = request("api", vec![of("o", "a")]);
    assert!(passes(&envoys.ask(&hits(3, one)).await));
    let both = request("api", vec![of("o", "b"), of("o", "a")]);
    let answer = envoys.ask(&both).await;
    let codes: Vec<i32> = answer.statuses.iter().map(|status| status.code).collect();
    assert_eq!((passes(&answer), codes), (false, vec![1, 2]), "{answer:?}");
    assert_eq!(envoys.remaining(&request("api", vec![of("o", "b")])).await, 3);
    let message = envoys
        .refused(&request("api", vec![of("o", "b"), of("p", "b")]), Code::InvalidArgument)
        .await;
    assert!(message.contains("org"), "{message}");
}

#[tokio::test]
async fn what_a_client_can_choose_is_over_the_limit_and_what_it_cannot_an_error() {
    let server = serving(&policy::one_limit(3, "1h"));
    let envoys = RateLimits::of(&server).await;
    let long = "k".repeat(1_000);
    for entries in [
        vec![("org", "o")],
        vec![("org", "o"), ("api_key", "")],
        vec![("org", "o"), ("api_key", long.as_str())],
        vec![("org", "o"), ("api_key", "k\n")],
        vec![("org", long.as_str()), ("api_key", "k")],
        vec![("org", "o"), ("api_key", "k"), ("agent", long.as_str())],
    ] {
        let answer = envoys.ask(&request("api", vec![descriptor(&entries)])).await;
        assert!(!passes(&answer), "{answer:?}");
        assert!(!answer.raw_body.is_empty(), "{answer:?}");
    }
    let too_much = request("api", vec![descriptor(&[("org", "o"), ("api_key", "k")])]);
    assert!(!passes(&envoys.ask(&hits(u64::MAX, too_much.clone())).await));
    let mut overridden = too_much.clone();
    overridden.descriptors[0].limit = Some(RateLimitOverride {
        requests_per_unit: 1,
        unit: 1,
        unit_multiplier: None,
    });
    let message = envoys.refused(&overridden, Code::InvalidArgument).await;
    assert!(message.contains("descriptors[0].limit"), "{message}");
    let error = envoys.send(request("api", Vec::new()).encode_to_vec()).await;
    assert_eq!(error.expect_err("it has no descriptors").code(), Code::Unknown);
    assert_eq!(envoys.remaining(&too_much).await, 3, "nothing was charged");
}
