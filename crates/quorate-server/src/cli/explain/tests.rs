//! The reference catalogue, explained.

use clap::Parser;

use super::{Arguments, Exit, run};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn parse(words: &[&str]) -> Arguments {
    let words = std::iter::once("quorate").chain(words.iter().copied());
    Line::parse_from(words).arguments
}

const SCAN: [&str; 3] = ["--reference", "--key=ak_1", "--endpoint=POST /api/v1/threats/scan"];

#[test]
fn a_scan_meets_the_plans_limits_and_its_own() {
    let arguments = parse(&SCAN);
    let explained = arguments.explain(&quorate_policy::reference()).expect("well formed");
    assert_eq!((explained.plan.as_str(), explained.org.as_str()), ("developer", "ak_1"));
    assert_eq!(explained.endpoint, "POST /api/v1/threats/scan");
    let cost = |limit: u64| explained.limits.iter().find(|l| l.limit == limit).map(|l| l.cost);
    assert_eq!(cost(60), Some(5), "the factor applies to the plan");
    assert_eq!(cost(20), Some(1), "an endpoint's own limit counts calls");
    assert_eq!(run(&arguments).expect("works"), Exit::Success);
}

#[test]
fn it_needs_no_server_and_no_charge() {
    let mut words = SCAN.to_vec();
    words.extend(["--json", "--server=127.0.0.1:1"]);
    assert_eq!(run(&parse(&words)).expect("asks nobody"), Exit::Success);
}

#[test]
fn a_malformed_request_and_an_invalid_policy_are_told_apart() {
    let mut words = SCAN.to_vec();
    words.push("--amount=no-such-meter=1");
    assert_eq!(run(&parse(&words)).expect_err("malformed").exit, Exit::Failed);

    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "version: 2\n").expect("writes");
    let policy = format!("--policy={}", file.path().display());
    for words in [&[policy.as_str(), "--key=k"][..], &[&policy, "--key=k", "--json"]] {
        assert_eq!(run(&parse(words)).expect("works"), Exit::No);
    }
}

#[test]
fn a_credential_wants_the_deployments_key() {
    let secret = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(secret.path(), "s3cret").expect("writes");
    let secret = format!("--credential-file={}", secret.path().display());
    assert!(run(&parse(&["--reference", &secret])).is_err());

    let key = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(key.path(), "00".repeat(32)).expect("writes");
    let key = format!("--credential-key-file={}", key.path().display());
    let explained = parse(&["--reference", &secret, &key]).explain(&quorate_policy::reference());
    let steps = explained.expect("well formed").steps;
    assert!(steps.iter().any(|step| step.text.contains("KEY_UNKNOWN")), "{steps:?}");
}
