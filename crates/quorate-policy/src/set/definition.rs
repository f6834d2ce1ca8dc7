//! What the driver of leases has to know of a quota, and a decision need not: its calendar, when to alert, and what to do
//! while the store is away.

use quorate_core::limit::Algorithm;
use quorate_core::time::Period;
use serde::Serialize;

use super::quotas::Detail;
use super::{Org, Plan, PolicySet};
use crate::OnUnavailable;
use crate::model::Unknown;

/// Where the calendar periods of an org begin that says nothing else, or that nothing declares.
pub(crate) const UTC: &str = "UTC";

/// A calendar period, in the org's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum QuotaPeriod {
    /// By the clock.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From a day of the month.
    Month {
        /// The day, from 1 to 31; in shorter months their last.
        anchor_day: u8,
    },
    /// From the first of January.
    Year,
    /// Once.
    Lifetime,
}

/// A quota as it applies to one org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaDefinition<'a> {
    /// Its name.
    pub name: &'a str,
    /// Units per period.
    pub limit: u64,
    /// Never overspent. A plan's soft quota is, too, for an org that has not agreed to overage.
    pub hard: bool,
    /// Per which period.
    pub period: QuotaPeriod,
    /// The org's time zone, by its name in the IANA database.
    pub time_zone: &'a str,
    /// At which uses to alert, in whole percent; sorted.
    pub alert_at: &'a [u8],
    /// What to do while the store is away; `None` when it is hard.
    pub on_unavailable: Option<OnUnavailable>,
}

impl PolicySet {
    /// The quota of that name that applies to an org, declared or served on the default plan; `None` when none does.
    #[must_use]
    pub fn quota(&self, org: &str, quota: &str) -> Option<QuotaDefinition<'_>> {
        let (declared, plan) = self.plan_of(org);
        let of_plan = plan.and_then(|plan| plan.quotas.find(declared, quota));
        let (found, detail) = of_plan.or_else(|| declared?.quotas.find(quota))?;
        let Detail {
            period,
            alert_at,
            on_unavailable,
        } = detail;
        Some(QuotaDefinition {
            name: &found.name,
            limit: found.limit,
            hard: found.hard,
            period: *period,
            time_zone: declared.map_or(UTC, |declared| declared.quotas.time_zone()),
            alert_at,
            on_unavailable: on_unavailable.filter(|_| !found.hard),
        })
    }

    /// How the burst pool of that name of an org, declared or served on the default plan, refills while no boost bears on
    /// it: units, and the time in which they come back. `None` when it has none.
    #[must_use]
    pub fn pool_refill(&self, org: &str, pool: &str) -> Option<(u64, Period)> {
        let (_, plan) = self.plan_of(org);
        let mut limits = plan?.groups.stated.iter().flat_map(|group| &group.limits);
        limits.find_map(|limit| match limit.algorithm {
            Algorithm::Pool { refill, every, .. } if *limit.name == *pool => Some((refill, every)),
            _ => None,
        })
    }

    /// An org, if it is declared, and the plan that it is served on.
    fn plan_of(&self, org: &str) -> (Option<&Org>, Option<&Plan>) {
        let declared = self.org_numbers.get(org).and_then(|number| self.orgs.get(*number));
        let plan = match declared {
            Some(declared) => Some(declared.plan),
            None => self.default_plan.filter(|_| self.serves_the_undeclared()),
        };
        (declared, plan.and_then(|number| self.plans.get(number)))
    }

    /// Whether anybody of an org that nothing declares is served: all its keys are unknown ones.
    fn serves_the_undeclared(&self) -> bool {
        self.unknown_org != Unknown::Deny && self.unknown_key != Unknown::Deny
    }
}
