//! Every field of an answer has its place on the wire; prost is the reader.

use prost::Message;
use quorate_api::v1;
use quorate_core::answer::{Answer, Binding, DecidedBy, DecisionId, Few, Reason, Retry, Status, StatusKind, Warning};
use quorate_core::limit::{Algorithm, PoolMode, Precision};
use quorate_core::time::Period;

use quorate_policy::HeaderProfile;

use crate::edge::bare;
use crate::grpc::convert::*;

fn answer() -> Answer<'static> {
    Answer {
        decision_id: DecisionId(7),
        by: DecidedBy {
            sequence: 3,
            content_hash: "abc",
            plan: "developer",
            endpoint: "other",
            org: "acme",
        },
        ..bare(Reason::Ok, Retry::Passed)
    }
}

const SLOTS: Status<'static> = Status {
    name: "slots",
    kind: StatusKind::Slots,
    meter: "calls",
    limit: 50,
    used: 1,
    remaining: 49,
    window_ns: 0,
    reset_after_ns: 0,
    retry_after_ns: 0,
    shadow: true,
    denied: false,
    factor_hundredths: 100,
};

fn rendering(include: &[v1::Include], retry_jitter: bool) -> Rendering {
    let message = v1::ShouldAllowRequest {
        include: include.iter().map(|include| i32::from(*include)).collect(),
        retry_jitter,
        ..v1::ShouldAllowRequest::default()
    };
    let bytes = message.encode_to_vec();
    let asked = Asked::read(&bytes, &mut Lists::default()).expect("prost wrote it");
    asked.rendering()
}

/// An answer as it is written, read by prost.
fn render(
    answer: &Answer<'_>,
    rendering: Rendering,
    profiles: &[HeaderProfile],
    unix_ns: impl FnOnce() -> u64,
) -> v1::ShouldAllowResponse {
    let mut out = Vec::new();
    write_answer(&mut out, answer, rendering, profiles, unix_ns);
    let read = v1::ShouldAllowResponse::decode(out.as_slice()).expect("it is a message");
    assert_eq!(out, read.encode_to_vec(), "it is written as prost writes it");
    read
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> v1::ShouldAllowResponse {
    let mut out = Vec::new();
    write(&mut out);
    v1::ShouldAllowResponse::decode(out.as_slice()).expect("it is a message")
}

#[test]
fn a_plain_answer_says_no_more_than_it_must() {
    let response = render(&answer(), Rendering::default(), &[], || 0);
    let plain = v1::ShouldAllowResponse {
        allowed: true,
        reason: v1::Reason::Ok.into(),
        decision_id: DecisionId(7).to_string(),
        ..v1::ShouldAllowResponse::default()
    };
    assert_eq!(response, plain);
}

#[test]
fn every_field_of_an_answer_arrives() {
    let mut warnings = Few::default();
    warnings.push(Warning {
        name: "per-minute",
        used_percent: 83,
    });
    let denied = Answer {
        reason: Reason::RateLimited,
        retry: Retry::After(5),
        degraded: true,
        binding: Some(Binding {
            name: "per-minute",
            limit: 60,
            remaining: 2,
            window_ns: 4,
            reset_after_ns: 6,
        }),
        drawn: 8,
        burst_remaining: 9,
        overage: 10,
        warnings,
        replayed: true,
        slot_held: true,
        ..answer()
    };
    let response = render(&denied, Rendering::default(), &[], || 0);
    let expected = v1::ShouldAllowResponse {
        reason: v1::Reason::RateLimited.into(),
        retryable: true,
        degraded: true,
        limit_name: "per-minute".to_owned(),
        limit: 60,
        remaining: 2,
        window_ns: 4,
        retry_after_ns: 5,
        reset_after_ns: 6,
        pool_units: 8,
        burst_remaining: 9,
        overage_units: 10,
        warnings: vec![v1::Warning {
            limit_name: "per-minute".to_owned(),
            used_percent: 83,
        }],
        decision_id: DecisionId(7).to_string(),
        replayed: true,
        slot_held: true,
        ..v1::ShouldAllowResponse::default()
    };
    assert_eq!(response, expected);
}

#[test]
fn what_is_included_is_what_was_asked_for() {
    let statuses = [SLOTS];
    let mut shadow_denied = Few::default();
    shadow_denied.push("per-user");
    let full = Answer {
        statuses: &statuses,
        shadow_denied,
        ..answer()
    };
    let plain = render(&full, rendering(&[v1::Include::Unspecified], false), &[], || 0);
    assert!(plain.limits.is_empty() && plain.policy.is_none() && plain.shadow_denied.is_empty());
    let limits = render(&full, rendering(&[v1::Include::Limits], false), &[], || 0).limits;
    assert_eq!(limits.len(), 1);
    assert_eq!(
        (limits[0].algorithm(), limits[0].limit, limits[0].shadow),
        (v1::Algorithm::Concurrency, 50, true)
    );
    let shadow = render(&full, rendering(&[v1::Include::Shadow], false), &[], || 0);
    assert_eq!(shadow.shadow_denied, ["per-user"]);
    let policy = render(&full, rendering(&[v1::Include::Policy], false), &[], || 0).policy;
    let policy = policy.expect("it was asked for");
    assert_eq!(
        (policy.sequence, policy.plan.as_str(), policy.org.as_str()),
        (3, "developer", "acme")
    );
    assert!(rendering(&[v1::Include::Limits], false).wanted().statuses);
    assert!(rendering(&[v1::Include::Headers], false).wanted().statuses);
    assert!(!rendering(&[v1::Include::Policy], false).wanted().statuses);
}

#[test]
fn jitter_adds_up_to_a_tenth_and_headers_say_the_same() {
    const SECOND: u64 = 1_000_000_000;
    let denied = Answer {
        reason: Reason::RateLimited,
        retry: Retry::After(100 * SECOND),
        ..answer()
    };
    let exact = render(&denied, rendering(&[], false), &[], || 0);
    assert_eq!(exact.retry_after_ns, 100 * SECOND);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let jittered = render(&denied, rendering(&[v1::Include::Headers], true), &[], || 0);
        let after = jittered.retry_after_ns;
        assert!((100 * SECOND..=110 * SECOND).contains(&after), "{after}");
        let header = jittered.headers.iter().find(|header| header.name == "retry-after");
        assert_eq!(
            header.map(|header| header.value.clone()),
            Some(after.div_ceil(SECOND).to_string())
        );
        seen.insert(after);
    }
    assert!(seen.len() > 32, "it is random: {}", seen.len());
}

