//! The table of statuses, and the numbers in a denial.

use std::time::Duration;

use http::StatusCode;
use tonic::Code;

use super::{Told, pushback, retry_seconds};
use crate::{Answer, Cause, FailPolicy, Reason};

fn denial(retryable: bool, retry_after: Option<Duration>) -> Answer {
    let mut answer = Answer::failed(FailPolicy::Closed, Cause::Deadline);
    answer.retryable = retryable;
    answer.retry_after = retry_after;
    answer
}

#[test]
fn every_reason_has_the_status_of_the_contract() {
    use Reason as R;
    let cases: [(&[Reason], u16, Code); 6] = [
        (
            &[
                R::RateLimited,
                R::QuotaExhausted,
                R::QuotaPending,
                R::PoolExhausted,
                R::ConcurrencyExceeded,
            ],
            429,
            Code::ResourceExhausted,
        ),
        (&[R::KeyUnknown, R::KeyInvalid], 401, Code::Unauthenticated),
        (
            &[
                R::KeyRevoked,
                R::KeySuspended,
                R::KeyExpired,
                R::OrgMismatch,
                R::Banned,
                R::Paused,
                R::ScopeMissing,
                R::EnvironmentMismatch,
                R::PolicyForbids,
            ],
            403,
            Code::PermissionDenied,
        ),
        (&[R::CostExceedsLimit], 422, Code::FailedPrecondition),
        (&[R::Overloaded, R::Unavailable], 503, Code::Unavailable),
        (&[R::Unrecognized(99)], 503, Code::Unavailable),
    ];
    for (reasons, status, code) in cases {
        for reason in reasons {
            let told = Told::of(*reason, StatusCode::TOO_MANY_REQUESTS);
            assert_eq!((told.status.as_u16(), told.code), (status, code), "{reason}");
        }
    }
    let told = Told::of(R::QuotaExhausted, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(told.status, StatusCode::PAYMENT_REQUIRED);
}

#[test]
fn seconds_are_rounded_up_and_never_0() {
    let cases = [
        (0, 1),
        (1, 1),
        (999_999_999, 1),
        (1_000_000_000, 1),
        (1_000_000_001, 2),
        (60_000_000_000, 60),
    ];
    for (nanos, expected) in cases {
        let answer = denial(true, Some(Duration::from_nanos(nanos)));
        assert_eq!(retry_seconds(&answer), Some(expected), "{nanos}");
    }
    assert_eq!(retry_seconds(&denial(true, None)), Some(1), "a slot has no time");
    assert_eq!(retry_seconds(&denial(false, None)), None);
}

#[test]
fn a_grpc_client_is_told_when_to_retry_or_not_to() {
    assert_eq!(pushback(&denial(true, Some(Duration::from_nanos(1)))), "1");
    assert_eq!(pushback(&denial(true, Some(Duration::from_micros(1_500)))), "2");
    assert_eq!(pushback(&denial(true, None)), "1000");
    assert_eq!(pushback(&denial(false, None)), "-1");
}
