//! Every field of an answer arrives, and every gap is a denial.

use std::time::Duration;

use quorate_api::v1;

use crate::{Algorithm, Answer, Binding, LimitStatus, PolicyInfo, Reason, Source, Warning};

fn full() -> v1::ShouldAllowResponse {
    v1::ShouldAllowResponse {
        allowed: false,
        reason: i32::from(v1::Reason::RateLimited),
        retryable: true,
        degraded: true,
        limit_name: "per-minute".to_owned(),
        limit: 60,
        remaining: 2,
        approximate: true,
        window_ns: 60_000_000_000,
        retry_after_ns: 1,
        reset_after_ns: 2,
        pool_units: 3,
        burst_remaining: 4,
        overage_units: 5,
        warnings: vec![v1::Warning {
            limit_name: "per-hour".to_owned(),
            used_percent: 83,
        }],
        decision_id: "01".to_owned(),
        replayed: true,
        slot_held: true,
        limits: vec![v1::LimitStatus {
            name: "l".to_owned(),
            limit: 6,
            used: 7,
            remaining: 8,
            window_ns: 9,
            reset_after_ns: 10,
            algorithm: i32::from(v1::Algorithm::TokenBucket),
            meter: "tokens".to_owned(),
            shadow: true,
            denied: true,
            retry_after_ns: 11,
            factor_hundredths: 200,
        }],
        headers: vec![v1::Header {
            name: "X-A".to_owned(),
            value: "b".to_owned(),
        }],
        policy: Some(v1::PolicyInfo {
            sequence: 12,
            content_hash: "ff".to_owned(),
            plan: "developer".to_owned(),
            endpoint: "other".to_owned(),
            org: "acme".to_owned(),
        }),
        shadow_denied: vec!["per-user".to_owned()],
    }
}

#[test]
fn every_field_arrives() {
    let expected = Answer {
        source: Source::Decided,
        allowed: false,
        reason: Reason::RateLimited,
        retryable: true,
        degraded: true,
        binding: Some(Binding {
            name: "per-minute".to_owned(),
            limit: 60,
            remaining: 2,
            approximate: true,
            window: Some(Duration::from_secs(60)),
            reset_after: Duration::from_nanos(2),
        }),
        retry_after: Some(Duration::from_nanos(1)),
        pool_units: 3,
        burst_remaining: 4,
        overage_units: 5,
        warnings: vec![Warning {
            limit_name: "per-hour".to_owned(),
            used_percent: 83,
        }],
        decision_id: "01".to_owned(),
        replayed: true,
        slot_held: true,
        limits: vec![LimitStatus {
            name: "l".to_owned(),
            limit: 6,
            used: 7,
            remaining: 8,
            window: Some(Duration::from_nanos(9)),
            reset_after: Duration::from_nanos(10),
            algorithm: Algorithm::TokenBucket,
            meter: "tokens".to_owned(),
            shadow: true,
            denied: true,
            retry_after: Some(Duration::from_nanos(11)),
            factor_hundredths: 200,
        }],
        headers: vec![("X-A".to_owned(), "b".to_owned())],
        policy: Some(PolicyInfo {
            sequence: 12,
            content_hash: "ff".to_owned(),
            plan: "developer".to_owned(),
            endpoint: "other".to_owned(),
            org: "acme".to_owned(),
        }),
        shadow_denied: vec!["per-user".to_owned()],
    };
    assert_eq!(Answer::from(full()), expected);
}

#[test]
fn an_empty_answer_is_a_denial() {
    let answer = Answer::from(v1::ShouldAllowResponse::default());
    assert!(!answer.allowed);
    assert_eq!(answer.reason, Reason::Unavailable);
    assert_eq!((answer.binding, answer.retry_after), (None, None));
}

#[test]
fn an_answer_is_allowed_only_if_the_flag_and_the_reason_say_so() {
    let answer = |allowed, reason: i32| {
        let message = v1::ShouldAllowResponse {
            allowed,
            reason,
            ..v1::ShouldAllowResponse::default()
        };
        let answer = Answer::from(message);
        (answer.allowed, answer.reason)
    };
    assert_eq!(answer(true, 1), (true, Reason::Ok));
    assert_eq!(answer(false, 1), (false, Reason::Unavailable));
    assert_eq!(answer(true, 2), (false, Reason::RateLimited));
    assert_eq!(answer(true, 0), (false, Reason::Unavailable));
    assert_eq!(answer(true, 999), (false, Reason::Unrecognized(999)));
}

#[test]
fn reasons_and_algorithms_carry_the_names_of_the_contract() {
    for number in 1..=20 {
        let wire = v1::Reason::try_from(number).expect("the contract has 20 reasons");
        let name = wire.as_str_name().trim_start_matches("REASON_");
        assert_eq!(super::reason(number).code(), name);
    }
    assert_eq!(super::reason(21), Reason::Unrecognized(21), "a new reason needs a row");
    for number in 1..=8 {
        let wire = v1::Algorithm::try_from(number).expect("the contract has 8 algorithms");
        let name = wire.as_str_name().trim_start_matches("ALGORITHM_").to_lowercase();
        assert_eq!(super::algorithm(number).name(), name);
    }
    assert_eq!(super::algorithm(9), Algorithm::Unrecognized(9));
}
