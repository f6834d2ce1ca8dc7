//! Domains with a mapping and rules: a request of both kinds is decided by both, each for its own descriptors, and each
//! charges all of its own or leaves it.

use prost::Message;
use prost_types::value::Kind;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::RateLimitOverride;
use quorate_api::envoy::service::ratelimit::v3::RateLimitResponse;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::Code;

use super::client::{RateLimits, descriptor, header, hits, passes, request, simple, with_rules};
use crate::harness::http::{get, send};
use crate::harness::{AskExt, Launch, Server, ask, policy};

/// Five for each path, two for each address, and what names a key is the policy's.
const RULES: &str = "
domain: api
native: { key: api_key }
descriptors:
  - { key: path, rate_limit: { name: per-path, unit: year, requests_per_unit: 5 }, metadata: { of: path } }
  - { key: address, rate_limit: { unit: year, requests_per_unit: 2 } }
";

/// With three for each key, and headers of the policy's.
fn launch(rules: &str) -> Launch {
    let policy = policy::one_limit(3, "1h") + "headers: [x-ratelimit-unix]\n";
    with_rules(Launch::with(policy), rules)
}

fn of_key(key: &str) -> RateLimitDescriptor {
    descriptor(&[("org", "o"), ("api_key", key)])
}

fn of(key: &str, value: &str) -> RateLimitDescriptor {
    descriptor(&[(key, value)])
}

/// How many units are used: of a key's limit, of the path's and of the address's.
async fn used(server: &Server, key: &str) -> (u64, u64, u64) {
    let by_rule = async |entry: &str| {
        let page = get(server.http(), &format!("/rlcounter?domain=api&{entry}")).await;
        page.json()["used"].as_u64().expect("it is counted")
    };
    let of_key = server.client().await.used(ask(key).of("o"), "own").await;
    (of_key, by_rule("path=x").await, by_rule("address=1").await)
}

/// The codes of all descriptors: 1 for one that passes, 2 for one that is over.
fn codes(answer: &RateLimitResponse) -> Vec<i32> {
    answer.statuses.iter().map(|status| status.code).collect()
}

#[tokio::test]
async fn each_descriptor_is_decided_by_its_own_kind_in_the_order_of_the_request() {
    let server = launch(RULES).start();
    let envoys = RateLimits::of(&server).await;
    let all = vec![of("path", "x"), of_key("k"), of("nobody", "x"), of("address", "1")];
    let answer = envoys.ask(&request("api", all)).await;
    assert!(passes(&answer), "{answer:?}");
    let told = answer.statuses.iter().map(|status| {
        let limit = status.current_limit.as_ref();
        let limit = limit.map(|limit| (limit.name.as_str(), limit.requests_per_unit));
        (limit, status.limit_remaining)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (Some(("per-path", 5)), 4),
            (Some(("own", 3)), 2),
            (None, 0),
            (Some(("", 2)), 1)
        ]
    );
    assert!(answer.statuses[1].duration_until_reset.is_some(), "{answer:?}");
    assert_eq!(used(&server, "k").await, (1, 1, 1));
    // A request of one kind is nothing to the other.
    assert!(passes(&envoys.ask(&simple("api", "path", "x")).await));
    assert!(passes(&envoys.ask(&request("api", vec![of_key("k")])).await));
    assert_eq!(used(&server, "k").await, (2, 2, 1));
}

#[tokio::test]
async fn what_the_rules_deny_costs_nothing_of_the_policy() {
    let server = launch(RULES).start();
    let envoys = RateLimits::of(&server).await;
    let asked = request("api", vec![of_key("k"), of("address", "1"), of("path", "x")]);
    for _ in 0..2 {
        let passed = envoys.ask(&asked).await;
        assert!(
            passes(&passed) && header(&passed, "x-ratelimit-limit") == Some("3"),
            "{passed:?}"
        );
    }
    let denied = envoys.ask(&asked).await;
    assert!(!passes(&denied));
    // What the policy would have said, at no cost; and no word of it where it did not deny.
    assert_eq!(codes(&denied), [1, 2, 1], "{denied:?}");
    assert!(
        denied.raw_body.is_empty() && denied.response_headers_to_add.is_empty(),
        "{denied:?}"
    );
    // The rules are charged in full, as the reference does.
    assert_eq!(used(&server, "k").await, (2, 3, 3));
    // Only the rest is left of the key.
    assert!(passes(&envoys.ask(&request("api", vec![of_key("k")])).await));
    let both = envoys.ask(&asked).await;
    assert_eq!((passes(&both), codes(&both)), (false, vec![2, 2, 1]), "{both:?}");
    assert!(!both.raw_body.is_empty(), "the policy denies too: {both:?}");
    assert!(header(&both, "x-ratelimit-limit").is_some(), "{both:?}");
    assert_eq!(used(&server, "k").await, (3, 4, 4));
    // One decision of the rules a request, and one of the policy where it was not only looked at.
    let door = "door=\"envoy_rate_limit\"";
    let decided = async |reason| server.metric("quorate_decisions_total", &[door, reason]).await;
    assert_eq!(decided("reason=\"OK\"").await, 5);
    assert_eq!(decided("reason=\"RATE_LIMITED\"").await, 2);
}

