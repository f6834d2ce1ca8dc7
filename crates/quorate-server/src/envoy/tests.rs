//! What is counted rule by rule, held against the reference's way of counting.

use quorate_envoy::{Descriptor, Options, Request, Rules, Settings, Source};
use quorate_node::{Node, NodeConfig};

use super::RuleCount;
use super::rule_counts::{KEY_BYTES_MAX, KEYS_MAX, OTHER, RuleCounts};

const RULES: &str = "
domain: d
descriptors:
  - {key: k, rate_limit: {unit: year, requests_per_unit: 10}}
  - {key: s, rate_limit: {unit: year, requests_per_unit: 1}, shadow_mode: true}
  - {key: detailed, detailed_metric: true, rate_limit: {unit: year, requests_per_unit: 1}}
  - {key: u, rate_limit: {unlimited: true}}
";

struct Rig {
    node: std::sync::Arc<Node>,
    rules: Rules,
    counts: RuleCounts,
}

impl Rig {
    fn new() -> Self {
        let source = Source {
            name: "rules.yaml".to_owned(),
            text: RULES.to_owned(),
        };
        Self {
            node: Node::start(NodeConfig::default(), &quorate_policy::reference()).expect("it compiles"),
            rules: Rules::load(&[source], Options::default())
                .expect("they are well formed")
                .0,
            counts: RuleCounts::default(),
        }
    }

    fn ask(&self, key: &str, value: &str, hits: u64, back: bool) {
        self.ask_in("d", key, value, hits, back);
    }

    fn ask_in(&self, domain: &str, key: &str, value: &str, hits: u64, back: bool) {
        let descriptors = [Descriptor {
            entries: &[(key, value)],
            hits_addend: Some(hits),
            is_negative_hits: back,
            ..Descriptor::default()
        }];
        let request = Request {
            domain,
            descriptors: &descriptors,
            hits_addend: 0,
        };
        let plan = self.rules.plan(request).expect("it is well formed");
        let settings = Settings {
            shadow_mode: key == "k",
            ..Settings::default()
        };
        let response = self.node.rate_limit(&plan, &settings);
        self.counts.count(&plan, &descriptors, &response);
    }

    /// Total, within, near, over and shadow of a key.
    fn counted(&self, key: &str) -> [u64; 5] {
        let all = self.counts.all();
        let found = all.into_iter().find(|count| count.key == key);
        let RuleCount {
            total,
            within,
            near,
            over,
            shadow,
            ..
        } = found.unwrap_or_default();
        [total, within, near, over, shadow]
    }
}

#[test]
fn hits_are_within_near_and_over_as_the_reference_has_it() {
    let rig = Rig::new();
    for (hits, expected) in [
        (7, [7, 7, 0, 0, 0]),
        // From 7 to 9: one of the two is beyond eight tenths.
        (2, [9, 9, 1, 0, 0]),
        // From 9 to 12: one more is near, two are over, and none is within.
        (3, [12, 9, 2, 2, 0]),
        (4, [16, 9, 2, 6, 0]),
        (0, [16, 9, 2, 6, 0]),
    ] {
        rig.ask("k", "v", hits, false);
        assert_eq!(rig.counted("d.k"), expected, "{hits}");
    }
    rig.ask("k", "v", 5, true);
    assert_eq!(
        rig.counted("d.k"),
        [16, 9, 2, 6, 0],
        "what is given back is not counted again"
    );
    assert_eq!(rig.counts.shadowed(), 3);
}

#[test]
fn shadow_mode_is_counted_beside_and_what_is_unlimited_is_not() {
    let rig = Rig::new();
    rig.ask("s", "v", 1, false);
    rig.ask("s", "v", 3, false);
    assert_eq!(rig.counted("d.s"), [4, 1, 1, 3, 3]);
    rig.ask("u", "v", 1, false);
    rig.ask("nobody", "v", 1, false);
    assert_eq!(rig.counts.all().len(), 1);
}

#[test]
fn hits_beyond_every_count_stay_at_the_largest_number() {
    let rig = Rig::new();
    rig.ask("k", "v", u64::MAX, false);
    rig.ask("k", "v", 5, false);
    assert_eq!(rig.counted("d.k")[0], u64::MAX);
}

#[test]
fn requests_for_an_unknown_domain_are_counted() {
    let rig = Rig::new();
    rig.ask("nobody", "v", 1, false);
    assert_eq!(rig.counts.unknown_domain(), 0);
    rig.ask_in("unknown", "k", "v", 7, false);
    rig.ask_in("unknown", "k", "v", 7, false);
    assert_eq!(rig.counts.unknown_domain(), 2, "requests, not hits");
    assert!(rig.counts.all().is_empty());
}

#[test]
fn keys_are_bounded_in_number_and_length() {
    let rig = Rig::new();
    rig.ask("detailed", &"x".repeat(KEY_BYTES_MAX), 2, false);
    assert_eq!(rig.counted(OTHER)[0], 2);
    for value in 0..KEYS_MAX + 5 {
        rig.ask("detailed", &value.to_string(), 1, false);
    }
    assert_eq!(rig.counts.all().len(), KEYS_MAX + 1);
    assert_eq!(rig.counted(OTHER)[0], 7);
    assert_eq!(rig.counted("d.detailed_17")[0], 1);
}
