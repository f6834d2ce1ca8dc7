//! One request to the rate limit service: its rules found, the node asked, the answer counted and made a message.

use std::sync::Arc;
use std::time::Instant;

use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use quorate_api::envoy::service::ratelimit::v3::RateLimitResponse;
use quorate_envoy::{Code, Refused, Request, Rules};
use quorate_node::Decided;
use quorate_node::quotas::Patience;

use super::asked::Entries;
use super::mapped::{Begun, Mapped};
use super::shown::Shown;
use super::{EnvoyError, answer};
use crate::callers::Identity;
use crate::edge::Edge;
use crate::telemetry::{self, Recorder};

/// A way in: what it shares with others, and where it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'d> {
    /// What every door shares.
    pub(crate) edge: &'d Edge,
    /// Where this one counts.
    pub(crate) recorder: &'d Recorder,
    /// Who asks.
    pub(crate) identity: &'d Identity,
}

/// What the rules said of a request. Their counters are charged.
#[derive(Debug)]
pub(super) struct Ruled {
    /// The answer, as if the rules were all that there is; without headers.
    pub(super) message: RateLimitResponse,
    /// It is denied.
    pub(super) denies: bool,
    /// It is over, whether or not shadow mode for all lets it pass.
    pub(super) over: bool,
    /// What the configured headers tell of it, if any are.
    pub(super) shown: Option<Shown>,
}

impl Door<'_> {
    /// Decides a request, or gives it a place to wait for units of a quota. Then it is to be decided again, with what has
    /// `begun`.
    ///
    /// # Errors
    /// Why there is no answer; nothing was charged.
    pub(crate) fn rate_limit(
        &self,
        message: &RateLimitRequest,
        patience: Patience,
        begun: &mut Option<Box<Begun>>,
    ) -> Result<Decided<RateLimitResponse>, EnvoyError> {
        let started = Instant::now();
        // What has begun goes on by the rules that it was charged by.
        let in_force = match begun {
            Some(begun) => Arc::clone(&begun.in_force),
            None => self.edge.envoy.rules().ok_or(EnvoyError::NotServed)?,
        };
        if message.domain.is_empty() {
            return Err(Refused::DomainEmpty.into());
        }
        let entries = Entries::of(message);
        let descriptors = entries.descriptors(message)?;
        let request = Request {
            domain: &message.domain,
            descriptors: &descriptors,
            hits_addend: message.hits_addend,
        };
        let domain = in_force.rules.domain(&message.domain);
        if let Some(mapped) = domain.and_then(|domain| Mapped::of(self, &in_force, domain, started)) {
            return mapped.decide(&request, patience, begun);
        }
        let mut ruled = self.by_rules(&in_force.rules, request, started)?;
        if let Some(shown) = ruled.shown {
            ruled.message.response_headers_to_add = shown.headers;
        }
        Ok(Decided::Answered(ruled.message))
    }

    /// Has the rules decide what is theirs of a request.
    pub(super) fn by_rules(&self, rules: &Rules, request: Request<'_>, started: Instant) -> Result<Ruled, EnvoyError> {
        let envoy = &self.edge.envoy;
        // Before the rules are asked: a refused caller is to learn nothing of the domain.
        self.identity.org(request.domain)?;
        let plan = rules.plan(request)?;
        let response = self.edge.node.rate_limit(&plan, &envoy.settings);
        envoy.counts.count(&plan, request.descriptors, &response);
        let elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let denies = response.overall == Code::OverLimit;
        self.recorder
            .rated(telemetry::Door::EnvoyRateLimit, !denies, elapsed_ns);
        let mut message = answer::message(&response);
        if envoy.dynamic_metadata {
            message.dynamic_metadata = Some(answer::object(plan.dynamic_metadata(&response)));
        }
        let names = envoy.headers.as_ref();
        Ok(Ruled {
            message,
            denies,
            over: denies || response.shadowed,
            shown: names.and_then(|names| Shown::of_rules(&response, names)),
        })
    }
}
