//! The service beyond its answers: rules that change, doors, callers, what is counted, and what it says of itself.

use prost::Message;
use serde_json::{Value, json};
use tonic::Code;

use super::client::{RateLimits, descriptor, hits, passes, request, simple, with_rules};
use crate::harness::http::{get, send};
use crate::harness::{Client, Launch, Server, time};

fn rules(limit: u32) -> String {
    format!("domain: d\ndescriptors:\n  - {{key: k, rate_limit: {{unit: year, requests_per_unit: {limit}}}}}\n")
}

async fn ready(server: &Server) -> Value {
    get(server.http(), "/readyz").await.json()["envoy_rules"].clone()
}

/// Replaces the file of rules at once, as editors do.
fn replace(server: &Server, text: &str) {
    crate::harness::server::replace(&server.path("rules/rules.yaml"), text);
}

#[tokio::test]
async fn rules_are_reloaded_with_their_counts_and_bad_ones_are_not() {
    let server = with_rules(Launch::plain(), &rules(5)).start();
    let client = RateLimits::of(&server).await;
    let asked = simple("d", "k", "v");
    client.ask(&hits(2, asked.clone())).await;
    replace(&server, &rules(9));
    time::eventually("the reload", || async {
        (ready(&server).await["sequence"] == 2).then_some(())
    })
    .await;
    assert_eq!(client.remaining(&asked).await, 7, "what was counted is kept");

    replace(
        &server,
        "domain: d\ndescriptors:\n  - {key: k, rate_limits: {unit: year}}\n  - {key: ''}\n",
    );
    let failure = time::eventually("the refusal", || async {
        Some(ready(&server).await["last_failure"].clone()).filter(|failure| !failure.is_null())
    })
    .await;
    let problems = failure["problems"].to_string();
    for part in ["rules.yaml:3:", "rate_limits", "rules.yaml:4:"] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert_eq!(client.remaining(&asked).await, 7, "the old ones stay in force");
    assert!(server.metric("quorate_envoy_rules_reloads_total", &["failed"]).await >= 1);

    replace(&server, &rules(3));
    time::eventually("the repair", || async {
        (ready(&server).await["sequence"] == 3).then_some(())
    })
    .await;
    assert_eq!(client.remaining(&asked).await, 1);
    assert_eq!(ready(&server).await["last_failure"], Value::Null);
}

#[test]
fn a_bad_start_ends_with_every_reason() {
    let bad =
        "domain: d\ndescriptors:\n  - {key: k, rate_limit: {unit: fortnight, requests_per_unit: 1}}\nlimits: []\n";
    let (code, words) = with_rules(Launch::plain(), bad).refused();
    assert_eq!(code, Some(2), "{words}");
    for part in ["rules.yaml:3:", "fortnight", "rules.yaml:4:", "limits"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let (code, words) = Launch::plain().args(["--envoy-config", "not/there"]).refused();
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("not/there"), "{words}");
}

#[tokio::test]
async fn without_rules_the_service_is_not_served() {
    let server = Launch::plain().start();
    let client = RateLimits::of(&server).await;
    let message = client.refused(&simple("d", "k", "v"), Code::Unimplemented).await;
    assert!(message.contains("--envoy-config"), "{message}");
}

#[tokio::test]
async fn a_unix_socket_serves_it_too() {
    let launch = with_rules(Launch::plain(), &rules(2));
    let socket = launch.path("quorate.sock");
    let server = launch.arg("--uds").arg(&socket).start();
    let over_unix = RateLimits(Client::connect_unix(socket).await.channel);
    let over_tcp = RateLimits::of(&server).await;
    let asked = simple("d", "k", "v");
    assert!(passes(&over_unix.ask(&asked).await));
    assert!(passes(&over_tcp.ask(&asked).await));
    assert!(!passes(&over_unix.ask(&asked).await));
}

#[tokio::test]
async fn a_caller_may_ask_for_its_domains_only() {
    let launch = with_rules(Launch::plain(), &rules(9));
    let token = launch.file("token", "a-secret-token\n");
    let callers = format!(
        "[[callers]]\nname = \"edge\"\norgs = [\"d\"]\ntoken_file = \"{}\"\n",
        token.display()
    );
    let config = launch.file("quorate.toml", &callers);
    let server = launch.arg("--config").arg(config).start();
    let client = RateLimits::of(&server).await;
    let ask = async |token, domain| {
        let bytes = simple(domain, "k", "v").encode_to_vec();
        client
            .send_as(token, bytes)
            .await
            .map(drop)
            .map_err(|status| status.code())
    };
    let token = Some("a-secret-token");
    assert_eq!(ask(token, "d").await, Ok(()));
    assert_eq!(ask(token, "e").await, Err(Code::PermissionDenied));
    assert_eq!(ask(None, "d").await, Err(Code::Unauthenticated));
    // A request that its domain would refuse tells no more of that than of any other.
    let mut asked = simple("e", "k", "v");
    asked.descriptors.clear();
    let refused = client
        .send_as(token, asked.encode_to_vec())
        .await
        .expect_err("not its domain");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        ask(token, "").await,
        Err(Code::Unknown),
        "a caller's only org is no domain"
    );
}

