//! What a reload means for quotas. Their rows are known by org, name, what an account belongs to, and period: whatever
//! else changes, what was used stays used.

use std::collections::BTreeMap;

use quorate_core::quota::Quota;

use super::PolicySet;
use crate::set::QuotaPeriod;
use crate::set::quotas::Detail;

/// What declares a quota: its kind, its name, and the quota's.
type Name<'a> = (&'a str, &'a str, &'a str);

impl PolicySet {
    /// Quotas that a reload changed, each in a sentence, and orgs whose periods it moved.
    pub(super) fn quota_changes_since(&self, earlier: &Self) -> Vec<String> {
        let before = earlier.all_quotas();
        let mut changed = Vec::new();
        for ((kind, owner, name), (quota, detail)) in self.all_quotas() {
            if let Some((old, old_detail)) = before.get(&(kind, owner, name)) {
                let notes = notes((old, old_detail), (quota, detail));
                changed.extend(notes.map(|note| format!("quota `{name}` of {kind} `{owner}`: {note}")));
            }
        }
        changed.extend(self.org_changes_since(earlier));
        changed
    }

    fn all_quotas(&self) -> BTreeMap<Name<'_>, (&Quota, &Detail)> {
        let of_plans = self.plans.iter().flat_map(|plan| {
            let quotas = plan.quotas.stated();
            quotas.map(|(quota, detail)| (("plan", &*plan.name, &*quota.name), (quota, detail)))
        });
        let of_orgs = self.orgs.iter().flat_map(|org| {
            let quotas = org.quotas.stated();
            quotas.map(|(quota, detail)| (("org", &*org.name, &*quota.name), (quota, detail)))
        });
        of_plans.chain(of_orgs).collect()
    }

    fn org_changes_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = String> + 'a {
        self.orgs.iter().flat_map(|org| {
            let number = earlier.org_numbers.get(&org.name);
            let old = number.and_then(|number| earlier.orgs.get(*number));
            let notes = old.map(|old| {
                let (was, is) = (old.quotas.time_zone(), org.quotas.time_zone());
                let zone = (was != is).then(|| {
                    format!(
                        "time zone changed from {was} to {is}; periods of its quotas end and begin by the new one, and what was used in them stays used"
                    )
                });
                let agreement = match (old.quotas.agreed(), org.quotas.agreed()) {
                    (false, true) => Some("it agreed to overage; soft quotas of its plan are soft from now on".to_owned()),
                    (true, false) => Some("its agreement to overage is gone; soft quotas of its plan are hard from now on".to_owned()),
                    _ => None,
                };
                zone.into_iter().chain(agreement)
            });
            notes
                .into_iter()
                .flatten()
                .map(|note| format!("org `{}`: {note}", org.name))
        })
    }
}

/// What is different, the gravest first. With new accounts nothing else needs to be said.
fn notes(before: (&Quota, &Detail), now: (&Quota, &Detail)) -> impl Iterator<Item = String> {
    let ((old, old_detail), (new, new_detail)) = (before, now);
    if old.per != new.per {
        return vec!["what it is kept per changed; new accounts begin, with nothing used".to_owned()].into_iter();
    }
    if old_detail.period != new_detail.period {
        let note = match (old_detail.period, new_detail.period) {
            (QuotaPeriod::Month { .. }, QuotaPeriod::Month { .. }) => {
                "the day on which its months begin changed; new accounts begin, with nothing used"
            }
            _ => "its period changed; new accounts begin, with nothing used",
        };
        return vec![note.to_owned()].into_iter();
    }
    let mut notes = Vec::new();
    if old.meter_name != new.meter_name {
        notes.push(format!(
            "it counts {}, no longer {}, on the same accounts; another name would begin with nothing used",
            new.meter_name, old.meter_name
        ));
    }
    if old.limit != new.limit {
        notes.push(format!(
            "its limit changed from {} to {} and takes effect in the current period; what was used stays used",
            old.limit, new.limit
        ));
    }
    match (old.hard, new.hard) {
        (true, false) => notes.push("it is soft from now on, for orgs that agreed to overage".to_owned()),
        (false, true) => notes.push("it is hard from now on; overage so far stays".to_owned()),
        _ => {}
    }
    notes.into_iter()
}
