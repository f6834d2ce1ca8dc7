//! The matcher against one that is written straight from the statement in `docs/ENVOY.md`, over generated trees of rules;
//! and the names of counters.

use proptest::prelude::*;
use quorate_envoy::{Algorithm, Descriptor, Options, Override, Rate, Rules, Source, Unit, Window};

/// A rule as it is generated.
#[derive(Clone, Debug)]
struct Rule {
    key: String,
    value: String,
    /// A limit that no other rule of the tree has.
    limit: Option<u32>,
    share: bool,
    children: Vec<Rule>,
}

/// What the naive matcher finds: the limit, and the entries as they are counted.
#[derive(Debug, PartialEq)]
struct Found {
    limit: u32,
    counted: Vec<(String, String)>,
}

type Entries = Vec<(String, String)>;

/// Per level: the exact key and value, else the first listed wildcard that fits, else the bare key; no way back; equal
/// depth.
fn naive(rules: &[Rule], entries: &[(String, String)]) -> Option<Found> {
    let mut counted = Vec::new();
    let mut rules = rules;
    for (place, (key, value)) in entries.iter().enumerate() {
        let exact = rules
            .iter()
            .find(|rule| rule.key == *key && rule.value == *value && !value.is_empty());
        let wildcard = || {
            rules.iter().find(|rule| {
                let value_fits = rule.key == *key && rule.value.contains('*') && fits(&rule.value, value);
                let key_fits = rule.key.contains('*') && fits(&rule.key, key);
                value_fits || key_fits
            })
        };
        let bare = || rules.iter().find(|rule| rule.key == *key && rule.value.is_empty());
        let rule = exact.or_else(wildcard).or_else(bare)?;
        let pattern = if rule.value.is_empty() { &rule.key } else { &rule.value };
        counted.push((key.clone(), if rule.share { pattern.clone() } else { value.clone() }));
        if place + 1 == entries.len() {
            return rule.limit.map(|limit| Found { limit, counted });
        }
        rules = &rule.children;
    }
    None
}

/// Zero or more characters for each star.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|skip| rest.is_char_boundary(skip) && fits(after, &rest[skip..]))),
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "ab", "a_b"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["a*", "*"]).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        3 => prop::sample::select(vec!["x", "xy", "b_x", "ß"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec!["*", "x*", "*y", "x*y", "*x*", "x**y"]).prop_map(str::to_owned),
    ]
}

fn rules(depth: u32) -> BoxedStrategy<Vec<Rule>> {
    let children = if depth == 0 {
        Just(Vec::new()).boxed()
    } else {
        prop_oneof![1 => Just(Vec::new()), 2 => rules(depth - 1)].boxed()
    };
    let rule = (key(), value(), any::<bool>(), any::<bool>(), children);
    let rule = rule.prop_map(|(key, value, limited, share, children)| {
        let value = if key.contains('*') { String::new() } else { value };
        Rule {
            share: share && (key.contains('*') || value.contains('*')),
            limit: limited.then_some(0),
            key,
            value,
            children,
        }
    });
    let unique = |mut rules: Vec<Rule>| {
        let mut seen = std::collections::BTreeSet::new();
        rules.retain(|rule| seen.insert((rule.key.clone(), rule.value.clone())));
        rules
    };
    prop::collection::vec(rule, 1..6).prop_map(unique).boxed()
}

/// Numbers the limits, so that each tells its rule.
fn number(rules: &mut [Rule], next: &mut u32) {
    for rule in rules {
        if let Some(limit) = &mut rule.limit {
            *next += 1;
            *limit = *next;
        }
        number(&mut rule.children, next);
    }
}

/// JSON is YAML.
fn yaml(rules: &[Rule]) -> serde_json::Value {
    let items = rules.iter().map(|rule| {
        let mut item = serde_json::json!({"key": rule.key, "descriptors": yaml(&rule.children)});
        if !rule.value.is_empty() {
            item["value"] = rule.value.clone().into();
        }
        if let Some(limit) = rule.limit {
            item["rate_limit"] = serde_json::json!({"unit": "hour", "requests_per_unit": limit});
        }
        if rule.share {
            item["share_threshold"] = true.into();
        }
        item
    });
    items.collect()
}

fn load(rules: &[Rule]) -> Rules {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: serde_json::json!({"domain": "d", "descriptors": yaml(rules)}).to_string(),
    };
    Rules::load(&[source], Options::default())
        .expect("what is generated is right")
        .0
}

fn entry() -> impl Strategy<Value = (String, String)> {
    let key = prop::sample::select(vec!["a", "b", "ab", "a_b", "c", "a*"]);
    let value = prop::sample::select(vec!["", "x", "xy", "xay", "b_x", "ß", "y", "x*y", "*", "yx"]);
    (key, value).prop_map(|(key, value)| (key.to_owned(), value.to_owned()))
}

