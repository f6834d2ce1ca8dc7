//! Quotas, compiled: those of a plan once for every kind of org that may be on it, those of an org as they are.

use std::sync::Arc;

use quorate_core::limit::{COUNTERS_PER_REQUEST_MAX, LIMITS_PER_REQUEST_MAX, Mode};
use quorate_core::quota::{QUOTAS_PER_REQUEST_MAX, Quota};

use super::groups::{meter, order, per};
use super::{Org, QuotaPeriod};
use crate::OnUnavailable;
use crate::model;

/// The place of the first quota in the policy: after the plan's limits, its burst and its pool, and an endpoint's limits.
const FIRST: usize = COUNTERS_PER_REQUEST_MAX + LIMITS_PER_REQUEST_MAX;

/// The HTTP status that says that somebody has to pay.
const PAYMENT_REQUIRED: u16 = 402;

/// What is known of a quota that a decision need not know.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) period: QuotaPeriod,
    pub(super) alert_at: Box<[u8]>,
    /// As stated; means nothing to an org for which the quota is hard.
    pub(super) on_unavailable: Option<OnUnavailable>,
}

/// Quotas, and the same in shadow mode for orgs that are.
#[derive(Debug, Default)]
struct Modes {
    stated: Box<[Quota]>,
    shadow: Box<[Quota]>,
}

/// The quotas of a plan.
#[derive(Debug, Default)]
pub(super) struct PlanQuotas {
    /// For orgs that agreed to overage.
    agreed: Modes,
    /// For all others, whom nobody may charge for what they did not agree to: the soft ones are hard.
    strict: Modes,
    details: Box<[Detail]>,
}

/// The quotas of an org, and what bears on those of its plan.
#[derive(Debug)]
pub(super) struct OrgQuotas {
    own: Box<[Quota]>,
    details: Box<[Detail]>,
    agreed: bool,
    time_zone: Box<str>,
}

impl PlanQuotas {
    pub(super) fn compile(plan: &model::Plan, meters: &[Arc<str>]) -> Self {
        let all = |agreed: bool, shadow: bool| {
            let quotas = plan.quotas.iter().enumerate().map(|(at, quota)| {
                let mut compiled = compile(quota, FIRST + at, shadow || plan.shadow, meters);
                compiled.hard |= !agreed;
                compiled
            });
            quotas.collect()
        };
        let modes = |agreed: bool| Modes {
            stated: all(agreed, false),
            shadow: all(agreed, true),
        };
        Self {
            agreed: modes(true),
            strict: modes(false),
            details: details(&plan.quotas),
        }
    }

    /// As they apply to an org; to one that nothing declares when there is none.
    pub(super) fn for_org(&self, org: Option<&Org>) -> &[Quota] {
        let modes = match org {
            Some(org) if org.quotas.agreed => &self.agreed,
            _ => &self.strict,
        };
        if org.is_some_and(|org| org.shadow) {
            &modes.shadow
        } else {
            &modes.stated
        }
    }

    /// As the policy states them, for orgs that agreed to overage.
    pub(super) fn stated(&self) -> impl Iterator<Item = (&Quota, &Detail)> {
        self.agreed.stated.iter().zip(&self.details)
    }

    /// Whether a quota is soft for orgs that agreed to overage.
    pub(super) fn is_soft(&self, name: &str) -> bool {
        self.stated().any(|(quota, _)| *quota.name == *name && !quota.hard)
    }

    /// The quota of that name, as it applies to an org.
    pub(super) fn find(&self, org: Option<&Org>, name: &str) -> Option<(&Quota, &Detail)> {
        find(self.for_org(org), &self.details, name)
    }
}

impl OrgQuotas {
    pub(super) fn compile(org: &model::Org, meters: &[Arc<str>]) -> Self {
        let first = FIRST + QUOTAS_PER_REQUEST_MAX;
        let own = org.quotas.iter().enumerate();
        Self {
            own: own
                .map(|(at, quota)| compile(quota, first + at, org.shadow, meters))
                .collect(),
            details: details(&org.quotas),
            agreed: org.overage.is_some(),
            time_zone: org.time_zone.as_str().into(),
        }
    }

    /// The org's own quotas.
    pub(super) fn own(&self) -> &[Quota] {
        &self.own
    }

    /// The org's own quotas, with what else is known of them.
    pub(super) fn stated(&self) -> impl Iterator<Item = (&Quota, &Detail)> {
        self.own.iter().zip(&self.details)
    }

    /// Its own quota of that name.
    pub(super) fn find(&self, name: &str) -> Option<(&Quota, &Detail)> {
        find(&self.own, &self.details, name)
    }

    /// Whether the org agreed to overage.
    pub(super) fn agreed(&self) -> bool {
        self.agreed
    }

    pub(super) fn time_zone(&self) -> &str {
        &self.time_zone
    }
}

fn find<'q>(quotas: &'q [Quota], details: &'q [Detail], name: &str) -> Option<(&'q Quota, &'q Detail)> {
    quotas.iter().zip(details).find(|(quota, _)| *quota.name == *name)
}

fn details(quotas: &[model::Quota]) -> Box<[Detail]> {
    let details = quotas.iter().map(|quota| Detail {
        period: quota.period,
        alert_at: quota.alert_at.clone().into(),
        on_unavailable: quota.on_unavailable,
    });
    details.collect()
}

fn compile(quota: &model::Quota, place: usize, shadow: bool, meters: &[Arc<str>]) -> Quota {
    let (number, meter_name) = meter(&quota.meter, meters);
    Quota {
        name: quota.name.as_str().into(),
        per: per(&quota.per),
        meter: number,
        meter_name,
        limit: quota.limit,
        hard: quota.hard,
        mode: if shadow || quota.shadow {
            Mode::Shadow
        } else {
            Mode::Enforce
        },
        warn_at: quota.warn_at.clone().into(),
        payment_required: quota.status == PAYMENT_REQUIRED,
        order: order(place),
    }
}
