//! Whether the server wants traffic: the state behind `/readyz` and the gRPC health service. It says what is; who
//! changes it is `serve`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

/// Whether the server wants traffic, and how its policy fares.
#[derive(Debug)]
pub struct Readiness {
    serving: AtomicBool,
    failure: OnceLock<&'static str>,
    policy: ArcSwap<PolicyHealth>,
    reloads: AtomicU64,
    reload_failures: AtomicU64,
}

/// The policy in force, and what became of the last attempt to replace it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyHealth {
    /// Its place among the policies put in force since the start, from 1.
    pub sequence: u64,
    /// The hash of its content, in hex.
    pub content_hash: String,
    /// Where it came from: the paths that were given, or the name of the catalogue that is built in.
    pub sources: Vec<String>,
    /// When it was put in force, in nanoseconds since the Unix epoch.
    pub loaded_unix_ns: u64,
    /// Why the last attempt to replace it failed; `None` when there was none or it succeeded.
    pub failure: Option<PolicyFailure>,
}

/// A reload that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFailure {
    /// When, in nanoseconds since the Unix epoch.
    pub unix_ns: u64,
    /// Every problem, as text of many lines.
    pub message: String,
}

impl Readiness {
    /// A server that does not want traffic yet.
    #[must_use]
    pub fn new(policy: PolicyHealth) -> Self {
        Self {
            serving: AtomicBool::new(false),
            failure: OnceLock::new(),
            policy: ArcSwap::from_pointee(policy),
            reloads: AtomicU64::new(0),
            reload_failures: AtomicU64::new(0),
        }
    }

    /// Whether the server wants traffic: false before its doors are open, from the first moment of a drain, and when a
    /// part of it has failed for good.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire) && self.failure().is_none()
    }

    /// Says whether the server wants traffic.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// Which part of the server has failed for good.
    #[must_use]
    pub fn failure(&self) -> Option<&'static str> {
        self.failure.get().copied()
    }

    /// Records that a part of the server has failed for good: it wants no traffic any more. The first that fails is told.
    pub fn fail(&self, what: &'static str) {
        self.failure.get_or_init(|| what);
    }

    /// How the policy fares.
    #[must_use]
    pub fn policy(&self) -> Arc<PolicyHealth> {
        self.policy.load_full()
    }

    /// Records a policy that was put in force.
    pub fn policy_loaded(&self, health: PolicyHealth) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        self.policy.store(Arc::new(health));
    }

    /// Records a reload that failed; the policy in force stays.
    pub fn policy_failed(&self, failure: PolicyFailure) {
        self.reload_failures.fetch_add(1, Ordering::Relaxed);
        self.policy.rcu(|health| PolicyHealth {
            failure: Some(failure.clone()),
            ..PolicyHealth::clone(health)
        });
    }

    /// Reloads that succeeded, since the start.
    #[must_use]
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// Reloads that failed, since the start.
    #[must_use]
    pub fn reload_failures(&self) -> u64 {
        self.reload_failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reload_keeps_the_policy_and_a_good_one_clears_the_failure() {
        let loaded = PolicyHealth {
            sequence: 1,
            content_hash: "a".to_owned(),
            ..PolicyHealth::default()
        };
        let readiness = Readiness::new(loaded.clone());
        readiness.policy_failed(PolicyFailure {
            unix_ns: 7,
            message: "unknown field".to_owned(),
        });
        let failed = readiness.policy();
        assert_eq!(failed.sequence, 1);
        assert_eq!(failed.failure.as_ref().map(|failure| failure.unix_ns), Some(7));
        readiness.policy_loaded(PolicyHealth { sequence: 2, ..loaded });
        assert_eq!(readiness.policy().failure, None);
        assert_eq!((readiness.reloads(), readiness.reload_failures()), (1, 1));
    }

    #[test]
    fn what_has_failed_for_good_is_not_ready_again() {
        let readiness = Readiness::new(PolicyHealth::default());
        readiness.fail("the quotas");
        readiness.set_serving(true);
        assert!(!readiness.is_serving());
        assert_eq!(readiness.failure(), Some("the quotas"));
    }
}
