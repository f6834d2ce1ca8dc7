//! What the server tells about itself: quietly by default, in JSON where no person reads, and nothing undocumented.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::http::{get, should_allow};
use crate::harness::{AskExt, Launch, Server, ask, policy, root, time};

#[tokio::test]
async fn no_log_line_per_decision_and_every_line_is_json() {
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    // What it says arrives in order and in its own time: words that are expected mark the beginning and the end.
    server.signal(Signal::HUP);
    said(&server, RELOADED).await;
    for _ in 0..100 {
        client.ask(ask("k").of("o")).await;
        client.ask(ask("k").of("o").look()).await;
        should_allow(server.http(), json!({ "key": "k", "org": "o" })).await;
    }
    server.replace_policy("version: 1\nplanz: {}\n");
    said(&server, NOT_RELOADED).await;
    let words = server.words();
    let between = words.lines().skip_while(|line| !line.contains(RELOADED)).skip(1);
    let between: Vec<_> = between.take_while(|line| !line.contains(NOT_RELOADED)).collect();
    assert!(
        between.is_empty(),
        "three hundred decisions, most of them denials, are no news: {between:?}"
    );
    for line in words.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        assert!(event.is_object(), "{event}");
    }
}

const RELOADED: &str = "policy reloaded";
const NOT_RELOADED: &str = "policy not reloaded";

/// Waits until the server has said something.
async fn said(server: &Server, words: &str) {
    time::eventually(words, || async { server.words().contains(words).then_some(()) }).await;
}

#[tokio::test]
async fn every_metric_that_is_scraped_is_documented() {
    let documented = std::fs::read_to_string(root().join("docs/metrics.md")).expect("it is there");
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o")).await;
    let page = get(server.http(), "/metrics").await.body;
    let names: BTreeSet<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(
            documented.contains(&format!("`{family}`")),
            "{name} is not in docs/metrics.md"
        );
    }
}
