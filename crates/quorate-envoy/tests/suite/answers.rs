//! What an answer carries beside its codes: headers and dynamic metadata.

use quorate_core::time::SECOND;
use quorate_envoy::{Code, Datum, Descriptor, HeaderNames, Map, Options, Override, Request, Rules, Settings, Source};

use crate::counters::Sums;

fn load(text: &str) -> Rules {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    };
    Rules::load(&[source], Options::default())
        .expect("the rules are right")
        .0
}

/// 1,000.5 seconds into an hour.
fn sums() -> Sums {
    Sums {
        now: 1_800_001_000 * SECOND + SECOND / 2,
        ..Sums::default()
    }
}

fn text(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}

fn map(items: impl IntoIterator<Item = (&'static str, Datum)>) -> Map {
    items
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn a_reset_is_told_in_whole_seconds_and_never_too_early() {
    let rules = load("domain: d\ndescriptors: [{key: k, rate_limit: {unit: hour, requests_per_unit: 5}}]\n");
    let descriptors = [Descriptor {
        entries: &[("k", "v")],
        ..Descriptor::default()
    }];
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let plan = rules.plan(request).expect("it is a request");
    let response = plan.decide(&Settings::default(), &mut sums());
    assert_eq!(response.statuses[0].reset_after_secs, Some(2_600));
    let names = HeaderNames::default();
    let headers = response.headers(&names).expect("there is a limit");
    let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
    assert_eq!(
        headers,
        [
            ("RateLimit-Limit", "5"),
            ("RateLimit-Remaining", "4"),
            ("RateLimit-Reset", "2600")
        ]
    );
}

#[test]
fn without_a_limit_there_are_no_headers() {
    let rules = load("domain: d\ndescriptors: [{key: k, rate_limit: {unlimited: true}}]\n");
    let descriptors = [
        Descriptor {
            entries: &[("k", "v")],
            ..Descriptor::default()
        },
        Descriptor::default(),
    ];
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let plan = rules.plan(request).expect("it is a request");
    assert!(!plan.counts());
    let response = plan.decide(&Settings::default(), &mut sums());
    assert_eq!(response.headers(&HeaderNames::default()), None);
}

#[test]
fn headers_tell_the_last_that_denies_else_the_first_of_the_nearest() {
    let rules = load(
        "
domain: d
descriptors:
  - { key: a, rate_limit: { unit: hour, requests_per_unit: 5 } }
  - { key: b, rate_limit: { unit: day, requests_per_unit: 5 } }
  - { key: c, rate_limit: { unit: hour, requests_per_unit: 0 } }
  - { key: d, rate_limit: { unit: day, requests_per_unit: 0 } }
  - { key: s, rate_limit: { unit: day, requests_per_unit: 0 }, shadow_mode: true }
  - { key: q, rate_limit: { unit: day, requests_per_unit: 0 }, quota_mode: true }
",
    );
    let shown = |keys: &[&str]| {
        let entries: Vec<[(&str, &str); 1]> = keys.iter().map(|key| [(*key, "v")]).collect();
        let descriptors: Vec<Descriptor<'_>> = entries
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
        plan.decide(&Settings::default(), &mut sums()).shown
    };
    assert_eq!(shown(&["a", "b"]), Some(0));
    assert_eq!(shown(&["b", "a"]), Some(0));
    assert_eq!(shown(&["x", "a", "c", "d", "b"]), Some(3));
    assert_eq!(shown(&["c", "s"]), Some(0));
    assert_eq!(shown(&["a", "s", "q"]), Some(1));
    assert_eq!(shown(&["q", "c", "q"]), Some(1));
}

#[test]
fn dynamic_metadata_tells_the_request() {
    let rules = load("domain: d\n");
    let over = |requests_per_unit, unit| {
        Some(Override {
            requests_per_unit,
            unit,
        })
    };
    let descriptors = [
        Descriptor {
            entries: &[("k", "v"), ("a=b", "")],
            limit: over(5, 3),
            hits_addend: Some((1 << 53) + 1),
            ..Descriptor::default()
        },
        Descriptor {
            limit: over(0, 7),
            ..Descriptor::default()
        },
    ];
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: u32::MAX,
    };
    let plan = rules.plan(request).expect("it is a request");
    let response = plan.decide(&Settings::default(), &mut sums());
    let told = plan.dynamic_metadata(&response);
    let first = map([
        ("entries", Datum::List(vec![text("k=v"), text("a=b=")])),
        ("limit", text("requests_per_unit:5 unit:HOUR")),
        ("hitsAddend", Datum::Number(9_007_199_254_740_992.0)),
    ]);
    let second = map([("entries", Datum::List(Vec::new())), ("limit", text("unit:7"))]);
    let expected = map([
        ("domain", text("d")),
        ("descriptors", Datum::List(vec![Datum::Map(first), Datum::Map(second)])),
        ("hitsAddend", Datum::Number(4_294_967_295.0)),
    ]);
    assert_eq!(told, expected);
}

#[test]
fn metadata_of_rules_that_passed_is_merged_and_the_first_wins() {
    let rules = load(
        "
domain: d
descriptors:
  - { key: a, rate_limit: { unit: hour, requests_per_unit: 1 }, metadata: { m: { x: 1, y: [1] }, s: a } }
  - { key: b, rate_limit: { unit: hour, requests_per_unit: 1 }, metadata: { m: { x: 2, z: ~ }, s: { t: 1 }, u: yes } }
  - { key: c, rate_limit: { unit: hour, requests_per_unit: 0 }, metadata: { w: 1 } }
  - { key: d, rate_limit: { unlimited: true }, metadata: { w: 1 } }
",
    );
    let entries = ["a", "b", "c", "d"].map(|key| [(key, "v")]);
    let descriptors = entries.each_ref().map(|entries| Descriptor {
        entries,
        ..Descriptor::default()
    });
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let plan = rules.plan(request).expect("it is a request");
    let response = plan.decide(&Settings::default(), &mut sums());
    assert_eq!(response.overall, Code::OverLimit);
    let inner = map([
        ("x", Datum::Number(1.0)),
        ("y", Datum::List(vec![Datum::Number(1.0)])),
        ("z", Datum::Null),
    ]);
    let expected = map([("m", Datum::Map(inner)), ("s", text("a")), ("u", Datum::Bool(true))]);
    assert_eq!(
        plan.dynamic_metadata(&response).get("metadata"),
        Some(&Datum::Map(expected))
    );
}

#[test]
fn shadow_mode_for_all_changes_the_whole_and_tells_that_it_did() {
    let rules = load("domain: d\ndescriptors: [{key: k, rate_limit: {unit: hour, requests_per_unit: 0}}]\n");
    let descriptors = [Descriptor {
        entries: &[("k", "v")],
        ..Descriptor::default()
    }];
    let request = Request {
        domain: "d",
        descriptors: &descriptors,
        hits_addend: 0,
    };
    let settings = Settings {
        shadow_mode: true,
        ..Settings::default()
    };
    let response = rules
        .plan(request)
        .expect("it is a request")
        .decide(&settings, &mut sums());
    assert_eq!(
        (response.overall, response.statuses[0].code),
        (Code::Ok, Code::OverLimit)
    );
    assert!(response.shadowed);
}

#[test]
fn with_quota_mode_for_all_what_has_no_limit_is_a_quota_that_never_runs_out() {
    let rules = load("domain: d\ndescriptors: [{key: k, rate_limit: {unit: hour, requests_per_unit: 0}}]\n");
    let settings = Settings {
        quota_mode: true,
        ..Settings::default()
    };
    let ask = |keys: &[&str]| {
        let entries: Vec<[(&str, &str); 1]> = keys.iter().map(|key| [(*key, "v")]).collect();
        let descriptors: Vec<Descriptor<'_>> = entries
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
        rules
            .plan(request)
            .expect("it is a request")
            .decide(&settings, &mut sums())
            .overall
    };
    assert_eq!(ask(&["k"]), Code::OverLimit);
    assert_eq!(ask(&["k", "other"]), Code::Ok);
}
