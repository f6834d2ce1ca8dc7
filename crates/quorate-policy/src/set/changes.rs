//! What a person should know of a reload: which counters do not go on as they were. Everything else is kept.

use std::collections::BTreeMap;

use quorate_core::limit::{Algorithm, Group, Limit};

use super::PolicySet;

mod quotas;

/// Where a limit is declared, and its name.
type Name<'a> = (&'a str, &'a str, &'a str);

impl PolicySet {
    /// Limits whose counters do not go on as they were under `earlier`, and quotas that changed, each in a sentence.
    #[must_use]
    pub fn changes_since(&self, earlier: &Self) -> Vec<String> {
        let before = earlier.limits();
        let changed = self.limits().into_iter().filter_map(|(name, now)| {
            let what = what_changed(before.get(&name)?, &now)?;
            let (kind, owner, limit) = name;
            Some(format!("limit `{limit}` of {kind} `{owner}`: {what}"))
        });
        changed.chain(self.quota_changes_since(earlier)).collect()
    }

    fn limits(&self) -> BTreeMap<Name<'_>, (&Group, &Limit)> {
        let plans = self.plans.iter().map(|plan| ("plan", &*plan.name, &plan.groups));
        let endpoints = self
            .endpoints
            .iter()
            .map(|endpoint| ("endpoint", &*endpoint.pattern, &endpoint.groups));
        let mut all = BTreeMap::new();
        for (kind, owner, groups) in plans.chain(endpoints) {
            for group in &groups.stated {
                for limit in &group.limits {
                    all.insert((kind, owner, &*limit.name), (group, limit));
                }
            }
        }
        all
    }
}

fn what_changed(before: &(&Group, &Limit), now: &(&Group, &Limit)) -> Option<&'static str> {
    let ((old_group, old), (new_group, new)) = (before, now);
    if old_group.per != new_group.per {
        return Some("what it is kept per changed; its counters start empty");
    }
    if old.meter != new.meter {
        return Some("what it counts changed; its counters start empty");
    }
    (kind(&old.algorithm) != kind(&new.algorithm)).then_some("its algorithm changed; its counters start full")
}

fn kind(algorithm: &Algorithm) -> core::mem::Discriminant<Algorithm> {
    core::mem::discriminant(algorithm)
}