fn borrowed(entries: &Entries) -> Vec<(&str, &str)> {
    entries.iter().map(|(key, value)| (&**key, &**value)).collect()
}

const HOUR: Window = Window {
    unit: Unit::Hour,
    algorithm: Algorithm::FixedWindow,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_matcher_finds_what_the_statement_says(
        mut rules in rules(2),
        requests in prop::collection::vec(prop::collection::vec(entry(), 0..4), 1..12),
    ) {
        number(&mut rules, &mut 0);
        let loaded = load(&rules);
        let domain = loaded.domain("d").expect("it was loaded");
        for entries in &requests {
            let borrowed = borrowed(entries);
            let descriptor = Descriptor { entries: &borrowed, ..Descriptor::default() };
            let matched = domain.find(&descriptor).expect("there is no override");
            let expected = naive(&rules, entries);
            let found = matched.as_ref().map(|matched| match matched.rate() {
                Rate::PerUnit { requests, .. } => requests,
                Rate::Unlimited => unreachable!("none is generated"),
            });
            prop_assert_eq!(found, expected.as_ref().map(|expected| expected.limit), "{:?}", entries);
            // The name of a counter is that of the entries as they are counted, as if an override had named them.
            if let (Some(matched), Some(expected)) = (matched, expected) {
                let counted = self::borrowed(&expected.counted);
                let named = Descriptor {
                    entries: &counted,
                    limit: Some(Override { requests_per_unit: 1, unit: Unit::Hour.number() }),
                    ..Descriptor::default()
                };
                let overridden = domain.find(&named).expect("an hour is a unit").expect("it has a limit");
                prop_assert_eq!(matched.counter(&borrowed, HOUR), overridden.counter(&counted, HOUR));
            }
        }
    }

    #[test]
    fn two_counters_never_have_one_name(
        one in (prop::collection::vec(("[a1:f3]{0,4}", "[a1:f3]{0,4}"), 0..3), 0_usize..7, any::<bool>()),
        other in (prop::collection::vec(("[a1:f3]{0,4}", "[a1:f3]{0,4}"), 0..3), 0_usize..7, any::<bool>()),
    ) {
        let loaded = load(&[]);
        let domain = loaded.domain("d").expect("it was loaded");
        let name = |(entries, unit, sliding): &(Entries, usize, bool)| {
            let borrowed = borrowed(entries);
            let limit = Some(Override { requests_per_unit: 1, unit: 3 });
            let descriptor = Descriptor { entries: &borrowed, limit, ..Descriptor::default() };
            let matched = domain.find(&descriptor).expect("3 is a unit").expect("it has a limit");
            let algorithm = if *sliding { Algorithm::SlidingWindow } else { Algorithm::FixedWindow };
            matched.counter(&borrowed, Window { unit: Unit::ALL[*unit], algorithm })
        };
        prop_assert_eq!(name(&one) == name(&other), one == other);
    }
}

#[test]
fn the_name_of_a_counter_stays_what_it_is() {
    let rules = load(&[]);
    let entries = [("key", "value"), ("k", "")];
    let limit = Some(Override {
        requests_per_unit: 1,
        unit: 3,
    });
    let descriptor = Descriptor {
        entries: &entries,
        limit,
        ..Descriptor::default()
    };
    let domain = rules.domain("d").expect("it was loaded");
    let matched = domain.find(&descriptor).expect("3 is a unit").expect("it has a limit");
    assert_eq!(matched.counter(&entries, HOUR), "1:df33:key5:value1:k0:");
}

#[test]
fn metric_keys_are_the_references() {
    let text = "
domain: d
descriptors:
  - key: a
    value: x*
    share_threshold: true
    descriptors:
      - { key: b, rate_limit: { unit: hour, requests_per_unit: 1 } }
      - { key: c, value_to_metric: true, rate_limit: { unit: hour, requests_per_unit: 1 } }
      - { key: d, detailed_metric: true, rate_limit: { unit: hour, requests_per_unit: 1 } }
  - key: e
    value: y*
    rate_limit: { unit: hour, requests_per_unit: 1 }
";
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    };
    let (rules, _) = Rules::load(&[source], Options::default()).expect("the rules are right");
    let key = |entries: &[(&str, &str)]| {
        let descriptor = Descriptor {
            entries,
            ..Descriptor::default()
        };
        let found = rules.domain("d").expect("it was loaded").find(&descriptor);
        found
            .expect("there is no override")
            .expect("a rule matches")
            .metric_key(entries)
    };
    assert_eq!(key(&[("a", "x1"), ("b", "2")]), "d.a_x*.b");
    assert_eq!(key(&[("a", "x1"), ("c", "2")]), "d.a_x*.c_2");
    assert_eq!(key(&[("a", "x1"), ("d", "2")]), "d.a_x*.d_2");
    assert_eq!(key(&[("e", "y1")]), "d.e_y*");
}
