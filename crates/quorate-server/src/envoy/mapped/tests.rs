//! A request whose native part waits for units of a quota: its rules are charged once, and it goes on by the same rules.

use std::time::Duration;

use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use quorate_envoy::{Options, Rules, Source};
use quorate_node::quotas::{Quotas, new_holder};
use quorate_node::{Node, NodeConfig};
use quorate_policy::Checked;
use quorate_store::embedded::Embedded;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;
use crate::callers::{Callers, Identity};
use crate::edge::{Edge, InFlight, PolicyHealth, Readiness};
use crate::envoy::{Envoy, RuleCount};
use crate::telemetry::Telemetry;

/// Units are here by then, or never will be.
const EVENTUALLY: Duration = Duration::from_secs(60);

const POLICY: &str = "
version: 1
defaults: { plan: free }
plans: { free: { quotas: [{ name: q, per: org, limit: 2, period: lifetime }] } }
orgs: { o: {} }
keys: { a: { org: o }, b: { org: o } }
";

const RULES: &str = "
domain: d
native: {}
descriptors: [{key: path, rate_limit: {unit: year, requests_per_unit: 9}}]
";

fn source(text: &str) -> Source {
    Source {
        name: "file.yaml".to_owned(),
        text: text.to_owned(),
    }
}

fn policy(text: &str) -> Checked {
    quorate_policy::check(&[source(text)]).expect("a policy")
}

fn rules(text: &str) -> InForce {
    let (rules, _) = Rules::load(&[source(text)], Options::default()).expect("rules");
    InForce::new(rules, Vec::new(), 0)
}

fn edge() -> Edge {
    Edge {
        node: Node::start(NodeConfig::default(), &policy(POLICY)).expect("the policy compiles"),
        callers: Callers::default(),
        in_flight: Arc::new(InFlight::new(1)),
        readiness: Readiness::new(PolicyHealth::default()),
        store: None,
        envoy: Envoy::new(&crate::config::EnvoySettings::default(), Some(rules(RULES))),
        authz: crate::config::AuthzSettings::default(),
        telemetry: Telemetry::new(),
    }
}

/// A request of two keys and a path between them.
fn message() -> RateLimitRequest {
    let descriptor = |(key, value): (&str, &str)| RateLimitDescriptor {
        entries: vec![Entry {
            key: key.to_owned(),
            value: value.to_owned(),
        }],
        ..RateLimitDescriptor::default()
    };
    RateLimitRequest {
        domain: "d".to_owned(),
        descriptors: [("key", "a"), ("path", "/"), ("key", "b")].map(descriptor).into(),
        hits_addend: 0,
    }
}

fn codes(answer: &RateLimitResponse) -> Vec<Code> {
    let each = answer.statuses.iter().map(|status| status.code());
    each.chain([answer.overall_code()]).collect()
}

/// Hits that the rules have counted.
fn counted(edge: &Edge) -> u64 {
    edge.envoy
        .counts()
        .all()
        .iter()
        .map(|RuleCount { total, .. }| total)
        .sum()
}

/// Asks; an answer, or what waits.
fn ask(
    edge: &Edge,
    patience: Patience,
    begun: &mut Option<Box<Begun>>,
) -> Result<Decided<RateLimitResponse>, EnvoyError> {
    let recorder = edge.telemetry.recorder();
    let door = Door {
        edge,
        recorder: &recorder,
        identity: &Identity::Anyone,
    };
    door.rate_limit(&message(), patience, begun)
}

/// Asks with as much patience as it takes.
async fn settle(edge: &Edge, begun: &mut Option<Box<Begun>>) -> RateLimitResponse {
    let settled = timeout(EVENTUALLY, async {
        loop {
            match ask(edge, Patience::Whole, begun).expect("it is well formed") {
                Decided::Answered(answer) => return answer,
                Decided::Parked(parked) => parked.await,
            };
        }
    });
    settled.await.expect("units come")
}

#[tokio::test]
async fn what_waits_has_charged_its_rules_once_and_goes_on_by_them() {
    let edge = edge();
    let mut begun = None;
    // Nobody fetches units yet.
    let waiting = ask(&edge, Patience::Whole, &mut begun);
    assert!(matches!(waiting, Ok(Decided::Parked(_))), "{waiting:?}");
    assert!(begun.is_some());
    assert_eq!(counted(&edge), 1);
    // By the new rules the path would be a matter of the policy, and the keys none.
    edge.envoy
        .put(rules("domain: d\nnative: {key: path}\ndescriptors: [{key: x}]\n"));
    let folder = TempDir::new().expect("a folder");
    let store = Arc::new(Embedded::open(folder.path()).expect("a store"));
    let (stop, stopped) = watch::channel(false);
    let driver = Quotas::new(Arc::clone(&edge.node), store, new_holder(), Arc::new(|_| ()));
    let driver = tokio::spawn(driver.run(stopped, EVENTUALLY));
    let answer = settle(&edge, &mut begun).await;
    assert_eq!(codes(&answer), [Code::Ok; 4], "{answer:?}");
    assert!(
        answer.statuses[1].current_limit.is_some(),
        "the rules said it: {answer:?}"
    );
    assert!(begun.is_none());
    assert_eq!(counted(&edge), 1);

    // The quota is used up, and that is no reason not to charge the rules.
    edge.envoy.put(rules(RULES));
    let answer = settle(&edge, &mut begun).await;
    assert_eq!(
        codes(&answer),
        [Code::OverLimit, Code::Ok, Code::OverLimit, Code::OverLimit]
    );
    assert_eq!(counted(&edge), 2);
    stop.send(true).expect("the driver runs");
    assert!(driver.await.expect("the driver ends"), "everything is given back");
}

#[tokio::test]
async fn what_has_begun_is_denied_where_a_new_policy_makes_it_an_error() {
    let edge = edge();
    let mut begun = None;
    let waiting = ask(&edge, Patience::Whole, &mut begun);
    assert!(matches!(waiting, Ok(Decided::Parked(_))), "{waiting:?}");
    let apart = POLICY.replace("orgs: { o: {} }", "orgs: { o: {}, p: {} }");
    let apart = apart.replace("b: { org: o }", "b: { org: p }");
    edge.node.reload(&policy(&apart)).expect("it compiles");
    // Envoy may let pass what ends in an error, and the rules are charged.
    let answer = match ask(&edge, Patience::Over, &mut begun) {
        Ok(Decided::Answered(answer)) => answer,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        codes(&answer),
        [Code::OverLimit, Code::Ok, Code::OverLimit, Code::OverLimit]
    );
    assert!(!answer.raw_body.is_empty());
    assert_eq!(counted(&edge), 1);

    // From the start it is an error, before anything is charged.
    let error = ask(&edge, Patience::Over, &mut None).expect_err("they are of two orgs");
    assert!(matches!(error, EnvoyError::Native(_)), "{error:?}");
    assert_eq!(counted(&edge), 1);
}
