//! Why a request to Envoy's rate limit service has no answer. Nothing was charged.

use quorate_core::request::InvalidRequest;
use quorate_envoy::Refused;
use thiserror::Error;
use tonic::Code;

use crate::callers::Refusal;

/// Why a request has no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EnvoyError {
    /// The server was started without rules.
    #[error("rate limits of Envoy are not served here: start with --envoy-config")]
    NotServed,
    /// The bytes are no message.
    #[error("message: {0}")]
    Undecodable(String),
    /// The request itself.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A descriptor asks for what is not to be had.
    #[error("descriptors[{descriptor}].{problem}")]
    Descriptor {
        /// Its place, from 0.
        descriptor: usize,
        /// The field, and what is wrong with it.
        problem: &'static str,
    },
    /// What a domain of the native pipeline asks for cannot be.
    #[error("descriptors: {0}")]
    Native(#[from] InvalidRequest),
    /// The caller may not ask for that domain or org.
    #[error("domain: {0}")]
    Caller(#[from] Refusal),
    /// Too much work is in flight.
    #[error("the server has too much work in flight")]
    Overloaded,
}

impl EnvoyError {
    /// The code of gRPC, as the reference has it where it has one.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NotServed => Code::Unimplemented,
            Self::Undecodable(_) => Code::Internal,
            Self::Refused(Refused::DomainEmpty | Refused::DescriptorsEmpty) => Code::Unknown,
            Self::Refused(_) | Self::Descriptor { .. } | Self::Native(_) => Code::InvalidArgument,
            Self::Caller(Refusal::Unauthenticated) => Code::Unauthenticated,
            Self::Caller(Refusal::OrgForbidden | Refusal::OrgUnnamed) => Code::PermissionDenied,
            // Envoy's own setting says whether requests then pass.
            Self::Overloaded => Code::Unavailable,
        }
    }
}
