//! What is counted, gathered and shown.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use quorate_core::answer::{Answer, Binding, DecidedBy, DecisionId, Reason, Retry, Warning};

use super::shadow::NAMES_MAX;
use super::{Door, Family, Kind, Listener, ServerView, Telemetry, Value, exposition};
use crate::edge::bare;

const PER_MINUTE: Binding<'_> = Binding {
    name: "per-minute",
    limit: 60,
    remaining: 0,
    window_ns: 60_000_000_000,
    reset_after_ns: 60_000_000_000,
};

pub(crate) fn answer(reason: Reason) -> Answer<'static> {
    let retry = if reason == Reason::Ok {
        Retry::Passed
    } else {
        Retry::After(1)
    };
    Answer {
        binding: Some(PER_MINUTE),
        decision_id: DecisionId(1),
        by: DecidedBy {
            sequence: 1,
            content_hash: "abcd",
            plan: "developer",
            endpoint: "other",
            org: "acme",
        },
        ..bare(reason, retry)
    }
}

/// Every sample that is not 0, as it is scraped.
fn scraped(telemetry: &Telemetry) -> String {
    let page = exposition(telemetry.gather(&ServerView::default()));
    let skipped = ["# ", "quorate_start_time_seconds", "quorate_build_info"];
    let lines = page
        .lines()
        .filter(|line| !skipped.iter().any(|it| line.starts_with(it)));
    lines
        .filter(|line| !line.ends_with(" 0") && !line.ends_with(" 0.0"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn what_is_recorded_is_scraped() {
    let telemetry = Telemetry::new();
    let (one, other) = (telemetry.recorder(), telemetry.recorder());
    one.record(Door::GrpcUnary, &answer(Reason::Ok), "ak_1", 900);
    other.record(Door::GrpcUnary, &answer(Reason::Ok), "ak_1", 1_000);
    other.record(Door::Http, &answer(Reason::RateLimited), "ak_1", 2_000_000_000);
    let mut rich = answer(Reason::Ok);
    rich.binding = None;
    rich.drawn = 5;
    rich.degraded = true;
    rich.replayed = true;
    rich.warnings.push(Warning {
        name: "per-minute",
        used_percent: 80,
    });
    rich.shadow_denied.push("trial");
    one.record(Door::GrpcStream, &rich, "ak_1", 500);
    one.invalid(Door::GrpcBatch);
    one.refused(Door::Http);
    one.overloaded(Door::GrpcUnary);
    let open = telemetry.connections().opened(Listener::Grpc);
    drop(telemetry.connections().opened(Listener::Http));
    telemetry.connections().refused(Listener::Unix);
    let page = scraped(&telemetry);
    let buckets = page.lines().filter(|line| line.contains("_bucket{"));
    assert_eq!(buckets.clone().count(), 17 + 18 + 1, "{page}");
    // What takes less than a second falls below every bound, whatever takes longer only below this one.
    assert!(page.contains("_bucket{le=\"+Inf\",door=\"http\"} 1\n"), "{page}");
    let rest: String = page
        .lines()
        .filter(|line| !line.contains("_bucket{"))
        .map(|line| format!("{line}\n"))
        .collect();
    expect![[r#"
        quorate_decisions_total{door="grpc_unary",reason="OK"} 2
        quorate_decisions_total{door="grpc_unary",reason="OVERLOADED"} 1
        quorate_decisions_total{door="grpc_stream",reason="OK"} 1
        quorate_decisions_total{door="http",reason="RATE_LIMITED"} 1
        quorate_decision_duration_seconds_sum{door="grpc_unary"} 0.0000019
        quorate_decision_duration_seconds_count{door="grpc_unary"} 2
        quorate_decision_duration_seconds_sum{door="grpc_stream"} 5e-7
        quorate_decision_duration_seconds_count{door="grpc_stream"} 1
        quorate_decision_duration_seconds_sum{door="http"} 2.0
        quorate_decision_duration_seconds_count{door="http"} 1
        quorate_requests_invalid_total{door="grpc_batch"} 1
        quorate_requests_refused_total{door="http"} 1
        quorate_decisions_unlimited_total 1
        quorate_decisions_degraded_total 1
        quorate_decisions_replayed_total 1
        quorate_decisions_warned_total 1
        quorate_pool_units_drawn_total 5
        quorate_shadow_denials_total{limit="trial"} 1
        quorate_connections_open{listener="grpc"} 1
        quorate_connections_total{listener="grpc"} 1
        quorate_connections_total{listener="http"} 1
        quorate_connections_refused_total{listener="unix"} 1
        quorate_policy_info{content_hash=""} 1
    "#]]
    .assert_eq(&rest);
    drop(open);
    assert!(
        !scraped(&telemetry).contains("quorate_connections_open"),
        "it was closed"
    );
}

#[test]
fn a_duration_falls_into_the_bucket_that_reaches_it() {
    let telemetry = Telemetry::new();
    let recorder = telemetry.recorder();
    for elapsed_ns in [0, 500, 501, 1_000_000_000, 1_000_000_001, u64::MAX] {
        recorder.record(Door::Http, &answer(Reason::Ok), "", elapsed_ns);
    }
    let families = telemetry.gather(&ServerView::default());
    let duration = families.iter().find(|family| family.kind == Kind::Histogram);
    let http = duration
        .expect("there is one")
        .samples
        .get(Door::Http.index())
        .expect("there is one for every door");
    let Value::Distribution(distribution) = &http.value else {
        panic!("a distribution is wanted")
    };
    let counts = &distribution.counts;
    assert_eq!((counts[0], counts[1], counts[16], counts[17]), (2, 1, 1, 2));
    assert_eq!(counts.iter().sum::<u64>(), 6);
}

#[test]
fn no_two_samples_of_a_family_have_the_same_labels() {
    let telemetry = Telemetry::new();
    let recorder = telemetry.recorder();
    for limit in ["other", "trial"] {
        let mut answer = answer(Reason::Ok);
        answer.shadow_denied.push(limit);
        recorder.record(Door::Http, &answer, "", 1);
    }
    for family in telemetry.gather(&ServerView::default()) {
        let labels: BTreeSet<_> = family.samples.iter().map(|sample| &sample.labels).collect();
        assert_eq!(labels.len(), family.samples.len(), "{family:?}");
    }
}

#[test]
fn shadow_limits_beyond_the_bound_are_counted_together() {
    let telemetry = Telemetry::new();
    let recorder = telemetry.recorder();
    let names: Vec<_> = (0..NAMES_MAX + 7).map(|number| format!("limit-{number}")).collect();
    for name in names.iter().chain(&names[..1]) {
        let mut answer = answer(Reason::Ok);
        answer.shadow_denied.push(name);
        recorder.record(Door::GrpcUnary, &answer, "", 1);
    }
    let counts: BTreeMap<_, _> = telemetry.shadow.counts().into_iter().collect();
    assert_eq!(counts.len(), NAMES_MAX + 1);
    assert_eq!(counts["limit-0"], 2);
    assert_eq!(counts["other"], 7);
}

#[test]
fn counts_outlive_their_recorder() {
    let telemetry = Telemetry::new();
    telemetry.recorder().record(Door::Http, &answer(Reason::Ok), "", 1);
    assert!(scraped(&telemetry).contains("reason=\"OK\"} 1"));
}

#[test]
fn the_page_of_metrics_has_a_row_for_each_and_no_other() {
    let page = include_str!("../../../../docs/metrics.md");
    let documented: BTreeMap<String, (String, String)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, (cells.next()?.to_owned(), cells.next()?.to_owned())))
        })
        .collect();
    let gathered = Telemetry::new().gather(&ServerView::default());
    let scraped: BTreeSet<_> = gathered.iter().map(scraped_name).collect();
    assert_eq!(documented.keys().cloned().collect::<BTreeSet<_>>(), scraped);
    for family in &gathered {
        let (kind, labels) = &documented[&scraped_name(family)];
        assert_eq!(*kind, format!("{:?}", family.kind).to_lowercase(), "{}", family.name);
        for (label, _) in family.samples.iter().flat_map(|sample| &sample.labels) {
            assert!(labels.contains(&format!("`{label}`")), "{}: {label}", family.name);
        }
    }
}

fn scraped_name(family: &Family) -> String {
    let total = if family.kind == Kind::Counter { "_total" } else { "" };
    format!("{}{total}", family.name)
}
