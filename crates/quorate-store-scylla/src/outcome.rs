//! What a failed conditional change means: surely not applied, or unknown. In doubt it is unknown: to take an unknown
//! change for one that never applied would grant units twice.

use quorate_core::grant::GrantOutcome;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::statement::Consistency;

/// Classifies the failure of a conditional change that was begun at most once, and then at the last node that was asked,
/// which `retry` makes sure of.
pub(crate) fn of_failure(error: &ExecutionError) -> GrantOutcome {
    let surely_not = match error {
        // Nothing was sent: no node to send it to, or nothing to send.
        ExecutionError::EmptyPlan
        | ExecutionError::ConnectionPoolError(_)
        | ExecutionError::BadQuery(_)
        | ExecutionError::PrepareError(_) => true,
        ExecutionError::LastAttemptError(attempt) => refused_before_it_was_tried(attempt),
        // A client timeout, and whatever later versions of the driver add.
        _ => false,
    };
    if surely_not {
        GrantOutcome::NotTried
    } else {
        GrantOutcome::Unknown
    }
}

fn refused_before_it_was_tried(attempt: &RequestAttemptError) -> bool {
    match attempt {
        // The client could not even write it down, or found the statement changed before sending it again.
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::UnableToAllocStreamId
        | RequestAttemptError::RepreparedIdChanged { .. } => true,
        RequestAttemptError::DbError(kind, _) => match kind {
            // The coordinator refuses to begin.
            DbError::SyntaxError
            | DbError::Invalid
            | DbError::Unauthorized
            | DbError::AuthenticationError
            | DbError::IsBootstrapping
            | DbError::Unprepared { .. } => true,
            // Too few replicas are alive for the Paxos rounds: said before one begins. The same error with another level
            // is of the commit that follows them, when the change is decided already.
            DbError::Unavailable { consistency, .. } => {
                matches!(consistency, Consistency::Serial | Consistency::LocalSerial)
            }
            // Timeouts and failures of any phase; `Overloaded`, which a commit may say too; errors of the server, and
            // those that no specification names.
            _ => false,
        },
        // A broken connection, or an answer that could not be read.
        _ => false,
    }
}

#[cfg(test)]
mod tests;
