//! Envoy's rules at a node.

use std::sync::Arc;

use quorate_envoy::{Code, Descriptor, Options, Request, Rules, Settings, Source};
use quorate_policy::reference;

use crate::{Node, NodeConfig};

const RULES: &str = "
domain: d
descriptors:
  - {key: k, rate_limit: {unit: year, requests_per_unit: 2}}
";

fn node() -> Arc<Node> {
    Node::start(NodeConfig::default(), &reference()).expect("the reference catalogue compiles")
}

fn ask(node: &Node, value: &str) -> (Code, u32) {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: RULES.to_owned(),
    };
    let (rules, _) = Rules::load(&[source], Options::default()).expect("they are well formed");
    let descriptors = [Descriptor {
        entries: &[("k", value)],
        ..Descriptor::default()
    }];
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let plan = rules.plan(request).expect("it is well formed");
    let response = node.rate_limit(&plan, &Settings::default());
    (response.overall, response.statuses[0].limit_remaining)
}

#[test]
fn a_count_outlives_reloads_of_rules_and_of_the_policy() {
    let node = node();
    assert_eq!(ask(&node, "a"), (Code::Ok, 1));
    node.reload(&reference()).expect("it compiles again");
    assert_eq!(ask(&node, "a"), (Code::Ok, 0));
    assert_eq!(ask(&node, "a"), (Code::OverLimit, 0));
    assert_eq!(ask(&node, "b"), (Code::Ok, 1));
}
