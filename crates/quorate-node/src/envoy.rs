//! Requests to Envoy's rules: the counters of a domain are in one shard, so that a request is charged under one lock.

#[cfg(test)]
mod tests;

use quorate_envoy::counters::ShardCounters;
use quorate_envoy::{Counter, Counters, Plan, Response, Settings, Used};

use crate::Node;

impl Node {
    /// Charges the counters of a request and answers it.
    pub fn rate_limit<'r>(&self, plan: &Plan<'r, '_>, settings: &Settings) -> Response<'r> {
        let Some(domain) = plan.domain().filter(|_| plan.counts()) else {
            return plan.decide(settings, &mut Uncounted);
        };
        let mut shard = self.shard_of(domain.name()).lock();
        plan.decide(
            settings,
            &mut ShardCounters {
                shard: &mut shard,
                layouts: &self.in_force.load().layouts,
                groups: &self.windows,
                // Read under the lock: of two requests the later one has the later time.
                now: self.clock.now(),
            },
        )
    }
}

/// The counters of a request that counts nothing.
struct Uncounted;

impl Counters for Uncounted {
    fn look(&mut self, _: &Counter<'_>) -> Used {
        Used::default()
    }

    fn add(&mut self, _: &Counter<'_>, _: u64) -> Used {
        Used::default()
    }

    fn take_back(&mut self, _: &Counter<'_>, _: u64) -> Used {
        Used::default()
    }
}
