//! What decisions are made by: the policy, and the layouts of everything that is kept.

use std::sync::Arc;

use quorate_core::state::layout::Layouts;
use quorate_policy::{Checked, PolicySet, Report};

use crate::{Node, Reloaded};

/// What decisions are made by. Replaced whole, so that one look finds all of it.
#[derive(Debug)]
pub(crate) struct InForce {
    /// Counts what was in force before.
    pub(crate) generation: u64,
    pub(crate) policy: Arc<PolicySet>,
    /// All layouts that any policy in force so far used: whatever an entry names is known, if nothing newer has decided
    /// in its shard.
    pub(crate) layouts: Arc<Layouts>,
}

impl Node {
    /// Puts another policy in force. Decisions go on meanwhile; counters are kept.
    ///
    /// # Errors
    /// What the policy's compilation found; the old policy stays in force.
    pub fn reload(&self, checked: &Checked) -> Result<Reloaded, Report> {
        let _one_at_a_time = self.reloading.lock();
        let before = self.in_force.load_full();
        let mut layouts = Layouts::clone(&before.layouts);
        let sequence = before.policy.sequence() + 1;
        let policy = PolicySet::compile(checked, sequence, &mut layouts)?;
        let content_hash = policy.content_hash().to_owned();
        let notes = policy.changes_since(&before.policy);
        self.put_in_force(Arc::new(policy), layouts);
        Ok(Reloaded {
            sequence,
            content_hash,
            notes,
        })
    }

    /// To be called by one at a time.
    pub(crate) fn put_in_force(&self, policy: Arc<PolicySet>, layouts: Layouts) {
        let generation = self.in_force.load().generation + 1;
        let layouts = Arc::new(layouts);
        self.in_force.store(Arc::new(InForce {
            generation,
            policy,
            layouts,
        }));
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<PolicySet> {
        Arc::clone(&self.in_force.load().policy)
    }
}
