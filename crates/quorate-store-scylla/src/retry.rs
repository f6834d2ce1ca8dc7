//! When a request on Paxos is sent again: never, but to another node when the one asked refused to begin. A coordinator
//! that is cut off from the others, or does not know yet that they are back, says so at once and for as long as that
//! lasts, while the other replicas can decide.

use scylla::errors::{DbError, RequestAttemptError};
use scylla::policies::retry::{RequestInfo, RetryDecision, RetryPolicy, RetrySession};
use scylla::statement::Consistency;

/// The policy. Of all that is sent, at most the last may have changed anything, so its failure says what the whole means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WhereNotBegun;

impl RetryPolicy for WhereNotBegun {
    fn new_session(&self) -> Box<dyn RetrySession> {
        Box::new(*self)
    }
}

impl RetrySession for WhereNotBegun {
    fn decide_should_retry(&mut self, failed: RequestInfo) -> RetryDecision {
        if another_may_begin(failed.error) {
            // There are as many targets as nodes, and all of it has one timeout.
            RetryDecision::RetryNextTarget(None)
        } else {
            RetryDecision::DontRetry
        }
    }

    fn reset(&mut self) {}
}

/// Whether the node surely did not begin, for a reason of its own.
fn another_may_begin(error: &RequestAttemptError) -> bool {
    let RequestAttemptError::DbError(kind, _) = error else {
        return false;
    };
    match kind {
        DbError::IsBootstrapping => true,
        // With another level it is of the commit, when all is decided: see `outcome`.
        DbError::Unavailable { consistency, .. } => {
            matches!(consistency, Consistency::Serial | Consistency::LocalSerial)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