#[tokio::test]
async fn what_the_policy_denies_is_charged_to_the_rules_and_none_of_it_to_the_policy() {
    for charge in ["", "charge: all_or_none\n"] {
        let server = launch(&format!("{RULES}{charge}")).start();
        let envoys = RateLimits::of(&server).await;
        assert!(passes(&envoys.ask(&hits(3, request("api", vec![of_key("a")]))).await));
        // One of its keys is used up: the other one is not charged either.
        let asked = request("api", vec![of_key("b"), of("path", "x"), of_key("a")]);
        let denied = envoys.ask(&asked).await;
        assert_eq!((passes(&denied), codes(&denied)), (false, vec![1, 1, 2]), "{denied:?}");
        let body: Value = serde_json::from_slice(&denied.raw_body).expect("it is JSON");
        assert_eq!(body["error"]["code"], "RATE_LIMITED");
        assert_eq!(header(&denied, "content-type"), Some("application/json"));
        assert!(header(&denied, "retry-after").is_some(), "{denied:?}");
        assert_eq!(used(&server, "b").await, (0, 1, 0), "{charge}");
    }
}

#[tokio::test]
async fn the_rules_are_charged_as_their_domain_says_among_themselves() {
    let server = launch(&format!("{RULES}charge: all_or_none\n")).start();
    let envoys = RateLimits::of(&server).await;
    let asked = request("api", vec![of("path", "x"), of_key("k"), of("address", "1")]);
    for _ in 0..2 {
        assert!(passes(&envoys.ask(&asked).await));
    }
    let denied = envoys.ask(&asked).await;
    assert_eq!((passes(&denied), codes(&denied)), (false, vec![1, 1, 2]), "{denied:?}");
    assert_eq!(used(&server, "k").await, (2, 2, 2), "nothing was charged");
}

#[tokio::test]
async fn any_entry_that_is_mapped_makes_it_a_matter_of_the_policy() {
    let server = launch(RULES).start();
    let envoys = RateLimits::of(&server).await;
    let path = of("path", "x");
    // Without a key there is nobody to charge: denied, and not let past the rules.
    for partial in [
        descriptor(&[("endpoint", "GET /")]),
        descriptor(&[("org", "o")]),
        descriptor(&[("org", "o"), ("endpoint", "GET /"), ("path", "x")]),
        descriptor(&[("api_key", "")]),
    ] {
        let answer = envoys.ask(&request("api", vec![partial.clone()])).await;
        assert_eq!(
            (passes(&answer), codes(&answer)),
            (false, vec![2]),
            "{partial:?}: {answer:?}"
        );
        let body: Value = serde_json::from_slice(&answer.raw_body).expect("it is JSON");
        assert_eq!(body["error"]["code"], "KEY_INVALID", "{partial:?}");
    }
    assert_eq!(envoys.remaining(&request("api", vec![path.clone()])).await, 5);
    // A key alone is enough, and one with a path is not counted for the path.
    let alone = request("api", vec![of("api_key", "k")]);
    assert!(passes(&envoys.ask(&alone).await));
    let with_path = descriptor(&[("path", "x"), ("api_key", "k")]);
    assert!(passes(&envoys.ask(&request("api", vec![with_path])).await));
    assert_eq!(envoys.remaining(&alone).await, 1);
    // What names none of them meets the rules, or none.
    assert!(passes(
        &envoys.ask(&request("api", vec![path.clone(), descriptor(&[])])).await
    ));
    assert_eq!(envoys.remaining(&request("api", vec![path])).await, 4);
}

#[tokio::test]
async fn hits_are_what_each_kind_takes_them_for() {
    let server = launch(RULES).start();
    let envoys = RateLimits::of(&server).await;
    let asked = request("api", vec![of_key("k"), of("path", "x")]);
    let mut three = asked.clone();
    three.hits_addend = 3;
    assert!(passes(&envoys.ask(&three).await));
    assert_eq!(used(&server, "k").await, (3, 3, 0));
    let mut own = asked.clone();
    own.descriptors[0].hits_addend = Some(1);
    own.descriptors[0].is_negative_hits = true;
    own.descriptors[1].hits_addend = Some(2);
    assert!(passes(&envoys.ask(&own).await));
    assert_eq!(used(&server, "k").await, (2, 5, 0));
    let looked = envoys.ask(&hits(0, asked.clone())).await;
    assert_eq!(
        codes(&looked),
        [1, 1],
        "a look at the rules is judged without hits: {looked:?}"
    );
    assert_eq!(used(&server, "k").await, (2, 5, 0));
    // What is given back is not, where the rules deny.
    own.descriptors[1].hits_addend = Some(1);
    assert!(!passes(&envoys.ask(&own).await));
    assert_eq!(used(&server, "k").await, (2, 6, 0));
}

