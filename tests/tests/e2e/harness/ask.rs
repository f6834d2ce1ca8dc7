//! Requests in few words.

use quorate_api::v1::should_allow_request::Subject;
use quorate_api::v1::{ChargeMode, Include, ShouldAllowRequest};

/// A request of one key that says nothing else.
pub fn ask(key: &str) -> ShouldAllowRequest {
    ShouldAllowRequest {
        subject: Some(Subject::Key(key.to_owned())),
        ..ShouldAllowRequest::default()
    }
}

/// A request that shows a secret.
pub fn ask_with_credential(secret: &str) -> ShouldAllowRequest {
    ShouldAllowRequest {
        subject: Some(Subject::Credential(secret.to_owned())),
        ..ShouldAllowRequest::default()
    }
}

/// Says more of a request.
pub trait AskExt: Sized {
    /// The request.
    fn change(self, change: impl FnOnce(&mut ShouldAllowRequest)) -> Self;

    fn of(self, org: &str) -> Self {
        self.change(|request| request.org = org.to_owned())
    }
    fn at(self, endpoint: &str) -> Self {
        self.change(|request| request.endpoint = endpoint.to_owned())
    }
    fn costing(self, cost: u64) -> Self {
        self.change(|request| request.cost = Some(cost))
    }
    fn using(self, meter: &str, amount: u64) -> Self {
        self.change(|request| {
            request.amounts.insert(meter.to_owned(), amount);
        })
    }
    fn attribute(self, name: &str, value: &str) -> Self {
        self.change(|request| {
            request.attributes.insert(name.to_owned(), value.to_owned());
        })
    }
    fn from(self, environment: &str) -> Self {
        self.change(|request| request.environment = environment.to_owned())
    }
    fn scope(self, scope: &str) -> Self {
        self.change(|request| request.scopes.push(scope.to_owned()))
    }
    fn look(self) -> Self {
        self.change(|request| request.check_only = true)
    }
    fn operation(self, id: &str) -> Self {
        self.change(|request| request.operation_id = id.to_owned())
    }
    fn mode(self, mode: ChargeMode) -> Self {
        self.change(|request| request.charge_mode = mode.into())
    }
    fn refund(self) -> Self {
        self.change(|request| request.refund = true)
    }
    fn jitter(self) -> Self {
        self.change(|request| request.retry_jitter = true)
    }
    fn with(self, include: Include) -> Self {
        self.change(|request| request.include.push(include.into()))
    }
}

impl AskExt for ShouldAllowRequest {
    fn change(mut self, change: impl FnOnce(&mut ShouldAllowRequest)) -> Self {
        change(&mut self);
        self
    }
}
