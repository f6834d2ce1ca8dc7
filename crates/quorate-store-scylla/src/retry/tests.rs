//! Only what surely did not begin is asked of another node.

use scylla::errors::{DbError, RequestAttemptError, WriteType};
use scylla::statement::Consistency;

use super::another_may_begin;

fn said(kind: DbError) -> RequestAttemptError {
    RequestAttemptError::DbError(kind, "said".to_owned())
}

fn unavailable(consistency: Consistency) -> RequestAttemptError {
    said(DbError::Unavailable {
        consistency,
        required: 2,
        alive: 1,
    })
}

#[test]
fn a_node_that_refuses_to_begin_is_not_the_last() {
    assert!(another_may_begin(&unavailable(Consistency::Serial)));
    assert!(another_may_begin(&unavailable(Consistency::LocalSerial)));
    assert!(another_may_begin(&said(DbError::IsBootstrapping)));
}

#[test]
fn what_may_have_been_done_is_sent_once() {
    assert!(!another_may_begin(&unavailable(Consistency::LocalQuorum)));
    assert!(!another_may_begin(&said(DbError::Overloaded)));
    assert!(!another_may_begin(&said(DbError::ServerError)));
    assert!(!another_may_begin(&said(DbError::WriteTimeout {
        consistency: Consistency::Serial,
        received: 1,
        required: 2,
        write_type: WriteType::Cas,
    })));
}

#[test]
fn every_refusal_that_moves_on_is_known_to_have_changed_nothing() {
    use crate::outcome::of_failure;
    use quorate_core::grant::GrantOutcome;
    use scylla::errors::ExecutionError;
    for error in [unavailable(Consistency::Serial), said(DbError::IsBootstrapping)] {
        let whole = ExecutionError::LastAttemptError(error);
        assert_eq!(of_failure(&whole), GrantOutcome::NotTried);
    }
}
