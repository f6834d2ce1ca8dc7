//! Rules about slots: a depth that a server will not hold for one org is worth a warning.

use std::collections::BTreeMap;

use quorate_core::slots::{SLOTS_PER_ORG_MAX, SLOTS_PER_UNDECLARED_ORG_MAX};

use crate::lower::Lowering;
use crate::model::{Model, Unknown};
use crate::problems::shown;

/// Warns of plans whose keys, or orgs whose declared keys together, may hold more slots than a server gives one org.
pub(super) fn beyond_the_server(model: &Model, lowering: &mut Lowering<'_>) {
    of_plans(model, lowering);
    of_orgs(model, lowering);
}

fn of_plans(model: &Model, lowering: &mut Lowering<'_>) {
    let open = model.unknown_org != Unknown::Deny;
    for (name, plan) in &model.plans {
        let by_default = open && model.default_plan.as_deref() == Some(name);
        let (whose, most) = if by_default {
            ("an org that nothing declares", SLOTS_PER_UNDECLARED_ORG_MAX)
        } else {
            ("an org", SLOTS_PER_ORG_MAX)
        };
        for (slot, _) in plan.slots.iter().filter(|(_, slot)| slot.depth > most) {
            if let Some(spot) = lowering.names.plans.get(name.as_str()) {
                let message = format!(
                    "plan `{name}` gives a key more slots `{slot}` than a server holds for it: {whose} holds at most {most} at once"
                );
                lowering.warnings.add(*spot, message);
            }
        }
    }
}

fn of_orgs(model: &Model, lowering: &mut Lowering<'_>) {
    let mut keys: BTreeMap<&str, u64> = BTreeMap::new();
    for key in model.keys.values() {
        *keys.entry(&key.org).or_default() += 1;
    }
    for (name, org) in &model.orgs {
        let slots = model.plans.get(&org.plan).map(|plan| plan.slots.values());
        let of_key: u64 = slots.into_iter().flatten().map(|slot| u64::from(slot.depth)).sum();
        let count = keys.get(name.as_str()).copied().unwrap_or(0);
        let all = of_key.saturating_mul(count);
        // What one key may not hold has been said of its plan.
        if count > 1
            && all > u64::from(SLOTS_PER_ORG_MAX)
            && let Some(spot) = lowering.names.orgs.get(name.as_str())
        {
            let (name, plan) = (shown(name), &org.plan);
            let message = format!(
                "the {count} keys of org `{name}` may hold {all} slots on plan `{plan}`, and one org holds at most {SLOTS_PER_ORG_MAX} at once"
            );
            lowering.warnings.add(*spot, message);
        }
    }
}
