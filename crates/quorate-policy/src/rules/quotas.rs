//! Rules about how the quotas of plans and orgs fit together.

use std::collections::{BTreeMap, BTreeSet};

use quorate_core::quota::QUOTAS_PER_REQUEST_MAX;

use crate::lower::Lowering;
use crate::model::Model;
use crate::problems::shown;

/// Reports more quotas than one request may meet: those of a plan, and those of a plan and an org on it.
pub(super) fn per_request(model: &Model, lowering: &mut Lowering<'_>) {
    for (name, plan) in &model.plans {
        let count = plan.quotas.len();
        if count > QUOTAS_PER_REQUEST_MAX
            && let Some(spot) = lowering.names.plans.get(name.as_str())
        {
            let message = format!(
                "plan `{name}` puts {count} quotas on one request; at most {QUOTAS_PER_REQUEST_MAX} are possible"
            );
            lowering.problems.add(*spot, message);
        }
    }
    for (name, org) in &model.orgs {
        let of_plan = model.plans.get(&org.plan).map_or(0, |plan| plan.quotas.len());
        let all = of_plan + org.quotas.len();
        // A plan that has too many by itself has been reported.
        if all > QUOTAS_PER_REQUEST_MAX
            && of_plan <= QUOTAS_PER_REQUEST_MAX
            && let Some(spot) = lowering.names.orgs.get(name.as_str())
        {
            let (name, plan) = (shown(name), &org.plan);
            let message = format!(
                "a request of org `{name}` on plan `{plan}` meets {all} quotas; at most {QUOTAS_PER_REQUEST_MAX} are possible"
            );
            lowering.problems.add(*spot, message);
        }
    }
}

/// Reports quotas of one name in units of two meters: an org that changes its plan goes on from what it has used, and
/// would go on in other units.
pub(super) fn one_meter(model: &Model, lowering: &mut Lowering<'_>) {
    let mut first = BTreeMap::new();
    for (plan, quota) in model
        .plans
        .iter()
        .flat_map(|(plan, of)| of.quotas.iter().map(move |quota| (plan, quota)))
    {
        let (earlier, meter) = *first.entry(&quota.name).or_insert((plan, &quota.meter));
        let spots = lowering.names.of_plans.get(plan.as_str());
        if *meter != quota.meter
            && let Some(spot) = spots.and_then(|spots| spots.get(quota.name.as_str()))
        {
            let message = format!(
                "quota `{}` is in units of `{}` here, and of `{meter}` in plan `{earlier}`: an org that changes its plan goes on from what it has used",
                quota.name, quota.meter
            );
            lowering.problems.add(*spot, message).help("give it another name");
        }
    }
}

/// Warns of soft quotas that are hard for everybody, since no org on the plan has agreed to overage.
pub(super) fn soft_for_nobody(model: &Model, lowering: &mut Lowering<'_>) {
    let agreed = model.orgs.values().filter(|org| org.overage.is_some());
    let plans: BTreeSet<&str> = agreed.map(|org| org.plan.as_str()).collect();
    for (name, plan) in model.plans.iter().filter(|(name, _)| !plans.contains(name.as_str())) {
        for quota in plan.quotas.iter().filter(|quota| !quota.hard) {
            let spots = lowering.names.of_plans.get(name.as_str());
            if let Some(spot) = spots.and_then(|spots| spots.get(quota.name.as_str())) {
                let message = format!(
                    "quota `{}` is soft, and hard for everybody: no org on plan `{name}` has agreed to overage",
                    quota.name
                );
                lowering
                    .warnings
                    .add(*spot, message)
                    .help("record an org's agreement in its `overage: { agreed_by: …, agreed_at: … }`");
            }
        }
    }
}
