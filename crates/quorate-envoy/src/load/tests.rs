//! What is said of a file: every problem with its place, and every warning.

use expect_test::{Expect, expect};

use super::Options;
use crate::charge::Charge;
use crate::rules::Rules;
use quorate_policy::Source;

fn check_files(texts: &[&str], options: Options, expected: &Expect) {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| Source {
            name: format!("{number}.yaml"),
            text: (*text).to_owned(),
        })
        .collect();
    let shown = match Rules::load(&sources, options) {
        Ok((rules, warnings)) => {
            let domains: Vec<String> = rules
                .domains()
                .map(|domain| {
                    format!(
                        "{} {} {:?} {:?}",
                        domain.name(),
                        domain.rules(),
                        domain.charge(),
                        domain.native()
                    )
                })
                .collect();
            format!("{}\n{warnings}", domains.join("\n"))
        }
        Err(problems) => problems.to_string(),
    };
    expected.assert_eq(&shown);
}

fn check(text: &str, expected: &Expect) {
    check_files(&[text], Options::default(), expected);
}

/// A rule's text in a file around it.
fn check_rule(rule: &str, expected: &Expect) {
    check(&format!("domain: d\ndescriptors:\n- {rule}\n"), expected);
}

#[test]
fn every_problem_is_told_at_once() {
    check(
        "domain: d
descriptors:
  - key: ''
    value: 1.5
  - key: a
    shadow_mod: true
    rate_limit: { unit: fortnight, requests_per_unit: -1, quota_mode: true }
  - key: a
    detailed_metric: 'yes'
    rate_limit: { unlimited: true, unit: hour, replaces: [{}, low, {name: 5, x: y}] }
  - { value: v }
",
        &expect![[r#"
            0.yaml:3:10: a descriptor without a key; `key` is what an entry of the request is named
            0.yaml:4:12: `value`: `1.5` reads as a number that is not whole, or too large; put it in quotes if it is text
            0.yaml:6:5: unknown key `shadow_mod` in a descriptor; did you mean `shadow_mode`?
            0.yaml:7:25: `unit`: `fortnight` is not known; known: `second`, `minute`, `hour`, `day`, `week`, `month`, `year`
            0.yaml:7:55: `requests_per_unit`: `-1` is negative; expected a whole number from 0 to 4294967295
            0.yaml:7:59: `quota_mode` does not belong in `rate_limit`; it is a field of a descriptor; here it would have no effect
            0.yaml:8:5: the key `a` is given twice on one level (first given here at 0.yaml:5:5)
            0.yaml:9:22: `detailed_metric`: "yes" is text; leave out the quotes
            0.yaml:10:42: a limit that is `unlimited` has no unit; leave out one of the two
            0.yaml:10:59: an item of `replaces` without a name; `name` is the name of the limit that is dropped
            0.yaml:10:63: `replaces` is a mapping, and `low` is given
            0.yaml:10:78: unknown key `x` in `replaces`; known: `name`
            0.yaml:11:5: a descriptor without a key; `key` is what an entry of the request is named
        "#]],
    );
}

#[test]
fn counts_are_whole_and_in_one_notation() {
    for (text, expected) in [
        (
            "010",
            expect![[r#"
            0.yaml:3:56: `requests_per_unit`: `010` has a leading zero, which makes it octal for some readers and not for others; write it without
        "#]],
        ),
        (
            "1.0",
            expect![[r#"
            0.yaml:3:56: `requests_per_unit`: `1.0` is not a whole number; expected a whole number from 0 to 4294967295
        "#]],
        ),
        (
            "4294967296",
            expect![[r#"
            0.yaml:3:56: `requests_per_unit`: `4294967296` is too large; expected a whole number from 0 to 4294967295
        "#]],
        ),
        (
            "'5'",
            expect![[r#"
            0.yaml:3:56: `requests_per_unit`: `5` is text; leave out the quotes
        "#]],
        ),
        (
            "{}",
            expect![[r#"
            0.yaml:3:56: `requests_per_unit` is a whole number, and a mapping is given
        "#]],
        ),
    ] {
        check_rule(
            &format!("{{key: k, rate_limit: {{unit: hour, requests_per_unit: {text}}}}}"),
            &expected,
        );
    }
}

#[test]
fn a_limit_without_a_count_is_a_warning() {
    check_rule(
        "{key: k, rate_limit: {unit: hour}}",
        &expect![[r#"
        d 1 None None
        0.yaml:3:24: `requests_per_unit` is not given: it is 0, which denies every hit; write `requests_per_unit: 0` if that is meant
    "#]],
    );
    check_rule(
        "{key: k, rate_limit: {unit: hour, requests_per_unit: ~}}",
        &expect![[r#"
            d 1 None None
            0.yaml:3:56: `requests_per_unit` is not given: it is 0, which denies every hit; write `requests_per_unit: 0` if that is meant
        "#]],
    );
    check_rule(
        "{key: k, rate_limit: {unit: hour, requests_per_unit: 0}}",
        &expect![[r#"
            d 1 None None
        "#]],
    );
}

#[test]
fn a_unit_is_known_also_where_nothing_is_limited() {
    check_rule(
        "{key: k, rate_limit: {unlimited: true, unit: hours}}",
        &expect![[r#"
        0.yaml:3:48: `unit`: `hours` is not known; did you mean `hour`?
    "#]],
    );
    check_rule(
        "{key: k, rate_limit: {unlimited: true, unit: ''}}",
        &expect![[r#"
        d 1 None None
    "#]],
    );
    check_rule(
        "{key: k, rate_limit: {}}",
        &expect![[r#"
        0.yaml:3:24: a rate limit without a unit; known: `second`, `minute`, `hour`, `day`, `week`, `month`, `year`
    "#]],
    );
}

#[test]
fn stars_in_keys() {
    check_rule(
        "{key: 'a*'}",
        &expect![[r#"
        d 1 None None
        0.yaml:3:9: `a*` is met by every key that begins so; a `*` is mostly meant for the value
    "#]],
    );
    check_rule(
        "{key: 'a*b'}",
        &expect![[r#"
        0.yaml:3:9: `a*b` has a `*` in the key; values may have a `*` anywhere; a key only as its end, and without a value
    "#]],
    );
    check_rule(
        "{key: 'a*', value: v}",
        &expect![[r#"
        0.yaml:3:9: `a*` has a `*` in the key; values may have a `*` anywhere; a key only as its end, and without a value
    "#]],
    );
    check_rule(
        "{key: 'a*', share_threshold: true}",
        &expect![[r#"
        d 1 None None
        0.yaml:3:9: `a*` is met by every key that begins so; a `*` is mostly meant for the value
    "#]],
    );
    check_rule(
        "{key: a, value: v, share_threshold: true}",
        &expect![[r#"
        0.yaml:3:39: `share_threshold` is for values with a `*`; one value has one counter anyway
    "#]],
    );
}

#[test]
fn a_rule_that_nothing_can_meet_is_a_warning() {
    check(
        "domain: d
descriptors:
  - { key: k, value: 'a*' }
  - { key: k, value: 'ab*c' }
  - { key: k, value: '*a' }
  - { key: j, value: 'ab*' }
  - { key: k, value: 'ab' }
",
        &expect![[r#"
            d 5 None None
            0.yaml:4:5: `k: ab*c` is never met (this one is met first, by all of its values at 0.yaml:3:5)
        "#]],
    );
}

#[test]
fn limits_that_replace_each_other_are_a_warning_and_themselves_a_problem() {
    check(
        "domain: d
descriptors:
  - { key: a, rate_limit: { unit: hour, requests_per_unit: 1, name: one, replaces: [{name: two}] } }
  - { key: b, rate_limit: { unit: hour, requests_per_unit: 1, name: two, replaces: [{name: three}, {name: four}] } }
  - { key: c, rate_limit: { unit: hour, requests_per_unit: 1, name: three, replaces: [{name: one}] } }
",
        &expect![[r#"
            d 3 None None
            0.yaml:5:69: the limits `three` and `one` replace each other, if not directly; for a request that meets all limits of such a circle none is left
        "#]],
    );
    check_rule(
        "{key: a, rate_limit: {unit: hour, requests_per_unit: 1, name: one, replaces: [{name: one}]}}",
        &expect![[r#"
            0.yaml:3:88: the limit `one` replaces itself
        "#]],
    );
}

#[test]
fn a_domain_belongs_to_one_file_unless_files_are_merged() {
    let files = [
        "domain: d\ndescriptors: [{key: a}]\n",
        "domain: d\ndescriptors: [{key: b}]\n",
    ];
    check_files(
        &files,
        Options::default(),
        &expect![[r#"
        1.yaml:1:9: the domain `d` is given twice (first given here at 0.yaml:1:9); several files make one domain only where merging is switched on
    "#]],
    );
    check_files(
        &files,
        Options { merge: true },
        &expect![[r#"
        d 2 None None
    "#]],
    );
    let same = [
        "domain: d\ndescriptors: [{key: a}]\n",
        "domain: d\ndescriptors: [{key: a}]\n",
    ];
    check_files(
        &same,
        Options { merge: true },
        &expect![[r#"
        1.yaml:2:15: the key `a` is given twice on one level (first given here at 0.yaml:2:15)
    "#]],
    );
}

#[test]
fn a_domain_may_say_how_it_is_charged() {
    check(
        "domain: d\ncharge: all_or_none\n",
        &expect![[r#"
        d 0 Some(AllOrNone) None
    "#]],
    );
    check(
        "domain: d\ncharge: all_or_nothing\n",
        &expect![[r#"
        0.yaml:2:9: `charge`: `all_or_nothing` is not known; did you mean `all_or_none`?
    "#]],
    );
    let files = ["domain: d\ncharge: all\n", "domain: d\ncharge: all_or_none\n"];
    check_files(
        &files,
        Options { merge: true },
        &expect![[r#"
        1.yaml:1:9: the domain is charged or mapped in another way than before (first given here at 0.yaml:1:9)
    "#]],
    );
    let (rules, _) = Rules::load(
        &[Source {
            name: "0.yaml".to_owned(),
            text: "domain: d\ncharge: stop_when_over\n".to_owned(),
        }],
        Options::default(),
    )
    .expect("it is right");
    assert_eq!(
        rules.domain("d").and_then(crate::Domain::charge),
        Some(Charge::StopWhenOver)
    );
}

#[test]
fn a_domain_may_be_of_the_native_pipeline() {
    check(
        "domain: d\nnative: {}\n",
        &expect![[r#"
        d 0 None Some(Native { org: "org", key: "key", endpoint: "endpoint" })
    "#]],
    );
    check(
        "domain: d\nnative: {org: tenant, endpoint: route}\n",
        &expect![[r#"
        d 0 None Some(Native { org: "tenant", key: "key", endpoint: "route" })
    "#]],
    );
    check(
        "domain: d\nnative: {org: key, name: x}\n",
        &expect![[r#"
        0.yaml:2:9: `org`, `key` and `endpoint` are read from three different entries
        0.yaml:2:20: `name` does not belong in `native`; it is a field of `rate_limit`; here it would have no effect
    "#]],
    );
    check(
        "domain: d\nnative:\n",
        &expect![[r#"
        0.yaml:2:7: `native`: nothing is given; `native: {}` takes `org`, `key` and `endpoint` as the keys of entries
    "#]],
    );
}

#[test]
fn a_domain_of_the_native_pipeline_may_have_rules_and_a_way_of_charging_them() {
    let both = expect![[r#"
        d 1 Some(AllOrNone) Some(Native { org: "org", key: "key", endpoint: "endpoint" })
    "#]];
    check(
        "domain: d\nnative: {}\ncharge: all_or_none\ndescriptors: [{key: k}]\n",
        &both,
    );
    // In two files, whichever comes first.
    let merged = Options { merge: true };
    let (mapping, rules) = (
        "domain: d\nnative: {}\ncharge: all_or_none\n",
        "domain: d\ndescriptors: [{key: k}]\n",
    );
    check_files(&[mapping, rules], merged, &both);
    check_files(&[rules, mapping], merged, &both);
    check(
        mapping,
        &expect![[r#"
            0.yaml:1:9: `charge` says how rules are charged, and this domain has none; what the policy decides is charged all or none
        "#]],
    );
}

#[test]
fn rules_for_what_the_policy_decides_are_warned_of() {
    check(
        "domain: d
native: {key: api_key}
descriptors:
  - key: api_key
  - key: api_key
    value: x
  - key: path
    descriptors: [{key: org}]
  - key: key
",
        &expect![[r#"
            d 5 None Some(Native { org: "org", key: "api_key", endpoint: "endpoint" })
            0.yaml:4:5: rules for `api_key` are never met; `native` of this domain has the policy decide on descriptors with that entry
            0.yaml:8:19: rules for `org` are never met; `native` of this domain has the policy decide on descriptors with that entry
        "#]],
    );
    // As the mapping is known only when all files are read, so is what it takes from the rules.
    check_files(
        &["domain: d\ndescriptors: [{key: key}]\n", "domain: d\nnative: {}\n"],
        Options { merge: true },
        &expect![[r#"
            d 1 None Some(Native { org: "org", key: "key", endpoint: "endpoint" })
            0.yaml:2:15: rules for `key` are never met; `native` of this domain has the policy decide on descriptors with that entry
        "#]],
    );
    check(
        "domain: d\ndescriptors: [{key: key}]\n",
        &expect![[r#"
            d 1 None None
        "#]],
    );
}

#[test]
fn a_limit_may_slide() {
    check_rule(
        "{key: k, rate_limit: {unit: hour, requests_per_unit: 1, algorithm: sliding_window}}",
        &expect![[r#"
            d 1 None None
        "#]],
    );
    check_rule(
        "{key: k, algorithm: sliding_window}",
        &expect![[r#"
        0.yaml:3:12: `algorithm` does not belong in a descriptor; it is a field of `rate_limit`; here it would have no effect
    "#]],
    );
    check_rule(
        "{key: k, rate_limit: {unit: hour, requests_per_unit: 1, algorithm: sliding}}",
        &expect![[r#"
            0.yaml:3:70: `algorithm`: `sliding` is not known; known: `fixed_window`, `sliding_window`
        "#]],
    );
}

#[test]
fn one_document_and_what_yaml_has() {
    check(
        "domain: d\n---\n",
        &expect![[r#"
        d 0 None None
    "#]],
    );
    check(
        "domain: d\n---\ndomain: e\n",
        &expect![[r#"
            0.yaml:2:1: a second document begins here; a rule file holds one; put it into a file of its own: several files add up
        "#]],
    );
    check(
        "domain: \"d\"\nx: \u{1}\n",
        &expect![[r#"
        0.yaml:2:4: YAML has no such control character; in double quotes it can be written: "\u0001"
    "#]],
    );
    check(
        "",
        &expect![[r#"
        0.yaml:1:1: the file is empty; a rule file begins with `domain: <name>`
    "#]],
    );
    check(
        "domain: !!binary ZA==\n",
        &expect![[r#"
        d 0 None None
    "#]],
    );
    check(
        "domain: d\ndescriptors: [{key: k, <<: 5}]\n",
        &expect![[r#"
        0.yaml:2:28: `<<` takes a mapping or a list of mappings, and `5` is given; name an anchored mapping: `<<: *name`
    "#]],
    );
}

#[test]
fn files_are_read_as_by_the_reference() {
    check(
        "domain:\td\ndescriptors:\n- key:\tk\n  rate_limit:\n    unit:\thour\n    requests_per_unit:\t5\n",
        &expect![[r#"
            d 1 None None
        "#]],
    );
    check_rule(
        "{key: !!int abc, value: !!bool yes}",
        &expect![[r#"
        0.yaml:3:9: `abc` is not what its tag `!!int` says
    "#]],
    );
    check_rule(
        "{key: k, value: 1e400, rate_limit: Null}",
        &expect![[r#"
        0.yaml:3:38: `rate_limit` is a mapping, and nothing is given
    "#]],
    );
    check(
        "%YAML 1.2\n---\ndomain: d\n",
        &expect![[r#"
        0.yaml:1:1: `%YAML 1.2` is not read; rule files are YAML 1.1; leave it out, or write `%YAML 1.1`
    "#]],
    );
    check(
        "domain: d\u{fffe}\n",
        &expect![[r#"
        0.yaml:1:10: YAML has no such control character; in double quotes it can be written: "\u0001"
    "#]],
    );
}

#[test]
fn of_what_a_merge_key_brings_and_a_rule_says_the_later_counts() {
    let source = Source {
        name: "0.yaml".to_owned(),
        text: "domain: d
descriptors:
- &base { key: a, rate_limit: { unit: hour, requests_per_unit: 3 } }
- { <<: *base, key: b, rate_limit: { requests_per_unit: 9 } }
- { key: c, <<: *base, value: v }
"
        .to_owned(),
    };
    let (rules, _) = Rules::load(&[source], Options::default()).expect("it is right");
    let level = &rules.domain("d").expect("it is there").level;
    let rate = |key, value| {
        level
            .find(key, value)
            .and_then(|rule| rule.limit.as_ref())
            .map(|limit| limit.rate)
    };
    let per_hour = |requests| {
        Some(crate::Rate::PerUnit {
            requests,
            window: crate::Window {
                unit: crate::Unit::Hour,
                algorithm: crate::Algorithm::FixedWindow,
            },
        })
    };
    assert_eq!(rate("b", ""), per_hour(9), "the rest of the limit stays");
    assert_eq!(rate("a", "v"), per_hour(3));
    assert_eq!(rate("c", "v"), None, "`<<` comes after the key");
}

#[test]
fn metadata_is_of_any_form_but_a_mapping_itself() {
    check_rule(
        "{key: k, metadata: {a: [1, {b: 0x1F}], c: ~, d: yes, e: 1.5, f: 2024-01-02}}",
        &expect![[r#"
            d 1 None None
        "#]],
    );
    check_rule(
        "{key: k, metadata: [a]}",
        &expect![[r#"
        0.yaml:3:22: `metadata` is a mapping, and a list is given
    "#]],
    );
    check_rule(
        "{key: k, metadata: {a: .inf}}",
        &expect![[r#"
        0.yaml:3:26: `.inf` is no number that metadata can carry; put it in quotes if it is text
    "#]],
    );
}

#[test]
fn no_files_are_no_domains() {
    let (rules, warnings) = Rules::load(&[], Options::default()).expect("nothing is wrong with nothing");
    assert!(rules.is_empty() && warnings.is_empty());
}
