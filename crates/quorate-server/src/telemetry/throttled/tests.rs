//! Who is denied most, over threads and epochs.

use quorate_core::answer::Reason;

use super::{Denied, PLACES, TEXT_BYTES_MAX};
use crate::telemetry::test_answer as answer;
use crate::telemetry::{Door, Recorder, Telemetry};

fn deny(recorder: &Recorder, key: &str, times: usize) {
    for _ in 0..times {
        recorder.record(Door::GrpcUnary, &answer(Reason::RateLimited), key, 1);
    }
}

fn denied(name: &str, count: u64) -> Denied {
    Denied {
        org: "acme".to_owned(),
        name: name.to_owned(),
        count,
        error: 0,
    }
}

#[test]
fn threads_are_summed_and_the_most_denied_comes_first() {
    let telemetry = Telemetry::new();
    let (one, other) = (telemetry.recorder(), telemetry.recorder());
    deny(&one, "ak_seldom", 2);
    deny(&one, "ak_often", 3);
    deny(&other, "ak_often", 4);
    one.record(Door::Http, &answer(Reason::Ok), "ak_never", 1);
    let report = telemetry.throttled(10);
    assert_eq!(report.keys, [denied("ak_often", 7), denied("ak_seldom", 2)]);
    assert_eq!(report.limits, [denied("per-minute", 9)]);
    assert_eq!(telemetry.throttled(1).keys, [denied("ak_often", 7)]);
}

#[test]
fn what_no_limit_denied_is_counted_by_its_reason() {
    let telemetry = Telemetry::new();
    let mut unknown = answer(Reason::KeyUnknown);
    unknown.binding = None;
    telemetry.recorder().record(Door::Http, &unknown, "", 1);
    let report = telemetry.throttled(10);
    assert_eq!(report.limits, [denied("KEY_UNKNOWN", 1)]);
    assert_eq!(report.keys, [denied("", 1)]);
}

#[test]
fn two_epochs_are_shown_and_no_more() {
    let telemetry = Telemetry::new();
    let recorder = telemetry.recorder();
    deny(&recorder, "ak_1", 1);
    telemetry.end_throttled_epoch();
    deny(&recorder, "ak_1", 2);
    assert_eq!(telemetry.throttled(10).keys, [denied("ak_1", 3)]);
    telemetry.end_throttled_epoch();
    assert_eq!(telemetry.throttled(10).keys, [denied("ak_1", 2)]);
    telemetry.end_throttled_epoch();
    assert_eq!(telemetry.throttled(10).keys, []);
}

#[test]
fn a_crowd_does_not_hide_who_is_denied_most() {
    let telemetry = Telemetry::new();
    let recorder = telemetry.recorder();
    deny(&recorder, "ak_loud", 1_000);
    for stranger in 0..4 * PLACES {
        deny(&recorder, &format!("stranger-{stranger}"), 1);
    }
    let loudest = &telemetry.throttled(1).keys[0];
    assert_eq!(loudest.name, "ak_loud");
    assert!(
        loudest.count >= 1_000 && loudest.count - loudest.error <= 1_000,
        "{loudest:?}"
    );
}

#[test]
fn a_sum_is_an_upper_bound_also_where_a_thread_forgot() {
    let telemetry = Telemetry::new();
    let (crowded, quiet) = (telemetry.recorder(), telemetry.recorder());
    deny(&crowded, "ak_1", 1);
    for stranger in 0..2 * PLACES {
        deny(&crowded, &format!("stranger-{stranger}"), 2);
    }
    deny(&quiet, "ak_1", 5);
    let report = telemetry.throttled(usize::MAX);
    let found = report.keys.iter().find(|denied| denied.name == "ak_1");
    let found = found.expect("the quiet thread knows it");
    assert!(found.count >= 6 && found.count - found.error <= 6, "{found:?}");
}

#[test]
fn long_keys_are_cut() {
    let telemetry = Telemetry::new();
    let key = format!("{}é", "k".repeat(TEXT_BYTES_MAX - 1));
    deny(&telemetry.recorder(), &key, 1);
    assert_eq!(telemetry.throttled(1).keys[0].name, "k".repeat(TEXT_BYTES_MAX - 1));
}
