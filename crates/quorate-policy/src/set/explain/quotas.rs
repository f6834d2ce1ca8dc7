//! The quotas that a request meets, each in words.

use quorate_core::limit::Mode;
use quorate_core::quota::Quota;
use quorate_core::request::Request;
use quorate_core::terms::Terms;
use serde::Serialize;

use super::limits::{meets, whose};
use crate::set::identify::Identified;
use crate::set::{PolicySet, QuotaDefinition, QuotaPeriod};

/// One quota that would be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedQuota {
    /// Its name.
    pub name: String,
    /// Units per period.
    pub limit: u64,
    /// What the request would take of it.
    pub cost: u64,
    /// Never overspent.
    pub hard: bool,
    /// All of it in words.
    pub text: String,
}

impl PolicySet {
    /// Every quota that a request meets, in the order in which ties are decided.
    pub(super) fn explain_quotas(
        &self,
        request: &Request<'_>,
        who: &Identified<'_>,
        terms: &Terms<'_>,
    ) -> Vec<ExplainedQuota> {
        let met = terms.quotas().filter(|quota| meets(&quota.per, request));
        met.filter_map(|quota| {
            let definition = self.quota(who.org_name, &quota.name)?;
            let amount = terms.amounts.0.get(usize::from(quota.meter.0)).copied();
            Some(ExplainedQuota {
                name: quota.name.to_string(),
                limit: quota.limit,
                cost: amount.unwrap_or(0),
                hard: quota.hard,
                text: self.in_words(quota, &definition, who),
            })
        })
        .collect()
    }

    fn in_words(&self, quota: &Quota, definition: &QuotaDefinition<'_>, who: &Identified<'_>) -> String {
        let plan = who.plan.and_then(|number| self.plans.get(number));
        let hardened = quota.hard && plan.is_some_and(|plan| plan.quotas.is_soft(&quota.name));
        let kind = match (quota.hard, hardened) {
            (_, true) => "soft for orgs that agreed to overage, hard for this one",
            (true, false) => "never overspent",
            (false, false) => "allowed beyond as overage",
        };
        let shadow = if quota.mode == Mode::Shadow {
            ", in shadow mode"
        } else {
            ""
        };
        format!(
            "{} units of {} {}, {}, {kind}{shadow}",
            quota.limit,
            quota.meter_name,
            every(definition),
            whose(&quota.per)
        )
    }
}

fn every(definition: &QuotaDefinition<'_>) -> String {
    let zone = definition.time_zone;
    match definition.period {
        QuotaPeriod::Hour => format!("per hour in {zone}"),
        QuotaPeriod::Day => format!("per day in {zone}"),
        QuotaPeriod::Week => format!("per week in {zone}"),
        QuotaPeriod::Month { anchor_day: 1 } => format!("per month in {zone}"),
        QuotaPeriod::Month { anchor_day } => format!("per month from day {anchor_day} in {zone}"),
        QuotaPeriod::Year => format!("per year in {zone}"),
        QuotaPeriod::Lifetime => "in all".to_owned(),
    }
}
