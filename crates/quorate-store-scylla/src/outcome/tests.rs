//! Only what was surely never tried is called so.

use std::time::Duration;

use quorate_core::grant::GrantOutcome;
use scylla::errors::{DbError, ExecutionError, OperationType, RequestAttemptError, WriteType};
use scylla::statement::Consistency;

use super::of_failure;

fn said(kind: DbError) -> ExecutionError {
    ExecutionError::LastAttemptError(RequestAttemptError::DbError(kind, String::new()))
}

fn unavailable(consistency: Consistency) -> DbError {
    DbError::Unavailable {
        consistency,
        required: 2,
        alive: 1,
    }
}

#[test]
fn what_was_refused_at_once_was_not_tried() {
    let surely = [
        ExecutionError::EmptyPlan,
        ExecutionError::LastAttemptError(RequestAttemptError::UnableToAllocStreamId),
        said(DbError::Invalid),
        said(DbError::SyntaxError),
        said(DbError::Unauthorized),
        said(DbError::IsBootstrapping),
        said(unavailable(Consistency::Serial)),
        said(unavailable(Consistency::LocalSerial)),
    ];
    for error in surely {
        assert_eq!(of_failure(&error), GrantOutcome::NotTried, "{error}");
    }
}

#[test]
fn everything_else_is_unknown() {
    let (consistency, received, required) = (Consistency::Serial, 1, 2);
    let mut unknown: Vec<ExecutionError> = [WriteType::Cas, WriteType::Simple]
        .into_iter()
        .map(|write_type| {
            said(DbError::WriteTimeout {
                consistency,
                received,
                required,
                write_type,
            })
        })
        .collect();
    // Of the commit: the change is decided.
    for level in [Consistency::LocalQuorum, Consistency::Quorum, Consistency::One] {
        unknown.push(said(unavailable(level)));
    }
    unknown.extend([
        ExecutionError::RequestTimeout(Duration::from_secs(5)),
        ExecutionError::LastAttemptError(RequestAttemptError::NonfinishedPagingState),
        said(DbError::WriteFailure {
            consistency,
            received,
            required,
            numfailures: 1,
            write_type: WriteType::Cas,
        }),
        said(DbError::ReadTimeout {
            consistency,
            received,
            required,
            data_present: false,
        }),
        said(DbError::Overloaded),
        said(DbError::ServerError),
        said(DbError::RateLimitReached {
            op_type: OperationType::Write,
            rejected_by_coordinator: true,
        }),
        said(DbError::Other(0x1700)),
    ]);
    for error in unknown {
        assert_eq!(of_failure(&error), GrantOutcome::Unknown, "{error}");
    }
}
