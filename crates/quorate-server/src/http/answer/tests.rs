//! Bodies of answers made by hand, as golden texts.

use expect_test::{Expect, expect};
use quorate_core::answer::{Answer, Reason, Retry, Status, StatusKind, Warning};
use quorate_core::limit::{Algorithm, Precision};
use quorate_core::time::{Period, SECOND};

use super::{Included, body};
use crate::http::reason;
use crate::telemetry::test_answer;

/// 2023-11-14T22:13:20Z.
const NOW: u64 = 1_700_000_000 * SECOND;

fn check(answer: &Answer<'_>, included: Included, expected: Expect) {
    let headers = [("retry-after", "12".to_owned())];
    let body = body(answer, included, &headers, NOW);
    let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    expected.assert_eq(&format!("{json:#}\n"));
}

fn check_field(field: &str, answer: &Answer<'_>, included: Included, expected: Expect) {
    let headers = [("retry-after", "12".to_owned())];
    let body = body(answer, included, &headers, NOW);
    let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    expected.assert_eq(&format!("{:#}\n", json[field]));
}

#[test]
fn an_allowed_answer_is_flat() {
    let mut answer = test_answer(Reason::Ok);
    answer.drawn = 5;
    answer.warnings.push(Warning {
        name: "per-minute",
        used_percent: 85,
    });
    check(
        &answer,
        Included::default(),
        expect![[r#"
            {
              "allowed": true,
              "approximate": false,
              "burst_remaining": 0,
              "decision_id": "00000000000000000000000001",
              "degraded": false,
              "limit": 60,
              "limit_name": "per-minute",
              "overage_units": 0,
              "pool_units": 5,
              "reason": "OK",
              "remaining": 0,
              "replayed": false,
              "reset_after_ns": 60000000000,
              "retry_after_ns": 0,
              "retryable": false,
              "slot_held": false,
              "warnings": [
                {
                  "limit_name": "per-minute",
                  "used_percent": 85
                }
              ],
              "window_ns": 60000000000
            }
        "#]],
    );
}

#[test]
fn a_denial_says_why_and_when_to_come_back() {
    let mut answer = test_answer(Reason::RateLimited);
    answer.retry = Retry::After(11 * SECOND + 1);
    check(
        &answer,
        Included::default(),
        expect![[r#"
            {
              "allowed": false,
              "approximate": false,
              "burst_remaining": 0,
              "decision_id": "00000000000000000000000001",
              "degraded": false,
              "error": {
                "code": "RATE_LIMITED",
                "limit_name": "per-minute",
                "message": "a rate limit has no room now: per-minute; retry after 12 s",
                "quota_reset_at": null,
                "reset_at": "2023-11-14T22:14:20Z",
                "retry_after": 12
              },
              "limit": 60,
              "limit_name": "per-minute",
              "overage_units": 0,
              "pool_units": 0,
              "reason": "RATE_LIMITED",
              "remaining": 0,
              "replayed": false,
              "reset_after_ns": 60000000000,
              "retry_after_ns": 11000000001,
              "retryable": true,
              "slot_held": false,
              "warnings": [],
              "window_ns": 60000000000
            }
        "#]],
    );
}

#[test]
fn a_denial_without_a_limit_names_none() {
    let mut answer = test_answer(Reason::KeyUnknown);
    answer.retry = Retry::Never;
    answer.binding = None;
    check(
        &answer,
        Included::default(),
        expect![[r#"
            {
              "allowed": false,
              "approximate": false,
              "burst_remaining": 0,
              "decision_id": "00000000000000000000000001",
              "degraded": false,
              "error": {
                "code": "KEY_UNKNOWN",
                "limit_name": null,
                "message": "the key or credential is not known",
                "quota_reset_at": null,
                "reset_at": null,
                "retry_after": null
              },
              "limit": 0,
              "limit_name": "",
              "overage_units": 0,
              "pool_units": 0,
              "reason": "KEY_UNKNOWN",
              "remaining": 0,
              "replayed": false,
              "reset_after_ns": 0,
              "retry_after_ns": 0,
              "retryable": false,
              "slot_held": false,
              "warnings": [],
              "window_ns": 0
            }
        "#]],
    );
}

#[test]
fn only_a_quota_says_when_it_is_whole_again_as_a_quota() {
    for reason in reason::ALL {
        let mut answer = test_answer(reason);
        answer.retry = Retry::Never;
        let body = body(&answer, Included::default(), &[], NOW);
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let wanted = (reason == Reason::QuotaExhausted).then_some("2023-11-14T22:14:20Z");
        assert_eq!(json["error"]["quota_reset_at"].as_str(), wanted, "{reason:?}");
    }
}

#[test]
fn statuses_are_there_on_request() {
    let window = Period::from_secs(60).expect("not zero");
    let statuses = [Status {
        name: "per-minute",
        kind: StatusKind::Limit(Algorithm::SlidingWindow {
            window,
            precision: Precision::Standard,
        }),
        meter: "requests",
        limit: u64::MAX,
        used: 60,
        remaining: 0,
        window_ns: window.nanos(),
        reset_after_ns: 1,
        retry_after_ns: 2,
        shadow: false,
        denied: true,
        factor_hundredths: 500,
    }];
    let mut answer = test_answer(Reason::Ok);
    answer.statuses = &statuses;
    let limits = Included {
        limits: true,
        ..Included::default()
    };
    check_field(
        "limits",
        &answer,
        limits,
        expect![[r#"
        [
          {
            "algorithm": "SLIDING_WINDOW",
            "denied": true,
            "factor_hundredths": 500,
            "limit": 18446744073709551615,
            "meter": "requests",
            "name": "per-minute",
            "remaining": 0,
            "reset_after_ns": 1,
            "retry_after_ns": 2,
            "shadow": false,
            "used": 60,
            "window_ns": 60000000000
          }
        ]
    "#]],
    );
}

#[test]
fn headers_policy_and_shadow_are_there_on_request() {
    let mut answer = test_answer(Reason::Ok);
    answer.shadow_denied.push("trial");
    let all = Included {
        limits: true,
        headers: true,
        policy: true,
        shadow: true,
    };
    check_field(
        "headers",
        &answer,
        all,
        expect![[r#"
        [
          {
            "name": "retry-after",
            "value": "12"
          }
        ]
    "#]],
    );
    check_field(
        "policy",
        &answer,
        all,
        expect![[r#"
        {
          "content_hash": "abcd",
          "endpoint": "other",
          "org": "acme",
          "plan": "developer",
          "sequence": 1
        }
    "#]],
    );
    check_field(
        "shadow_denied",
        &answer,
        all,
        expect![[r#"
        [
          "trial"
        ]
    "#]],
    );
    check_field(
        "limits",
        &answer,
        all,
        expect![[r#"
        []
    "#]],
    );
}
