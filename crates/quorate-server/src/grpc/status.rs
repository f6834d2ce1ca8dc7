//! The one place that maps errors to gRPC status. A denial is an answer and never comes by here.

use quorate_api::v1::RequestError;
use quorate_core::request::InvalidRequest;
use tonic::{Code, Status};

use super::wire::Malformed;
use crate::callers::Refusal;
use crate::envoy::EnvoyError;

/// Why a call is an error instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The request is malformed.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A field of one of the slot calls is malformed.
    #[error("{field}: {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The bytes are no message of that type.
    #[error("message: {0}")]
    Undecodable(String),
    /// The caller is not known, or may not ask for that org.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Envoy's rate limit service has no answer.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// An item of a batch asks for an org that the caller may not ask for.
    #[error("requests[{index}].{refusal}")]
    ItemRefused {
        /// The item's place, from 0.
        index: usize,
        /// Why.
        refusal: Refusal,
    },
}

impl CallError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::Field { .. } | Self::Undecodable(_) => Code::InvalidArgument,
            Self::Envoy(error) => error.code(),
            Self::Refused(refusal) | Self::ItemRefused { refusal, .. } => match refusal {
                Refusal::Unauthenticated => Code::Unauthenticated,
                Refusal::OrgForbidden | Refusal::OrgUnnamed => Code::PermissionDenied,
            },
        }
    }

    /// The error in its place on a stream.
    pub(crate) fn on_stream(&self) -> RequestError {
        RequestError {
            // The codes of gRPC are 0 to 16.
            code: u32::try_from(i32::from(self.code())).unwrap_or_default(),
            message: self.to_string(),
        }
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Why a call has no message that can be judged, or what the judgement was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// The message was judged, and the call is an error.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It is larger than this server takes.
    #[error("the message is larger than the maximum of {0} bytes")]
    TooLarge(usize),
    /// It is compressed.
    #[error("compressed messages are not taken")]
    Compressed,
    /// The connection makes the server keep too much already.
    #[error("this connection has too many bytes of unfinished messages and of answers that were not taken")]
    TooMuchKept,
    /// It did not arrive in time.
    #[error("the message did not arrive in time")]
    Late,
    /// The caller gave up, or the connection broke.
    #[error("the call was cancelled: {0}")]
    Cancelled(String),
}

impl From<Unread> for Status {
    fn from(unread: Unread) -> Self {
        let text = unread.to_string();
        match unread {
            Unread::Call(error) => error.into(),
            Unread::TooLarge(_) | Unread::TooMuchKept => Self::resource_exhausted(text),
            Unread::Compressed => Self::unimplemented(text),
            Unread::Late => Self::deadline_exceeded(text),
            Unread::Cancelled(_) => Self::cancelled(text),
        }
    }
}

impl From<Malformed> for CallError {
    /// Bytes that are no message are the caller's mistake, so never INTERNAL.
    fn from(malformed: Malformed) -> Self {
        Self::Undecodable(malformed.to_string())
    }
}

impl From<prost::DecodeError> for CallError {
    fn from(error: prost::DecodeError) -> Self {
        Self::Undecodable(error.to_string())
    }
}

/// The server ends a stream because it is about to stop: what was not answered was not decided.
pub(crate) fn draining() -> Status {
    Status::unavailable("the server is stopping; requests without an answer were not decided")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_and_text(error: impl Into<CallError>) -> (Code, String) {
        let status = Status::from(error.into());
        (status.code(), status.message().to_owned())
    }

    #[test]
    fn malformed_is_invalid_argument_and_names_the_field() {
        assert_eq!(
            code_and_text(InvalidRequest::CostTooLarge { cost: 9, max: 8 }),
            (
                Code::InvalidArgument,
                "cost: 9 is more than the maximum of 8".to_owned()
            )
        );
        let item = InvalidRequest::Item {
            index: 3,
            source: Box::new(InvalidRequest::SubjectMissing),
        };
        let (code, text) = code_and_text(item);
        assert_eq!(code, Code::InvalidArgument);
        assert!(text.starts_with("requests[3].key:"), "{text}");
    }

    #[test]
    fn refusals_tell_who_from_what() {
        assert_eq!(code_and_text(Refusal::Unauthenticated).0, Code::Unauthenticated);
        assert_eq!(code_and_text(Refusal::OrgForbidden).0, Code::PermissionDenied);
        assert_eq!(code_and_text(Refusal::OrgUnnamed).0, Code::PermissionDenied);
        let item = CallError::ItemRefused {
            index: 2,
            refusal: Refusal::OrgForbidden,
        };
        assert_eq!(
            code_and_text(item),
            (
                Code::PermissionDenied,
                "requests[2].org: this caller may not ask for it".to_owned()
            )
        );
    }

    #[test]
    fn a_stream_carries_the_code_of_the_unary_call() {
        assert_eq!(CallError::from(InvalidRequest::SubjectMissing).on_stream().code, 3);
        assert_eq!(CallError::from(Refusal::OrgForbidden).on_stream().code, 7);
        assert_eq!(CallError::from(Refusal::Unauthenticated).on_stream().code, 16);
    }
}