#[tokio::test]
async fn headers_tell_one_limit_of_the_whole_request_and_metadata_all_of_it() {
    let arguments = ["--envoy-response-headers", "--envoy-dynamic-metadata"];
    let server = launch(RULES).args(arguments).start();
    let envoys = RateLimits::of(&server).await;
    let told = |answer: &RateLimitResponse| {
        let number = |name| header(answer, name).map(|value| value.parse::<u64>().expect("a number"));
        (number("ratelimit-limit"), number("ratelimit-remaining"))
    };
    let asked = request("api", vec![of("path", "x"), of_key("k")]);
    let answer = envoys.ask(&asked).await;
    assert_eq!(
        told(&answer),
        (Some(3), Some(2)),
        "the least remains of the key: {answer:?}"
    );
    let names: Vec<&String> = answer
        .response_headers_to_add
        .iter()
        .map(|header| &header.key)
        .collect();
    let limits = names.iter().filter(|name| name.eq_ignore_ascii_case("ratelimit-limit"));
    assert_eq!(limits.count(), 1, "{names:?}");
    let metadata = answer.dynamic_metadata.as_ref().expect("it is switched on");
    let Some(Kind::ListValue(all)) = &metadata.fields["descriptors"].kind else {
        panic!("{metadata:?}");
    };
    assert_eq!(all.values.len(), 2, "{metadata:?}");
    assert!(
        metadata.fields.contains_key("metadata"),
        "of the rule that passed: {metadata:?}"
    );
    let of_policy = envoys.ask(&hits(0, request("api", vec![of_key("k")]))).await;
    assert!(of_policy.dynamic_metadata.is_some(), "{of_policy:?}");

    let other = request("api", vec![of("path", "x"), of_key("other")]);
    assert!(passes(&envoys.ask(&hits(2, other.clone())).await));
    let answer = envoys.ask(&hits(0, other.clone())).await;
    assert_eq!(told(&answer), (Some(3), Some(1)), "{answer:?}");
    let mut over = other;
    over.descriptors[0].hits_addend = Some(9);
    over.descriptors[1].hits_addend = Some(0);
    let answer = envoys.ask(&over).await;
    assert_eq!(told(&answer), (Some(5), Some(0)), "what denies is told: {answer:?}");
    let answer = envoys.ask(&hits(9, asked)).await;
    assert_eq!(told(&answer).0, Some(3), "the last that denies is told: {answer:?}");
}

#[tokio::test]
async fn what_is_an_error_charges_neither() {
    let server = launch(RULES).start();
    let envoys = RateLimits::of(&server).await;
    let asked = request("api", vec![of("path", "x"), of_key("k"), of("address", "1")]);
    let limit = |unit| {
        Some(RateLimitOverride {
            requests_per_unit: 1,
            unit,
            unit_multiplier: None,
        })
    };
    let mut overridden = asked.clone();
    overridden.descriptors[1].limit = limit(1);
    let message = envoys.refused(&overridden, Code::InvalidArgument).await;
    assert!(message.contains("descriptors[1].limit"), "{message}");
    let mut misread = asked.clone();
    misread.descriptors[2].limit = limit(0);
    let message = envoys.refused(&misread, Code::InvalidArgument).await;
    assert!(message.contains("descriptors[2].limit.unit"), "{message}");
    let mut apart = asked.clone();
    apart.descriptors.push(descriptor(&[("org", "p"), ("api_key", "k")]));
    let message = envoys.refused(&apart, Code::InvalidArgument).await;
    assert!(message.contains("org"), "{message}");
    let many = vec![of_key("k"); 1_001];
    let message = envoys.refused(&request("api", many), Code::InvalidArgument).await;
    assert!(message.contains("1001") && message.contains("1000"), "{message}");
    // What a client can choose is a denial instead, and the rules are charged for that as for any other.
    let mut long = asked;
    let org = "o".repeat(1_000);
    long.descriptors[1] = descriptor(&[("org", "o"), ("api_key", "k"), ("agent", &org)]);
    let answer = envoys.ask(&long).await;
    assert_eq!((passes(&answer), codes(&answer)), (false, vec![1, 2, 1]), "{answer:?}");
    assert_eq!(used(&server, "k").await, (0, 1, 1));
    // A limit that comes with a descriptor of the rules is a matter of the rules.
    let mut own = request("api", vec![of_key("k"), of("nobody", "x")]);
    own.descriptors[1].limit = limit(6);
    assert!(passes(&envoys.ask(&own).await));
    let answer = envoys.ask(&own).await;
    assert_eq!((passes(&answer), codes(&answer)), (false, vec![1, 2]), "{answer:?}");
}

