//! Envoy's rate limit service behind its doors: the rules in force, how requests are answered by them, and what is
//! counted rule by rule. The rules themselves are the business of `quorate-envoy`, counters that of the node; doors are
//! in `grpc` and `http`.

mod answer;
mod asked;
mod decide;
mod error;
mod mapped;
mod native;
mod rule_counts;
mod rules_in_force;
mod shown;
#[cfg(test)]
mod tests;

pub(crate) use decide::Door;
pub use error::EnvoyError;
pub(crate) use mapped::Begun;
pub use rule_counts::{RuleCount, RuleCounts};
pub use rules_in_force::InForce;

use quorate_envoy::{Charge, HeaderNames, Settings};

use crate::config::EnvoySettings;
use rules_in_force::RulesInForce;

/// Envoy's rate limit service.
#[derive(Debug)]
pub struct Envoy {
    settings: Settings,
    headers: Option<HeaderNames>,
    dynamic_metadata: bool,
    rules: Option<RulesInForce>,
    counts: RuleCounts,
}

impl Envoy {
    /// The service as it was told; `rules` are those to begin with, `None` where it is not to be served.
    #[must_use]
    pub fn new(settings: &EnvoySettings, rules: Option<InForce>) -> Self {
        let charge = if settings.stop_increment_when_over {
            Charge::StopWhenOver
        } else {
            Charge::All
        };
        Self {
            settings: Settings {
                charge,
                shadow_mode: settings.shadow,
                quota_mode: settings.quota,
            },
            headers: settings.response_headers.as_ref().map(|names| HeaderNames {
                limit: names.limit.clone(),
                remaining: names.remaining.clone(),
                reset: names.reset.clone(),
            }),
            dynamic_metadata: settings.dynamic_metadata,
            rules: rules.map(RulesInForce::new),
            counts: RuleCounts::default(),
        }
    }

    /// The rules in force; `None` where the service is not served.
    #[must_use]
    pub fn rules(&self) -> Option<std::sync::Arc<InForce>> {
        self.rules.as_ref().map(RulesInForce::get)
    }

    /// Reloads that succeeded and that failed, since the start.
    #[must_use]
    pub fn reloads(&self) -> (u64, u64) {
        self.rules.as_ref().map_or((0, 0), RulesInForce::reloads)
    }

    /// Puts other rules in force.
    pub fn put(&self, rules: InForce) {
        if let Some(in_force) = &self.rules {
            in_force.put(rules);
        }
    }

    /// Records why rules were not put in force; the old ones stay.
    pub fn failed(&self, unix_ns: u64, message: String) {
        if let Some(in_force) = &self.rules {
            in_force.failed(unix_ns, message);
        }
    }

    /// What was counted rule by rule.
    #[must_use]
    pub const fn counts(&self) -> &RuleCounts {
        &self.counts
    }
}
