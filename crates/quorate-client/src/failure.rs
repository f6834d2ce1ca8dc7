//! What happens when no decision comes: a policy to answer by, and the causes it is told. A malformed question is
//! something else, a mistake of the caller, and is never answered by the policy.

use std::error::Error as _;
use std::fmt;

use thiserror::Error;
use tonic::{Code, Status};

use crate::answer::Reason;

/// What to answer when no decision comes: in time, at all, or because the server has too much work in flight
/// (`OVERLOADED`). An answer [`UNAVAILABLE`](crate::Reason::Unavailable) of the server is a decision: its policy says
/// that what it cannot count is denied (`on_unavailable: deny`, a hard quota).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailPolicy {
    /// Let through: availability first.
    Open,
    /// Deny: the limits first. The default.
    #[default]
    Closed,
}

/// Why no decision came.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Cause {
    /// The deadline passed.
    #[error("no answer within the deadline")]
    Deadline,
    /// No connection could be made.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// A connection failed a moment ago and the next attempt is not due.
    #[error("no connection, and the next attempt is not due yet")]
    BackingOff,
    /// The connection was lost while the question was in flight: it may or may not have been charged.
    #[error("the connection was lost: {0}")]
    Disconnected(String),
    /// Too many questions are in flight on one stream already.
    #[error("too many questions in flight")]
    Congested,
    /// The server has too much work in flight and decided nothing.
    #[error("the server has too much work in flight")]
    Overloaded,
    /// The server answered with an error that is not about the question.
    #[error("the server failed with {code}: {message}")]
    Server {
        /// The name of the gRPC status code.
        code: &'static str,
        /// What the server said.
        message: String,
    },
}

/// Why the server refused to judge a question at all. Nothing was charged.
///
/// These are mistakes in the question or in the set-up, so no [`FailPolicy`] hides them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The question is malformed; the message names the field.
    #[error("malformed: {0}")]
    Invalid(String),
    /// The server wants to know who calls it and could not tell.
    #[error("not authenticated: {0}")]
    Unauthenticated(String),
    /// This caller may not ask for this org.
    #[error("not permitted: {0}")]
    Forbidden(String),
}

/// What became of a call that brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Refused(Refused),
    Failed(Cause),
}

impl Refused {
    /// The refusal that a status code stands for, if it stands for one.
    pub(crate) fn of(code: Code, message: &str) -> Option<Self> {
        match code {
            Code::InvalidArgument => Some(Self::Invalid(message.to_owned())),
            Code::Unauthenticated => Some(Self::Unauthenticated(message.to_owned())),
            Code::PermissionDenied => Some(Self::Forbidden(message.to_owned())),
            _ => None,
        }
    }
}

impl Outcome {
    pub(crate) fn of(status: &Status) -> Self {
        if let Some(refused) = Refused::of(status.code(), status.message()) {
            return Self::Refused(refused);
        }
        Self::Failed(Cause::of(status))
    }
}

impl Cause {
    /// Why a request is denied when this keeps it from being decided.
    pub(crate) const fn reason(&self) -> Reason {
        match self {
            Self::Overloaded => Reason::Overloaded,
            _ => Reason::Unavailable,
        }
    }

    fn of(status: &Status) -> Self {
        let mut source = status.source();
        // A status that carries a source was made on this side: the transport failed before or during the call.
        let local = source.is_some();
        while let Some(error) = source {
            if error.is::<tonic::ConnectError>() {
                return Self::Unreachable(innermost(error));
            }
            // The transport watches the deadline too, and may be the first to notice.
            if error.is::<tonic::TimeoutExpired>() {
                return Self::Deadline;
            }
            source = error.source();
        }
        match status.code() {
            Code::DeadlineExceeded => Self::Deadline,
            // The generated client says so, without a source, of a channel whose runtime has ended.
            Code::Unknown if status.message().starts_with("Service was not ready") => {
                Self::Disconnected(status.message().to_owned())
            }
            _ if local => Self::Disconnected(status.source().map(innermost).unwrap_or_default()),
            code => Self::Server {
                code: code_name(code),
                message: status.message().to_owned(),
            },
        }
    }
}

/// The last error of a chain says what happened; those around it only where.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// The name that the gRPC specification gives to a code.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

impl fmt::Display for FailPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Closed => "closed",
        })
    }
}

#[cfg(test)]
mod tests;
