//! Alerts and the dashboard: Prometheus takes the rules, each is seen to fire, and every metric and label that they or
//! the dashboard name is one that a real server exports.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{deployed, text};
use crate::documents::blocks;
use crate::envoy::client::RateLimits;
use crate::harness::command::{Outcome, run};
use crate::harness::document::read;
use crate::harness::http::{get, post, should_allow};
use crate::harness::{AskExt, Launch, Server, ask, environment, policy, time};

/// The page for operators.
const OPERATIONS: &str = "docs/OPERATIONS.md";

/// Labels that Prometheus adds to what it scrapes, and the one of histograms.
const LABELS_OF_PROMETHEUS: [&str; 3] = ["instance", "job", "le"];

fn promtool(task: &[&str], folder: &std::path::Path) -> Outcome {
    let mut promtool = Command::new(environment("QUORATE_TEST_PROMTOOL"));
    run(promtool.args(task).current_dir(folder))
}

#[test]
fn prometheus_takes_the_rules_and_each_is_seen_to_fire() {
    let folder = deployed("monitoring");
    promtool(&["check", "rules", "alerts.yaml"], &folder).exits(0);
    promtool(&["test", "rules", "alerts_test.yaml"], &folder).exits(0);
    let tests = text("monitoring/alerts_test.yaml");
    let alerts = alerts();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        let fires = tests.contains(&format!("- name: {alert} fires\n"));
        let quiet = tests.contains(&format!("{{ eval_time: 30m, alertname: {alert} }}"));
        assert!(
            fires && quiet,
            "{alert} lacks a test that makes it fire, or one that does not"
        );
    }
}

#[test]
fn prometheus_takes_its_configuration() {
    // As the container has it: the rules beside the configuration.
    let folder = TempDir::new().expect("a folder");
    for file in ["compose/prometheus.yaml", "monitoring/alerts.yaml"] {
        let name = file.rsplit('/').next().expect("a name");
        std::fs::copy(deployed(file), folder.path().join(name)).expect("it can be copied");
    }
    promtool(&["check", "config", "prometheus.yaml"], folder.path()).exits(0);
}

/// The rules that the page for operators shows.
fn shown() -> Vec<String> {
    let blocks = blocks(&read(OPERATIONS), "yaml");
    let rules: Vec<String> = blocks
        .into_iter()
        .filter(|block| block.starts_with("groups:"))
        .collect();
    assert!(!rules.is_empty(), "{OPERATIONS} shows rules");
    rules
}

#[test]
fn prometheus_takes_the_rules_that_operators_are_shown() {
    let folder = TempDir::new().expect("a folder");
    for rules in shown() {
        std::fs::write(folder.path().join("rules.yaml"), rules).expect("it can be written");
        promtool(&["check", "rules", "rules.yaml"], folder.path()).exits(0);
    }
    let broken = shown().concat().replace("quorate_ready == 0", "quorate_ready ==");
    std::fs::write(folder.path().join("rules.yaml"), broken).expect("it can be written");
    let judged = promtool(&["check", "rules", "rules.yaml"], folder.path());
    assert_ne!(judged.code, Some(0), "the judge is awake");
}

