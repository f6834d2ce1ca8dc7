//! One request to the rate limit service: its rules found, the node asked, the answer counted and made a message.

use std::time::Instant;

use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use quorate_api::envoy::service::ratelimit::v3::RateLimitResponse;
use quorate_envoy::{Code, Refused, Request};
use quorate_node::Decided;
use quorate_node::quotas::Patience;

use super::asked::Entries;
use super::{EnvoyError, answer, native};
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

impl Door<'_> {
    /// Decides a request, or gives it a place to wait for units of a quota.
    ///
    /// # Errors
    /// Why there is no answer; nothing was charged.
    pub(crate) fn rate_limit(
        &self,
        message: &RateLimitRequest,
        patience: Patience,
    ) -> Result<Decided<RateLimitResponse>, EnvoyError> {
        let started = Instant::now();
        let envoy = &self.edge.envoy;
        let in_force = envoy.rules().ok_or(EnvoyError::NotServed)?;
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
        if let Some(native) = in_force
            .rules
            .domain(&message.domain)
            .and_then(|domain| domain.native())
        {
            return native::decide(self, native, &request, patience, started);
        }
        // Before the rules are asked: a refused caller is to learn nothing of the domain.
        self.identity.org(&message.domain)?;
        let plan = in_force.rules.plan(request)?;
        let response = self.edge.node.rate_limit(&plan, &envoy.settings);
        envoy.counts.count(&plan, &descriptors, &response);
        let elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let passes = response.overall == Code::Ok;
        self.recorder.rated(telemetry::Door::EnvoyRateLimit, passes, elapsed_ns);
        let mut message = answer::message(&response);
        if let Some(names) = &envoy.headers
            && let Some(headers) = response.headers(names)
        {
            let headers = headers.into_iter().map(|(name, value)| answer::header(name, value));
            message.response_headers_to_add = headers.collect();
        }
        if envoy.dynamic_metadata {
            message.dynamic_metadata = Some(answer::object(plan.dynamic_metadata(&response)));
        }
        Ok(Decided::Answered(message))
    }
}
