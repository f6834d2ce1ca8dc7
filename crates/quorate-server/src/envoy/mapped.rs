//! Domains that are mapped to the native pipeline, and may have rules too. A request is decided in two parts, each atomic
//! in itself: first the rules charge what is theirs, as their domain is charged; then the policy charges its descriptors
//! all together or not at all. What the rules deny the policy only looks at, so that a denied request costs no quota.

use std::sync::Arc;
use std::time::Instant;

use quorate_api::envoy::service::ratelimit::v3::RateLimitResponse;
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::Code;
use quorate_envoy::native::Native;
use quorate_envoy::{Domain, Refused, Request};
use quorate_node::Decided;
use quorate_node::quotas::Patience;

use super::answer::{self, header};
use super::decide::Ruled;
use super::native::{Answers, Asked, Told, chosen_by_users};
use super::{Door, EnvoyError, InForce};

/// A request whose rules are charged, while the rest of it waits for units of a quota.
#[derive(Debug)]
pub(crate) struct Begun {
    /// By which it goes on.
    pub(super) in_force: Arc<InForce>,
    ruled: Ruled,
}

/// A mapped domain that is asked for.
pub(super) struct Mapped<'d> {
    door: &'d Door<'d>,
    in_force: &'d Arc<InForce>,
    domain: &'d Domain,
    mapping: &'d Native,
    started: Instant,
}

impl<'d> Mapped<'d> {
    /// `None` for a domain that is not mapped.
    pub(super) fn of(
        door: &'d Door<'d>,
        in_force: &'d Arc<InForce>,
        domain: &'d Domain,
        started: Instant,
    ) -> Option<Self> {
        Some(Self {
            door,
            in_force,
            domain,
            mapping: domain.native()?,
            started,
        })
    }

    pub(super) fn decide(
        &self,
        request: &Request<'_>,
        patience: Patience,
        begun: &mut Option<Box<Begun>>,
    ) -> Result<Decided<RateLimitResponse>, EnvoyError> {
        if request.descriptors.is_empty() {
            return Err(Refused::DescriptorsEmpty.into());
        }
        let asked = Asked::read(self.domain, self.mapping, request)?;
        let mut requests = asked.requests(self.door)?;
        let ruled = match begun.take() {
            Some(begun) => Some(begun.ruled),
            None if requests.len() == request.descriptors.len() => None,
            None => {
                // Before the rules are charged: nothing is where the answer is an error.
                let together = self.door.edge.node.check_together(&requests);
                together.or_else(|invalid| {
                    if chosen_by_users(&invalid) {
                        Ok(())
                    } else {
                        Err(invalid)
                    }
                })?;
                Some(self.door.by_rules(&self.in_force.rules, *request, self.started)?)
            }
        };
        let looks = ruled.as_ref().is_some_and(|ruled| ruled.denies);
        for request in &mut requests {
            request.check_only |= looks;
        }
        let patience = if looks { Patience::Over } else { patience };
        let mut answers = Answers::new(self.door, self.started, asked.places(), looks);
        match answers.all(&requests, patience) {
            Ok(None) => {}
            Ok(Some(parked)) => {
                *begun = ruled.map(|ruled| {
                    Box::new(Begun {
                        in_force: Arc::clone(self.in_force),
                        ruled,
                    })
                });
                return Ok(Decided::Parked(parked));
            }
            // Once the rules are charged only a policy that was replaced meanwhile can make it an error, which Envoy may let
            // pass.
            Err(invalid) if chosen_by_users(&invalid) || ruled.is_some() => answers.malformed(&requests),
            Err(invalid) => return Err(invalid.into()),
        }
        let mut message = self.join(ruled, answers.told());
        if self.door.edge.envoy.dynamic_metadata && message.dynamic_metadata.is_none() {
            message.dynamic_metadata = Some(answer::object(request.dynamic_metadata()));
        }
        Ok(Decided::Answered(message))
    }

    /// Makes one message of what both parts said.
    fn join(&self, ruled: Option<Ruled>, told: Told) -> RateLimitResponse {
        let over_rules = ruled.as_ref().is_some_and(|ruled| ruled.over);
        let (mut message, denied_by_rules, shown_by_rules) = match ruled {
            Some(ruled) => (ruled.message, ruled.denies, ruled.shown),
            None => (RateLimitResponse::default(), false, None),
        };
        for (place, status) in told.statuses {
            match message.statuses.get_mut(place) {
                Some(unsaid) => *unsaid = status,
                None => message.statuses.push(status),
            }
        }
        let shown = match (shown_by_rules, told.shown) {
            (Some(rules), Some(natives)) => Some(rules.or(natives)),
            (one, other) => one.or(other),
        };
        let headers = &mut message.response_headers_to_add;
        headers.extend(shown.into_iter().flat_map(|shown| shown.headers));
        // What the policy says of a limit that did not deny would be misleading beside a denial.
        if told.over || !over_rules {
            headers.extend(told.fields);
        }
        let denied = told.over && !self.door.edge.envoy.settings.shadow_mode;
        if denied {
            headers.push(header("content-type", "application/json".to_owned()));
            message.raw_body = told.body;
        }
        let code = if denied || denied_by_rules {
            Code::OverLimit
        } else {
            Code::Ok
        };
        message.overall_code = code.into();
        message
    }
}

#[cfg(test)]
mod tests;
