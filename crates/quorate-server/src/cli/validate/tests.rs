//! Verdicts, exit codes and the JSON of `validate`.

use std::path::PathBuf;

use super::{Arguments, Exit, as_json, check, run, valid};

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("policy.yaml");
    std::fs::write(&path, text).expect("writes");
    (folder, path)
}

fn arguments(path: PathBuf, json: bool) -> Arguments {
    Arguments {
        paths: vec![path],
        envoy: Vec::new(),
        merge_domains: false,
        json,
    }
}

#[test]
fn the_reference_catalogue_is_valid() {
    let (_folder, path) = written(quorate_policy::REFERENCE_YAML);
    let checked = check(std::slice::from_ref(&path)).expect("reads").expect("valid");
    let words = valid(&checked);
    assert!(words.starts_with("valid: 3 plans, "), "{words}");
    let json = as_json(&Ok(checked));
    assert_eq!((&json["valid"], &json["plans"]), (&true.into(), &3.into()));
    for json in [false, true] {
        assert_eq!(run(&arguments(path.clone(), json)).expect("works"), Exit::Success);
    }
}

#[test]
fn what_is_not_valid_exits_1_and_names_every_place() {
    let (_folder, path) = written("version: 1\nplans:\n  a: { limts: [] }\nendpionts: []\n");
    let json = as_json(&check(std::slice::from_ref(&path)).expect("reads"));
    assert_eq!(json["valid"], false);
    let problems = json["problems"].as_array().expect("a list");
    let lines: Vec<_> = problems.iter().filter_map(|problem| problem["line"].as_u64()).collect();
    assert!(lines.contains(&3) && lines.contains(&4), "{json}");
    assert!(problems[0]["help"].is_string(), "{json}");
    for json in [false, true] {
        assert_eq!(run(&arguments(path.clone(), json)).expect("works"), Exit::No);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_failure() {
    let failure = run(&arguments("not/there.yaml".into(), false)).expect_err("cannot be read");
    assert_eq!(failure.exit, Exit::Failed);
}

#[test]
fn rules_of_envoy_are_judged_too() {
    let judged = |text: &str, merge_domains| {
        let (_folder, path) = written(text);
        let envoy = vec![path.clone(), path];
        let arguments = Arguments {
            paths: Vec::new(),
            envoy: if merge_domains { envoy } else { envoy[..1].to_vec() },
            merge_domains,
            json: true,
        };
        run(&arguments).expect("works")
    };
    let rules = "domain: d\ndescriptors:\n  - {key: k, rate_limit: {unit: hour, requests_per_unit: 5}}\n";
    assert_eq!(judged(rules, false), Exit::Success);
    assert_eq!(judged(rules, true), Exit::No, "the same rule twice in one domain");
    assert_eq!(judged("domain: d\n", true), Exit::Success);
    assert_eq!(judged("domain: d\nlimits: []\n", false), Exit::No);
}
