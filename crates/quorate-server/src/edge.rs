//! What every door of one server shares: the node, the bound on work in flight, who may call, and whether the server
//! is ready. It decides nothing; the node does.

mod bare;
mod discreet;
mod in_flight;
mod jitter;
mod readiness;

use std::sync::Arc;

use quorate_node::Node;
use quorate_policy::HeaderProfile;

use crate::callers::Callers;
use crate::config::AuthzSettings;
use crate::envoy::Envoy;
use crate::store::OpenStore;
use crate::telemetry::Telemetry;

pub use bare::bare;
pub use discreet::discreet;
pub use in_flight::{InFlight, Permit, Waiting};
pub use jitter::jittered;
pub use readiness::{PolicyFailure, PolicyHealth, Readiness};

/// What every door shares.
#[derive(Debug)]
pub struct Edge {
    /// Decides.
    pub node: Arc<Node>,
    /// Who may call for which org.
    pub callers: Callers,
    /// The bound on requests that were accepted and are not answered yet.
    pub in_flight: Arc<InFlight>,
    /// Whether the server wants traffic, and what became of the policy's last reload.
    pub readiness: Readiness,
    /// What outlives the process; `None` when nothing does.
    pub store: Option<OpenStore>,
    /// Envoy's rate limit service.
    pub envoy: Envoy,
    /// Where Envoy's external authorization finds who asks.
    pub authz: AuthzSettings,
    /// Where every door counts.
    pub telemetry: Telemetry,
}

impl Edge {
    /// The header profiles of the policy in force; none when no headers are wanted, so that nothing is looked up.
    #[must_use]
    pub fn header_profiles(&self, wanted: bool) -> Vec<HeaderProfile> {
        if wanted {
            self.node.policy().headers().to_vec()
        } else {
            Vec::new()
        }
    }
}