#[tokio::test]
async fn a_request_that_waits_for_a_quota_is_charged_to_its_rules_once() {
    let quota = policy::plan("quotas: [{ name: q, per: org, limit: 1000, period: lifetime }]");
    let folder = TempDir::new().expect("a folder");
    let rules = RULES.replace("requests_per_unit: 5", "requests_per_unit: 1000");
    let server = with_rules(Launch::keeping(quota, folder.path()), &rules).start();
    let envoys = RateLimits::of(&server).await;
    // Nobody holds a unit of an org that nobody has asked for: each of these waits, if only for the store to be slow.
    let mut passed = 0;
    for number in 0..20 {
        let org = format!("o{number}");
        let key = descriptor(&[("org", &org), ("api_key", "k")]);
        let answer = if number % 2 == 0 {
            envoys
                .ask(&request("api", vec![of("path", "x"), key]))
                .await
                .overall_code
        } else {
            let entries = [[("path", "x")].as_slice(), &[("org", &org), ("api_key", "k")]].map(|entries| {
                let entries = entries.iter().map(|(key, value)| json!({"key": key, "value": value}));
                json!({"entries": entries.collect::<Vec<_>>()})
            });
            let body = json!({"domain": "api", "descriptors": entries}).to_string();
            let reply = send(server.http(), http::Method::POST, "/json", &[], body.into()).await;
            if reply.status == 200 { 1 } else { 2 }
        };
        passed += u64::from(answer == 1);
    }
    let page = get(server.http(), "/rlcounter?domain=api&path=x").await.json();
    assert_eq!(page["used"], 20, "{page}");
    let hits = server
        .metric("quorate_envoy_rule_hits_total", &["rule=\"api.path\""])
        .await;
    assert_eq!(hits, 20);
    // Nothing was charged for those that did not wait long enough.
    let door = "door=\"envoy_rate_limit\"";
    let pending = server.metric("quorate_decisions_total", &[door, "QUOTA_PENDING"]).await;
    assert_eq!(passed + pending, 20);
}

#[tokio::test]
async fn shadow_mode_for_all_lets_both_pass_and_charges_both() {
    let server = launch(RULES).arg("--envoy-shadow").start();
    let envoys = RateLimits::of(&server).await;
    let asked = request("api", vec![of("address", "1"), of_key("k")]);
    for over in [false, false, true] {
        let answer = envoys.ask(&asked).await;
        assert!(passes(&answer) && answer.raw_body.is_empty(), "{answer:?}");
        assert_eq!(codes(&answer), [1 + i32::from(over), 1]);
    }
    assert_eq!(
        used(&server, "k").await,
        (3, 0, 3),
        "the request passes, and is charged"
    );
    let answer = envoys.ask(&asked).await;
    assert_eq!((passes(&answer), codes(&answer)), (true, vec![2, 2]), "{answer:?}");
}

#[tokio::test]
async fn a_caller_needs_the_domain_for_its_rules_and_the_org_for_its_keys() {
    for (orgs, expected) in [
        ("\"api\", \"o\"", [Ok(()), Ok(()), Ok(())]),
        (
            "\"o\", \"p\"",
            [Ok(()), Err(Code::PermissionDenied), Err(Code::PermissionDenied)],
        ),
        (
            "\"api\", \"p\"",
            [Err(Code::PermissionDenied), Ok(()), Err(Code::PermissionDenied)],
        ),
    ] {
        let launch = launch(RULES);
        let token = launch.file("token", "a-secret-token\n");
        let callers = format!(
            "[[callers]]\nname = \"edge\"\norgs = [{orgs}]\ntoken_file = \"{}\"\n",
            token.display()
        );
        let config = launch.file("quorate.toml", &callers);
        let server = launch.arg("--config").arg(config).start();
        let client = RateLimits::of(&server).await;
        let (key, path) = (of_key("k"), of("path", "x"));
        let requests = [vec![key.clone()], vec![path.clone()], vec![path, key]];
        for (descriptors, expected) in requests.into_iter().zip(expected) {
            let bytes = request("api", descriptors.clone()).encode_to_vec();
            let answer = client.send_as(Some("a-secret-token"), bytes).await;
            let answer = answer.map(drop).map_err(|status| status.code());
            assert_eq!(answer, expected, "{orgs}: {descriptors:?}");
        }
    }
}