fn alerts() -> Vec<String> {
    let text = text("monitoring/alerts.yaml");
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

/// The expressions of the rules that operators are shown, and those that stand in the text.
fn shown_expressions() -> Vec<String> {
    let rules = shown().concat();
    let mut found: Vec<String> = rules
        .lines()
        .filter_map(|line| line.split_once("expr: "))
        .map(|(_, rest)| rest.split(", for: ").next().unwrap_or_default().trim_end_matches(" }"))
        .map(|expression| expression.trim_matches('\'').to_owned())
        .collect();
    assert!(found.len() > 5, "{found:?}");
    let page = read(OPERATIONS);
    // What stands between backquotes, outside of blocks.
    let text: String = page.split("```").step_by(2).collect();
    let quoted = text.split('`').skip(1).step_by(2);
    found.extend(quoted.filter(|quoted| quoted.contains("quorate_")).map(str::to_owned));
    found
}

/// The expressions of the alerts and of the dashboard.
fn expressions() -> Vec<String> {
    let rules = text("monitoring/alerts.yaml");
    let rules = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let mut found: Vec<String> = rules.map(|line| line.trim_matches('\'').to_owned()).collect();
    let dashboard: Value = serde_json::from_str(&text("monitoring/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    found.extend(targets.map(|target| target["expr"].as_str().expect("each asks").to_owned()));
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let queries = variables.iter().filter(|variable| variable["type"] == "query");
    found.extend(queries.map(|query| query["query"].as_str().expect("each asks").to_owned()));
    found
}

/// What one scrape exports: the labels of each series' name.
type Exported = BTreeMap<String, BTreeSet<String>>;

fn exported(page: &str) -> Exported {
    let mut exported = Exported::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap_or((line, ""));
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels
            .split(['{', ','])
            .filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        exported.entry(name.to_owned()).or_default().extend(labels);
    }
    exported
}

/// The metrics of ours that an expression names.
fn metrics(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("quorate_")).collect()
}

/// The labels that an expression selects or groups by.
fn labels(expression: &str) -> BTreeSet<&str> {
    let mut labels = BTreeSet::new();
    for selector in expression.split('{').skip(1) {
        let inside = selector.split('}').next().unwrap_or_default();
        let names = inside.split(',').filter_map(|part| part.split(['=', '!']).next());
        labels.extend(names.map(str::trim));
    }
    for grouping in expression.split("by (").skip(1) {
        let inside = grouping.split(')').next().unwrap_or_default();
        labels.extend(inside.split(',').map(str::trim));
    }
    labels
}

/// A request that Envoy makes.
fn hit() -> RateLimitRequest {
    let entry = Entry {
        key: "a".to_owned(),
        value: "b".to_owned(),
    };
    RateLimitRequest {
        domain: "d".to_owned(),
        descriptors: vec![RateLimitDescriptor {
            entries: vec![entry],
            ..RateLimitDescriptor::default()
        }],
        hits_addend: 0,
    }
}

/// A server that has seen some of everything, so that its series are there.
async fn busy() -> Server {
    let shadowed = policy::plan(
        "limits:\n  - { name: own, per: key, limit: 2, window: 1h }\n  - { name: trial, per: key, limit: 1, window: 1h, mode: shadow }",
    );
    let launch = Launch::with(shadowed).arg("--data-dir");
    let data = launch.path("data");
    let launch = launch.arg(data);
    let rules = "domain: d\ndescriptors: [{ key: a, rate_limit: { unit: year, requests_per_unit: 1 } }]\n";
    let rules = launch.file("rules.yaml", rules);
    let server = launch.arg("--envoy-config").arg(rules).start();
    let client = server.client().await;
    RateLimits(client.channel.clone()).ask(&hit()).await;
    for _ in 0..3 {
        client.ask(ask("k").of("o")).await;
    }
    should_allow(server.http(), json!({ "key": "k", "org": "o" })).await;
    post(server.http(), "{").await;
    server.signal(Signal::HUP);
    time::eventually("a reload", || async {
        (server.metric("quorate_policy_reloads_total", &["ok"]).await > 0).then_some(())
    })
    .await;
    server
}

#[tokio::test]
async fn every_metric_that_is_watched_is_exported() {
    let server = busy().await;
    let page = get(server.http(), "/metrics").await.body;
    let exported = exported(&page);
    let mut expressions = expressions();
    assert!(expressions.len() > 40, "{expressions:?}");
    expressions.extend(shown_expressions());
    for expression in expressions {
        let mut known: BTreeSet<&str> = LABELS_OF_PROMETHEUS.into();
        for metric in metrics(&expression) {
            // A histogram is spoken of by its name, and exported by its parts.
            let labels = exported
                .get(metric)
                .or_else(|| exported.get(&format!("{metric}_bucket")));
            let labels = labels.unwrap_or_else(|| panic!("no server exports {metric}, of `{expression}`:\n{page}"));
            known.extend(labels.iter().map(String::as_str));
        }
        for label in labels(&expression) {
            assert!(
                known.contains(label),
                "nothing in `{expression}` has a label {label}: {known:?}"
            );
        }
    }
}
