//! The rules in force, and what became of the last attempt to replace them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use quorate_envoy::{Rules, Source};

use crate::edge::PolicyFailure;

/// Rules that are in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The rules.
    pub rules: Arc<Rules>,
    /// The files that they were read from, in order.
    pub sources: Arc<[Source]>,
    /// Their place among the rules put in force since the start, from 1.
    pub sequence: u64,
    /// When they were put in force, in nanoseconds since the Unix epoch.
    pub loaded_unix_ns: u64,
    /// Why the last attempt to replace them failed; `None` when there was none or it succeeded.
    pub failure: Option<PolicyFailure>,
}

impl InForce {
    /// Rules that were just read.
    #[must_use]
    pub fn new(rules: Rules, sources: Vec<Source>, unix_ns: u64) -> Self {
        Self {
            rules: Arc::new(rules),
            sources: sources.into(),
            sequence: 1,
            loaded_unix_ns: unix_ns,
            failure: None,
        }
    }
}

#[derive(Debug)]
pub(super) struct RulesInForce {
    now: ArcSwap<InForce>,
    reloads: AtomicU64,
    failures: AtomicU64,
}

impl RulesInForce {
    pub(super) fn new(rules: InForce) -> Self {
        Self {
            now: ArcSwap::from_pointee(rules),
            reloads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self) -> Arc<InForce> {
        self.now.load_full()
    }

    pub(super) fn reloads(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.reloads), read(&self.failures))
    }

    pub(super) fn put(&self, rules: InForce) {
        let sequence = self.now.load().sequence + 1;
        self.now.store(Arc::new(InForce { sequence, ..rules }));
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, unix_ns: u64, message: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let failure = Some(PolicyFailure { unix_ns, message });
        self.now.rcu(|now| InForce {
            failure: failure.clone(),
            ..InForce::clone(now)
        });
    }
}
