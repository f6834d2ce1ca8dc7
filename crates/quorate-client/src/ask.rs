//! What is asked: a builder whose names are those of the wire contract. Nothing is checked here but the size of the
//! whole: what is malformed, the server says, and says it the same to every client.

use std::fmt;

use prost::Message as _;
use quorate_api::v1::should_allow_request::Subject;
use quorate_api::v1::{Include, ShouldAllowRequest};

use crate::failure::Refused;

/// The largest question that is sent: several times what the server judges, which bounds every name, number and list in
/// it. A larger one is what somebody made who is to be judged. The server would end the call for it, and on a stream
/// everybody's, and a client that fails open would let it through.
pub(crate) const QUESTION_BYTES_MAX: usize = 64 << 10;

/// One question: may this key of this org do this, at this cost, now?
#[derive(Clone, PartialEq)]
#[must_use = "a question does nothing until it is asked"]
pub struct Ask {
    message: ShouldAllowRequest,
}

/// How the limits that apply to one request are charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChargeMode {
    /// Every limit is charged, or, if any denies, none is.
    #[default]
    AllOrNone,
    /// Every limit is charged for itself: one that has room is charged even when another denies.
    Each,
    /// Every limit is charged whatever it holds: for amounts that are known only afterwards.
    Record,
}

impl Ask {
    /// Asks for the id of a key, from a caller that has already authenticated it. Never a secret.
    pub fn key(id: impl Into<String>) -> Self {
        Self::of(Subject::Key(id.into()))
    }

    /// Asks for a secret credential. The server hashes it on arrival.
    pub fn credential(secret: impl Into<String>) -> Self {
        Self::of(Subject::Credential(secret.into()))
    }

    fn of(subject: Subject) -> Self {
        Self {
            message: ShouldAllowRequest {
                subject: Some(subject),
                ..ShouldAllowRequest::default()
            },
        }
    }

    /// The tenant. Default: the key's own.
    pub fn org(mut self, org: impl Into<String>) -> Self {
        self.message.org = org.into();
        self
    }

    /// What is called: `METHOD /path` or `/package.Service/Method`. Default: the endpoint `other`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.message.endpoint = endpoint.into();
        self
    }

    /// Units of the meter `requests`, before the endpoint's factor. Default 1; 0 asks without charging.
    pub fn cost(mut self, units: u64) -> Self {
        self.message.cost = Some(units);
        self
    }

    /// An amount of another meter, in place of the endpoint's own price for it.
    pub fn amount(mut self, meter: impl Into<String>, units: u64) -> Self {
        self.message.amounts.insert(meter.into(), units);
        self
    }

    /// A fact about the request that limits may be kept per: `ip`, `user`, `model`, …
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.message.attributes.insert(name.into(), value.into());
        self
    }

    /// Where the caller runs. Default: not checked.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.message.environment = environment.into();
        self
    }

    /// A scope that the caller's own authorization granted, in addition to those of the policy.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.message.scopes.push(scope.into());
        self
    }

    /// Only looks: charges nothing, holds no slot.
    pub fn look(mut self) -> Self {
        self.message.check_only = true;
        self
    }

    /// Makes a retry safe: the same id again, within ten minutes of an allowed answer, gets that answer again. A server
    /// keeps the last 8,192 ids of an org that its policy declares, 4,096 of any other: a retry that comes after more is
    /// charged again.
    pub fn operation_id(mut self, id: impl Into<String>) -> Self {
        self.message.operation_id = id.into();
        self
    }

    /// How the limits are charged. Default: all or none.
    pub fn charge_mode(mut self, mode: ChargeMode) -> Self {
        self.message.set_charge_mode(match mode {
            ChargeMode::AllOrNone => quorate_api::v1::ChargeMode::AllOrNone,
            ChargeMode::Each => quorate_api::v1::ChargeMode::Each,
            ChargeMode::Record => quorate_api::v1::ChargeMode::Record,
        });
        self
    }

    /// Gives `cost` and the amounts back instead of charging them.
    pub fn refund(mut self) -> Self {
        self.message.refund = true;
        self
    }

    /// Asks for a random addition of up to a tenth to `retry_after`, so that the denied do not all come back at once.
    pub fn retry_jitter(mut self) -> Self {
        self.message.retry_jitter = true;
        self
    }

    /// Asks for the status of every limit that applies: [`crate::Answer::limits`].
    pub fn include_limits(self) -> Self {
        self.include(Include::Limits)
    }

    /// Asks for ready-made HTTP headers: [`crate::Answer::headers`].
    pub fn include_headers(self) -> Self {
        self.include(Include::Headers)
    }

    /// Asks which policy decided: [`crate::Answer::policy`].
    pub fn include_policy(self) -> Self {
        self.include(Include::Policy)
    }

    /// Asks which limits in shadow mode would have denied: [`crate::Answer::shadow_denied`].
    pub fn include_shadow(self) -> Self {
        self.include(Include::Shadow)
    }

    fn include(mut self, what: Include) -> Self {
        let wanted = i32::from(what);
        if !self.message.include.contains(&wanted) {
            self.message.include.push(wanted);
        }
        self
    }

    /// What is sent, or that nobody would judge it.
    pub(crate) fn into_message(self) -> Result<ShouldAllowRequest, Refused> {
        let bytes = self.message.encoded_len();
        if bytes > QUESTION_BYTES_MAX {
            let message = format!("a question of {bytes} bytes: at most {QUESTION_BYTES_MAX} are sent");
            return Err(Refused::Invalid(message));
        }
        Ok(self.message)
    }
}

/// A credential is never shown.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ask");
        match &self.message.subject {
            Some(Subject::Key(key)) => shown.field("key", key),
            _ => shown.field("credential", &"…"),
        };
        shown
            .field("org", &self.message.org)
            .field("endpoint", &self.message.endpoint)
            .field("cost", &self.message.cost)
            .field("amounts", &self.message.amounts)
            .field("check_only", &self.message.check_only)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