#[tokio::test]
async fn what_we_add_to_the_rules_counts_as_it_says() {
    let rules = "
domain: d
charge: all_or_none
descriptors:
  - {key: few, rate_limit: {unit: year, requests_per_unit: 1}}
  - {key: many, rate_limit: {unit: year, requests_per_unit: 9, algorithm: sliding_window}}
";
    let server = with_rules(Launch::plain(), rules).start();
    let client = RateLimits::of(&server).await;
    let both = request("d", vec![descriptor(&[("few", "v")]), descriptor(&[("many", "v")])]);
    assert!(passes(&client.ask(&both).await));
    for _ in 0..3 {
        assert!(!passes(&client.ask(&both).await));
    }
    assert_eq!(
        client.remaining(&simple("d", "many", "v")).await,
        8,
        "a denied request charged nothing"
    );
    assert!(!passes(&client.ask(&hits(9, simple("d", "many", "v"))).await));
    assert!(passes(&client.ask(&hits(8, simple("d", "many", "v"))).await));
}

#[tokio::test]
async fn hits_are_counted_rule_by_rule_and_decisions_by_door() {
    let server = with_rules(Launch::plain(), &rules(10)).start();
    let client = RateLimits::of(&server).await;
    for count in [7, 2, 3] {
        client.ask(&hits(count, simple("d", "k", "v"))).await;
    }
    let of_rule = async |metric: &str| server.metric(metric, &["rule=\"d.k\""]).await;
    assert_eq!(of_rule("quorate_envoy_rule_hits_total").await, 12);
    assert_eq!(of_rule("quorate_envoy_rule_within_limit_total").await, 9);
    assert_eq!(of_rule("quorate_envoy_rule_near_limit_total").await, 2);
    assert_eq!(of_rule("quorate_envoy_rule_over_limit_total").await, 2);
    assert_eq!(of_rule("quorate_envoy_rule_shadow_total").await, 0);
    let door = "door=\"envoy_rate_limit\"";
    let decided = async |reason| server.metric("quorate_decisions_total", &[door, reason]).await;
    assert_eq!(decided("reason=\"OK\"").await, 2);
    assert_eq!(decided("reason=\"RATE_LIMITED\"").await, 1);
    assert_eq!(server.metric("quorate_envoy_rules", &[]).await, 1);
}

#[tokio::test]
async fn the_pages_for_people_show_what_grpc_counts() {
    let server = with_rules(Launch::plain(), &rules(2)).start();
    let client = RateLimits::of(&server).await;
    client.ask(&simple("d", "k", "v")).await;
    let body = json!({"domain": "d", "descriptors": [{"entries": [{"key": "k", "value": "v"}]}]}).to_string();
    let post = async || send(server.http(), http::Method::POST, "/json", &[], body.clone().into()).await;
    let passed = post().await;
    assert_eq!(
        (passed.status.as_u16(), &passed.json()["overallCode"]),
        (200, &json!("OK"))
    );
    let over = post().await;
    assert_eq!(
        (over.status.as_u16(), &over.json()["overallCode"]),
        (429, &json!("OVER_LIMIT"))
    );
    let counter = get(server.http(), "/rlcounter?domain=d&k=v").await.json();
    assert_eq!((&counter["used"], &counter["remaining"]), (&json!(3), &json!(0)));
    let shown = get(server.http(), "/rlconfig").await.json();
    assert_eq!(shown["files"][0]["text"], json!(rules(2)));
    assert_eq!(get(server.http(), "/healthcheck").await.status, 200);
}

#[tokio::test]
async fn what_is_too_much_at_once_is_unavailable_and_charges_nothing() {
    // A place for one, and two threads that decide: calls that come at the same moment meet sooner or later.
    let launch = with_rules(Launch::plain(), &rules(4_000_000_000));
    let server = launch.args(["--in-flight-max", "1", "--data-threads", "2"]).start();
    let (first, second) = (RateLimits::of(&server).await, RateLimits::of(&server).await);
    let many = request("d", vec![descriptor(&[("k", "v")]); 1_000]).encode_to_vec();
    let mut charged = 0;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let (one, other) = tokio::join!(first.send(many.clone()), second.send(many.clone()));
        let mut met = false;
        for outcome in [one, other] {
            match outcome {
                Ok(_) => charged += 1_000,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    met = true;
                }
            }
        }
        if met {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "they never met");
    }
    let left = time::until("a look", || async {
        first.send(hits(0, simple("d", "k", "v")).encode_to_vec()).await.ok()
    })
    .await;
    assert_eq!(left.statuses[0].limit_remaining, 4_000_000_000 - charged);
}
