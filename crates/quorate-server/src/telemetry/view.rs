//! What the rest of the server says of itself when metrics are gathered.

use quorate_node::Stats;
use quorate_node::pools::PoolStats;
use quorate_node::quotas::QuotaStats;
use quorate_node::windows::WindowStats;
use quorate_store::Operations;
use quorate_store::embedded::Stats as StoreStats;

use crate::edge::Edge;
use crate::envoy::{Envoy, RuleCount};
use crate::store::OpenStore;

/// The state of a server that is kept elsewhere and shown by metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerView {
    /// What the node holds.
    pub stats: Stats,
    /// What the driver of quotas has done.
    pub quotas: QuotaStats,
    /// What the keeper of pools has done.
    pub pools: PoolStats,
    /// What the keeper of windows has done.
    pub windows: WindowStats,
    /// What the embedded store has done; nothing without one.
    pub store: StoreStats,
    /// What any store has asked of its database.
    pub operations: Operations,
    /// What Envoy's rules have done.
    pub envoy: EnvoyView,
    /// The policy in force, by number.
    pub policy_sequence: u64,
    /// The policy in force, by content.
    pub policy_hash: String,
    /// Reloads that succeeded.
    pub reloads: u64,
    /// Reloads that failed.
    pub reload_failures: u64,
    /// Whether the server wants traffic.
    pub serving: bool,
    /// Requests in flight.
    pub in_flight: u64,
    /// Their bound.
    pub in_flight_max: u64,
    /// Requests beyond the bound.
    pub overloaded: u64,
}

/// What Envoy's rules have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvoyView {
    /// Hits, rule by rule.
    pub rules: Vec<RuleCount>,
    /// Requests that shadow mode for all let pass.
    pub shadowed: u64,
    /// Requests for a domain without rules.
    pub unknown_domain: u64,
    /// Rules in force.
    pub in_force: u64,
    /// Reloads that succeeded.
    pub reloads: u64,
    /// Reloads that failed.
    pub reload_failures: u64,
}

impl EnvoyView {
    fn of(envoy: &Envoy) -> Self {
        let (reloads, reload_failures) = envoy.reloads();
        let in_force = envoy.rules().map_or(0, |in_force| {
            in_force.rules.domains().map(quorate_envoy::Domain::rules).sum()
        });
        Self {
            rules: envoy.counts().all(),
            shadowed: envoy.counts().shadowed(),
            unknown_domain: envoy.counts().unknown_domain(),
            in_force: u64::try_from(in_force).unwrap_or(u64::MAX),
            reloads,
            reload_failures,
        }
    }
}

impl ServerView {
    /// What a server says of itself now.
    #[must_use]
    pub fn of(edge: &Edge) -> Self {
        let policy = edge.readiness.policy();
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            stats: edge.node.stats(),
            quotas: edge.node.quota_counters().stats(),
            pools: edge.node.pool_stats(),
            windows: edge.node.window_counters().stats(),
            store: edge.store.as_ref().and_then(OpenStore::stats).unwrap_or_default(),
            operations: edge.store.as_ref().map(OpenStore::operations).unwrap_or_default(),
            envoy: EnvoyView::of(&edge.envoy),
            policy_sequence: policy.sequence,
            policy_hash: policy.content_hash.clone(),
            reloads: edge.readiness.reloads(),
            reload_failures: edge.readiness.reload_failures(),
            serving: edge.readiness.is_serving(),
            in_flight: wide(edge.in_flight.now()),
            in_flight_max: wide(edge.in_flight.max()),
            overloaded: edge.in_flight.refused(),
        }
    }
}
