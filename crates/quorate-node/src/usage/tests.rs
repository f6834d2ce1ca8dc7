//! Usage: spans of UTC against a plain walk over all days, rows by meter, and what becomes of them at a reload.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::grant::HolderId;
use quorate_core::limit::METERS_MAX;
use quorate_core::request::Request;
use quorate_core::usage::{OTHER, Row};
use quorate_policy::{Source, check};
use quorate_store::embedded::Embedded;
use quorate_store::usage::Span;

use super::report::{Spans, report};
use super::waiting::Waiting;
use super::{Life, UsageWriter};
use crate::{Node, NodeConfig, Wanted};

const DAY_S: u64 = 24 * 3_600;

fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

#[test]
fn spans_are_those_of_the_calendar() {
    let (mut months, mut days, mut hours) = (Spans::new(Span::Month), Spans::new(Span::Day), Spans::new(Span::Hour));
    let (mut day, mut year) = (0, 1970);
    while year < 2401 {
        let february = if is_leap(year) { 29 } else { 28 };
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            let first = day * DAY_S;
            for within in [0, 1, length / 2, length - 1] {
                let at = (day + within) * DAY_S;
                for second in [at, at + DAY_S - 1] {
                    assert_eq!(months.start_of(second), first, "{year}, day {day} and {within}");
                    assert_eq!(days.start_of(second), at);
                    assert_eq!(hours.start_of(second), second / 3_600 * 3_600);
                }
            }
            day += length;
        }
        year += 1;
    }
}

#[test]
fn a_time_that_no_calendar_reaches_has_a_span_all_the_same() {
    assert!(Spans::new(Span::Month).start_of(u64::MAX) < u64::MAX / 1_000_000_000);
}

fn row(org: &str, naming: u64, meters: &[&str], counts: &[u64]) -> Row {
    let mut units = [0; METERS_MAX];
    units[..counts.len()].copy_from_slice(counts);
    Row {
        org: org.into(),
        key: "k".into(),
        endpoint: "e".into(),
        hour_s: 7_200,
        meters: meters.iter().map(|meter| Arc::from(*meter)).collect(),
        naming,
        calls: 3,
        units,
    }
}

/// What waits: writer, meter, calls, units.
fn waiting(mut waiting: Waiting) -> Vec<(u128, String, u64, u64)> {
    let mut all = Vec::new();
    while let Some((writer, rows)) = waiting.next() {
        let told = rows
            .iter()
            .map(|(key, used)| (writer.0, key.meter.to_string(), used.calls, used.units));
        all.extend(told);
        waiting.written(writer);
    }
    all
}

#[test]
fn each_meter_has_a_row_and_calls_stand_with_requests() {
    let mut rows = Waiting::new(HolderId(10));
    rows.note(0, &row("o", 0, &["requests", "tokens", "bytes"], &[0, 0, 40]));
    let wanted = [(10, "requests".to_owned(), 3, 0), (10, "bytes".to_owned(), 3, 40)];
    let found: BTreeMap<_, _> = waiting(rows).into_iter().map(|row| (row.1.clone(), row)).collect();
    assert_eq!(found, wanted.into_iter().map(|row| (row.1.clone(), row)).collect());
}

#[test]
fn what_was_counted_under_other_names_is_kept_beside_what_is_counted_now() {
    let mut rows = Waiting::new(HolderId(10));
    rows.note(0, &row("o", 0, &["requests", "tokens"], &[3, 500]));
    rows.note(0, &row("o", 1, &["requests", "bytes", "tokens"], &[1, 7, 20]));
    let mut found = waiting(rows);
    found.sort();
    let wanted = [
        (10, "requests", 3, 3),
        (10, "tokens", 3, 500),
        (11, "bytes", 3, 7),
        (11, "requests", 3, 1),
        (11, "tokens", 3, 20),
    ];
    assert_eq!(
        found,
        wanted.map(|(writer, meter, calls, units)| (writer, meter.to_owned(), calls, units))
    );
}

