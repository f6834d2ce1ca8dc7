//! Domains that are mapped to the native pipeline: what is for the policy there, and that rules pass over it.

use quorate_envoy::plan::Item;
use quorate_envoy::{Code, Descriptor, Options, Request, Rules, Settings, Source};

use crate::counters::Sums;

const BOTH: &str = "
domain: d
native: { org: tenant }
descriptors:
  - { key: path, rate_limit: { unit: year, requests_per_unit: 1 } }
  - { key: org, rate_limit: { unit: year, requests_per_unit: 1 } }
  - { key: quota, rate_limit: { unit: year, requests_per_unit: 0 }, quota_mode: true }
";

fn load(text: &str) -> Rules {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    };
    Rules::load(&[source], Options::default())
        .expect("the rules are right")
        .0
}

/// What becomes of a request of these descriptors: whose matter each is, and the answer of the rules.
fn decide(text: &str, descriptors: &[&[(&str, &str)]], settings: Settings) -> (String, Code) {
    let rules = load(text);
    let descriptors: Vec<Descriptor<'_>> = descriptors
        .iter()
        .map(|entries| Descriptor {
            entries,
            ..Descriptor::default()
        })
        .collect();
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let plan = rules.plan(request).expect("it is a request");
    let letter = |item: &Item<'_>| match item {
        Item::Native => 'n',
        Item::Free => 'f',
        Item::Unlimited(_) => 'u',
        Item::Counted(_) => 'c',
    };
    let whose = plan.items().iter().map(letter).collect();
    let response = plan.decide(&settings, &mut Sums::default());
    assert_eq!(response.statuses.len(), descriptors.len());
    (whose, response.overall)
}

fn whose(text: &str, descriptors: &[&[(&str, &str)]]) -> String {
    decide(text, descriptors, Settings::default()).0
}

#[test]
fn any_entry_that_the_mapping_names_makes_a_descriptor_the_policys() {
    let named: [&[(&str, &str)]; 7] = [
        &[("tenant", "a"), ("key", "k"), ("endpoint", "GET /")],
        &[("key", "k")],
        &[("key", "")],
        &[("tenant", "a")],
        &[("endpoint", "GET /")],
        &[("path", "/"), ("endpoint", "GET /")],
        &[("agent", "x"), ("tenant", "a")],
    ];
    assert_eq!(whose(BOTH, &named), "nnnnnnn");
    // By the key of the entry, whatever its value; and a name that is mapped to another one is free for rules.
    let others: [&[(&str, &str)]; 5] = [&[("path", "key")], &[("org", "a")], &[("keys", "k")], &[], &[("", "")]];
    assert_eq!(whose(BOTH, &others), "ccfff");
}

#[test]
fn without_rules_all_is_the_policys_and_without_a_mapping_nothing() {
    let descriptors: [&[(&str, &str)]; 3] = [&[("path", "/")], &[("key", "k")], &[]];
    assert_eq!(whose("domain: d\nnative: {}\n", &descriptors), "nnn");
    let rules = BOTH.replace("native: { org: tenant }\n", "");
    assert_eq!(whose(&rules, &descriptors), "cff");
}

#[test]
fn what_the_policy_decides_neither_denies_nor_saves_what_the_rules_deny() {
    let (key, path, quota): (&[_], &[_], &[_]) = (&[("key", "k")], &[("path", "/")], &[("quota", "q")]);
    let decided = |descriptors: &[&[(&str, &str)]]| decide(BOTH, descriptors, Settings::default()).1;
    assert_eq!(decided(&[key, key]), Code::Ok);
    assert_eq!(decided(&[path, key]), Code::Ok);
    assert_eq!(decided(&[path, key, path]), Code::OverLimit);
    // Every quota of the request is over: the policy's descriptor is none of them.
    assert_eq!(decided(&[quota, key]), Code::OverLimit);
    let all_quotas = Settings {
        quota_mode: true,
        ..Settings::default()
    };
    assert_eq!(decide(BOTH, &[quota, key], all_quotas).1, Code::OverLimit);
    assert_eq!(decide(BOTH, &[quota, &[("free", "x")]], all_quotas).1, Code::Ok);
}

#[test]
fn a_limit_that_comes_with_a_descriptor_of_the_policy_is_nothing_to_the_rules() {
    let rules = load(BOTH);
    let descriptors = [Descriptor {
        entries: &[("key", "k")],
        limit: Some(quorate_envoy::Override {
            requests_per_unit: 0,
            unit: 0,
        }),
        ..Descriptor::default()
    }];
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let plan = rules.plan(request).expect("whoever asks the policy refuses it");
    assert!(!plan.counts());
}
