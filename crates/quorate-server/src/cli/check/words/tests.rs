//! Answers as they read.

use std::time::Duration;

use expect_test::{Expect, expect};
use quorate_client::{Answer, Cause, FailPolicy, Reason};

use super::{decided_by, of};

/// An answer to begin with: only the server makes one, so the fields of a denied guess are set anew.
fn answer(change: impl FnOnce(&mut Answer)) -> Answer {
    let mut answer = Answer::failed(FailPolicy::Closed, Cause::Deadline);
    answer.degraded = false;
    answer.retryable = false;
    change(&mut answer);
    answer
}

fn check(answer: &Answer, expected: &Expect) {
    let text = of(answer, "ak_1  GET /x", true);
    expected.assert_eq(&anstream::adapter::strip_str(&text).to_string());
}

#[test]
fn an_allowed_answer_is_one_line() {
    let allowed = answer(|answer| {
        answer.allowed = true;
        answer.reason = Reason::Ok;
    });
    check(
        &allowed,
        &expect![[r#"
        allowed  ak_1  GET /x
    "#]],
    );
    assert!(
        of(&allowed, "ak_1", false).contains("\u{1b}["),
        "coloured before it is stripped"
    );
}

#[test]
fn what_nobody_knows_is_not_shown() {
    let policy = quorate_api::v1::PolicyInfo {
        sequence: 3,
        content_hash: "34ff63756f7d1878a8bd6e277e90518a".to_owned(),
        endpoint: "other".to_owned(),
        ..quorate_api::v1::PolicyInfo::default()
    };
    assert_eq!(decided_by(&policy.into()), "endpoint other, policy 3 (34ff63756f7d)");
}

#[test]
fn a_denied_answer_says_why_and_when() {
    check(
        &answer(|answer| {
            answer.reason = Reason::RateLimited;
            answer.retryable = true;
            answer.retry_after = Some(Duration::from_millis(12_345));
            answer.decision_id = "01D".to_owned();
        }),
        &expect![[r#"
            denied   ak_1  GET /x  RATE_LIMITED  retry after 12.345s
              decision 01D
        "#]],
    );
    check(
        &answer(|answer| {
            answer.reason = Reason::ConcurrencyExceeded;
            answer.retryable = true;
        }),
        &expect![[r#"
            denied   ak_1  GET /x  CONCURRENCY_EXCEEDED  retry later
        "#]],
    );
    check(
        &answer(|answer| answer.reason = Reason::KeyRevoked),
        &expect![[r#"
            denied   ak_1  GET /x  KEY_REVOKED
        "#]],
    );
}

#[test]
fn everything_unusual_is_said() {
    check(
        &answer(|answer| {
            answer.allowed = true;
            answer.reason = Reason::Ok;
            answer.pool_units = 5;
            answer.overage_units = 1_200;
            answer.degraded = true;
            answer.replayed = true;
            answer.slot_held = true;
            answer.shadow_denied = vec!["per-user".to_owned()];
        }),
        &expect![[r#"
            allowed  ak_1  GET /x  5 from the pool
              shadow: per-user would have denied
              degraded: made without something it would normally rest on
              replayed: the answer to an earlier request with the same operation id
              holds a concurrency slot until it is released
              1,200 units beyond a soft quota
        "#]],
    );
}