#[test]
fn orgs_without_a_row_of_their_own_are_added_up_over_all_shards() {
    let mut rows = Waiting::new(HolderId(10));
    rows.note(0, &row(OTHER, 0, &["requests"], &[5]));
    rows.note(1, &row(OTHER, 0, &["requests"], &[7]));
    rows.note(0, &row(OTHER, 0, &["requests"], &[6]));
    assert_eq!(waiting(rows), [(10, "requests".to_owned(), 6, 13)]);

    let mut rows = Waiting::new(HolderId(10));
    rows.note(1, &row(OTHER, 0, &["requests"], &[7]));
    rows.forget_shared_before(7_200 + 3 * 3_600);
    rows.note(0, &row(OTHER, 0, &["requests"], &[1]));
    assert_eq!(waiting(rows), [(10, "requests".to_owned(), 3, 1)]);
}

/// A policy with these meters beside those that are always there.
fn policy(meters: &str) -> quorate_policy::Checked {
    let source = Source {
        name: "p.yaml".into(),
        text: format!("version: 1\nmeters: [{meters}]\ndefaults: {{ plan: p }}\nplans: {{ p: {{}} }}\n"),
    };
    check(&[source]).unwrap_or_else(|report| panic!("{report}"))
}

fn uses(node: &Node, amounts: &[(&str, u64)]) {
    let request = Request {
        org: "o",
        amounts,
        ..Request::of("k", "")
    };
    let allowed = node.should_allow(&request, Wanted::default(), |answer| answer.allowed());
    assert_eq!(allowed, Ok(true));
}

async fn units(store: &Embedded) -> BTreeMap<String, u64> {
    let month = report(store, "o", Span::Month, 0, u64::MAX).await.expect("a report");
    let mut units = BTreeMap::new();
    for (key, used) in month {
        *units.entry(key.meter.to_string()).or_default() += used.units;
    }
    units
}

fn named<const N: usize>(units: [(&str, u64); N]) -> BTreeMap<String, u64> {
    units.map(|(meter, units)| (meter.to_owned(), units)).into()
}

#[tokio::test]
async fn what_a_meter_counted_stays_its_own_when_a_reload_numbers_meters_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::open(folder.path()).expect("a store");
    let node = Node::start(NodeConfig::default(), &policy("gpu, disk")).expect("a policy");
    let mut writer = UsageWriter::new(Arc::clone(&node), HolderId(7), None);
    uses(&node, &[("gpu", 7), ("disk", 100)]);
    writer.write(&store).await;
    uses(&node, &[("gpu", 2)]);
    // Not written yet, when `disk` takes the number of `gpu`, and `gpu` is gone.
    node.reload(&policy("disk")).expect("a policy");
    uses(&node, &[("disk", 30)]);
    writer.write(&store).await;
    let found = units(&store).await;
    assert_eq!(found, named([("requests", 3), ("gpu", 9), ("disk", 130)]));
    node.reload(&policy("gpu, disk")).expect("a policy");
    uses(&node, &[("gpu", 1), ("disk", 1)]);
    // A reload that leaves the meters as they are begins nothing anew.
    node.reload(&policy("gpu, disk")).expect("a policy");
    uses(&node, &[("gpu", 1)]);
    writer.write(&store).await;
    let found = units(&store).await;
    assert_eq!(found, named([("requests", 5), ("gpu", 11), ("disk", 131)]));
}

#[test]
fn a_row_lives_so_long_after_its_period() {
    let life = Life {
        now_s: 10_000,
        kept_s: Some(100),
    };
    assert_eq!(life.left_s(Span::Hour, 7_200), Some(900));
    assert_eq!(life.left_s(Span::Hour, 6_300), Some(0));
    assert_eq!(life.left_s(Span::Month, 0), Some(31 * DAY_S - 9_900));
    assert_eq!(Life::FOR_EVER.left_s(Span::Hour, 0), None);
}