#[test]
fn every_reason_has_its_name_on_the_wire() {
    for reason in crate::http::reason::ALL {
        let response = render(&Answer { reason, ..answer() }, Rendering::default(), &[], || 0);
        let name = format!("{reason:?}");
        assert_eq!(format!("{:?}", response.reason()), name);
        assert_eq!(response.allowed, name == "Ok");
    }
}

#[test]
fn every_kind_of_limit_has_its_algorithm_on_the_wire() {
    let every = Period::from_secs(60).expect("a minute is a period");
    let bucket = Algorithm::TokenBucket { refill: 1, every };
    let window = Algorithm::SlidingWindow {
        window: every,
        precision: Precision::Standard,
    };
    let pool = Algorithm::Pool {
        refill: 1,
        every,
        mode: PoolMode::Overflow,
    };
    let fixed = Algorithm::FixedWindow { window: every };
    for (kind, expected) in [
        (StatusKind::Limit(window), v1::Algorithm::SlidingWindow),
        (StatusKind::Limit(bucket), v1::Algorithm::TokenBucket),
        (StatusKind::Limit(fixed), v1::Algorithm::FixedWindow),
        (StatusKind::Limit(pool), v1::Algorithm::BurstPool),
        (StatusKind::Allowance, v1::Algorithm::BurstAllowance),
        (StatusKind::Slots, v1::Algorithm::Concurrency),
    ] {
        let statuses = [Status { kind, ..SLOTS }];
        let full = Answer {
            statuses: &statuses,
            ..answer()
        };
        let limits = render(&full, rendering(&[v1::Include::Limits], false), &[], || 0).limits;
        assert_eq!(limits[0].algorithm(), expected);
    }
}

#[test]
fn answers_without_a_decision_are_retryable_denials() {
    let (overloaded, unavailable) = (written(write_overloaded), written(write_unavailable));
    for response in [&overloaded, &unavailable] {
        assert!(!response.allowed && response.retryable);
        assert_eq!(response.retry_after_ns, 0, "nobody knows when");
    }
    assert_eq!(overloaded.reason(), v1::Reason::Overloaded);
    assert_eq!(unavailable.reason(), v1::Reason::Unavailable);
}
