//! Rules about how the parts of a policy fit together: templates that cross, too many limits or quotas on one request,
//! endpoints that a plan can never pay for, and slots that no server holds.

use quorate_core::limit::{LIMITS_PER_REQUEST_MAX, METERS_MAX};

use crate::lower::Lowering;
use crate::model::{Count, Model, Plan};
use crate::problems::{Problems, Spot};
use crate::template::{Relation, Template};

mod quotas;
mod slots;

/// The most entries of a catalogue. Templates are compared pair by pair when a policy is loaded.
pub(crate) const ENDPOINTS_MAX: usize = 10_000;

/// Judges the whole.
pub(crate) fn judge(model: &Model, lowering: &mut Lowering<'_>) {
    debug_assert!(model.meters.len() <= METERS_MAX);
    crossing_templates(lowering);
    limits_per_request(model, lowering);
    quotas::per_request(model, lowering);
    unpayable(model, lowering);
    idle_shadow(model, lowering);
    slots::beyond_the_server(model, lowering);
    quotas::one_meter(model, lowering);
    quotas::soft_for_nobody(model, lowering);
}

fn crossing_templates(lowering: &mut Lowering<'_>) {
    let templates: Vec<(&str, Spot, Template)> = lowering
        .names
        .endpoints
        .iter()
        .filter_map(|(text, spot)| Some((*text, *spot, Template::parse(text).ok()?)))
        .collect();
    if let Some((_, spot, _)) = templates.get(ENDPOINTS_MAX) {
        let message = format!("more than {ENDPOINTS_MAX} endpoints");
        lowering.problems.add(*spot, message);
        return;
    }
    // Two templates of literals only match different paths, or are one declared twice.
    let mut open: Vec<_> = templates
        .iter()
        .filter(|(_, _, template)| !template.is_literal())
        .collect();
    open.sort_by_key(|(_, spot, _)| *spot);
    for (at, (second, spot, template)) in open.iter().enumerate() {
        for (first, first_spot, other) in &open[..at] {
            tell_relation(
                (first, *first_spot),
                (second, *spot),
                template.relation(other),
                &mut lowering.problems,
            );
        }
    }
}

fn tell_relation(first: (&str, Spot), second: (&str, Spot), relation: Relation, problems: &mut Problems) {
    match relation {
        Relation::Same => {
            problems
                .add(
                    second.1,
                    format!("`{}` matches the same requests as `{}`", second.0, first.0),
                )
                .also(first.1, "declared here");
        }
        Relation::Crossing => {
            problems
                .add(
                    second.1,
                    format!(
                        "`{}` and `{}` overlap, and neither is the more specific",
                        second.0, first.0
                    ),
                )
                .help("add an entry for what both match, and make one of these narrower")
                .also(first.1, "declared here");
        }
        Relation::Apart | Relation::Inside | Relation::Around => {}
    }
}

fn limits_per_request(model: &Model, lowering: &mut Lowering<'_>) {
    for (name, plan) in &model.plans {
        if plan.limits.len() > LIMITS_PER_REQUEST_MAX
            && let Some(spot) = lowering.names.plans.get(name.as_str())
        {
            let message = format!(
                "plan `{name}` puts {} limits on one request; at most {LIMITS_PER_REQUEST_MAX} are possible",
                plan.limits.len()
            );
            lowering.problems.add(*spot, message);
        }
    }
    let largest = model
        .plans
        .iter()
        .filter(|(_, plan)| plan.limits.len() <= LIMITS_PER_REQUEST_MAX)
        .max_by_key(|(_, plan)| plan.limits.len());
    for (pattern, endpoint) in &model.endpoints {
        let (name, of_plan) = largest.map_or(("", 0), |(name, plan)| (name.as_str(), plan.limits.len()));
        let all = endpoint.limits.len() + of_plan;
        if all > LIMITS_PER_REQUEST_MAX
            && let Some(spot) = lowering.names.endpoints.get(pattern.as_str())
        {
            let message = format!(
                "a request to `{pattern}` on plan `{name}` meets {all} limits; at most {LIMITS_PER_REQUEST_MAX} are possible"
            );
            lowering.problems.add(*spot, message);
        }
    }
}

/// Warns of endpoints whose cheapest request is more than a plan ever holds: perhaps meant, and worth saying.
fn unpayable(model: &Model, lowering: &mut Lowering<'_>) {
    for (name, plan) in &model.plans {
        let Some((limit, most)) = dearest(plan) else {
            continue;
        };
        for (pattern, endpoint) in model.endpoints.iter().filter(|(_, endpoint)| !endpoint.exempt) {
            if endpoint.cost_factor > most
                && let Some(spot) = lowering.names.endpoints.get(pattern.as_str())
            {
                let message = format!(
                    "no request to `{pattern}` can ever pass on plan `{name}`: the cheapest costs {}, and `{limit}` holds {most}",
                    endpoint.cost_factor
                );
                lowering.warnings.add(*spot, message);
            }
        }
    }
}

/// The most that one request on a plan may cost, and what bounds it; `None` when nothing does.
fn dearest(plan: &Plan) -> Option<(&str, u64)> {
    let lends = match (&plan.burst, &plan.pool) {
        (Some(burst), Some(pool)) => burst.allowance.min(pool.capacity),
        _ => 0,
    };
    let limits = plan.limits.iter().filter(|limit| !limit.shadow && limit.capacity > 0);
    let priced = limits.filter(|limit| matches!(&limit.count, Count::Units(meter) if meter == "requests"));
    let holds = priced.map(|limit| {
        let lent = if limit.lifted { lends } else { 0 };
        (limit.name.as_str(), limit.capacity.saturating_add(lent))
    });
    let ceiling = plan
        .pool
        .iter()
        .filter(|pool| pool.ceiling)
        .map(|pool| ("pool", pool.capacity));
    holds.chain(ceiling).min_by_key(|(_, most)| *most)
}

/// Warns of limits that say nothing new: in shadow on a plan that is in shadow as a whole.
fn idle_shadow(model: &Model, lowering: &mut Lowering<'_>) {
    for (name, plan) in model.plans.iter().filter(|(_, plan)| plan.shadow) {
        if plan.limits.iter().any(|limit| limit.shadow)
            && let Some(spot) = lowering.names.plans.get(name.as_str())
        {
            let message = format!("plan `{name}` is in shadow mode as a whole, so the mode of its limits says nothing");
            lowering.warnings.add(*spot, message);
        }
    }
}

#[cfg(test)]
mod tests;
