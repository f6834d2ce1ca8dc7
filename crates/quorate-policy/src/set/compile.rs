//! From a checked policy to its set: names become numbers, limits become groups, boosts become factors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_core::factor::Factor;
use quorate_core::state::layout::{Layouts, LayoutsFull};
use quorate_core::terms::Amounts;
use quorate_core::time::Instant;

use super::groups::Grouping;
use super::quotas::{OrgQuotas, PlanQuotas};
use super::{Endpoint, Groups, Key, OTHER, Org, Plan, PolicySet, Slot};
use crate::Checked;
use crate::model::{self, Model};
use crate::routes::{Map, Routes};
use crate::template::Template;

/// The numbers of names, by their order.
type Numbers<'m> = BTreeMap<&'m str, usize>;

pub(super) fn compile(checked: &Checked, sequence: u64, layouts: &mut Layouts) -> Result<PolicySet, LayoutsFull> {
    let model = &*checked.model;
    let meters: Arc<[Arc<str>]> = model.meters.iter().map(|name| name.as_str().into()).collect();
    let slots: BTreeSet<&str> = model
        .plans
        .values()
        .flat_map(|plan| plan.slots.keys().map(String::as_str))
        .collect();
    let slots = numbers(slots);
    let plan_numbers = numbers(model.plans.keys().map(String::as_str));
    let endpoint_numbers = numbers(model.endpoints.keys().map(String::as_str));

    let mut grouping = Grouping::new(layouts, &meters);
    let plans = model
        .plans
        .iter()
        .map(|(name, plan)| compile_plan(name, plan, &slots, &mut grouping, &meters));
    let plans = plans.collect::<Result<_, _>>()?;
    let endpoints = model.endpoints.iter().enumerate().map(|(number, (pattern, endpoint))| {
        compile_endpoint(number, pattern, endpoint, &slots, &mut grouping, &model.meters)
    });
    let endpoints: Box<[Endpoint]> = endpoints.collect::<Result<_, _>>()?;

    let orgs = compile_orgs(model, &plan_numbers, &endpoint_numbers, &meters);
    let org_numbers: Map<Arc<str>, usize> = orgs
        .iter()
        .enumerate()
        .map(|(number, org)| (Arc::clone(&org.name), number))
        .collect();
    let keys = compile_keys(model, &org_numbers);
    let credentials = model.keys.values().enumerate();
    Ok(PolicySet {
        sequence,
        content_hash: Arc::clone(&checked.content_hash),
        headers: model.headers.clone().into(),
        unknown_org: model.unknown_org,
        unknown_key: model.unknown_key,
        default_plan: model
            .default_plan
            .as_deref()
            .and_then(|name| plan_numbers.get(name))
            .copied(),
        routes: routes(&endpoints),
        credentials: credentials
            .filter_map(|(number, key)| Some((key.credential_hash?, number)))
            .collect(),
        key_numbers: keys
            .iter()
            .enumerate()
            .map(|(number, key)| (Arc::clone(&key.name), number))
            .collect(),
        quotas_declared: checked.quotas_declared(),
        other: other(),
        meters,
        plans,
        endpoints,
        orgs,
        keys,
        org_numbers,
    })
}

fn numbers<'m>(names: impl IntoIterator<Item = &'m str>) -> Numbers<'m> {
    names
        .into_iter()
        .enumerate()
        .map(|(number, name)| (name, number))
        .collect()
}

fn compile_plan(
    name: &str,
    plan: &model::Plan,
    slots: &Numbers<'_>,
    grouping: &mut Grouping<'_>,
    meters: &[Arc<str>],
) -> Result<Plan, LayoutsFull> {
    let slot = |name: &&str| {
        plan.slots.get(*name).map(|slot| Slot {
            name: (*name).into(),
            depth: slot.depth,
            ttl_ns: slot.ttl,
        })
    };
    Ok(Plan {
        name: name.into(),
        groups: grouping.plan(plan)?,
        slots: slots.keys().map(slot).collect(),
        quotas: PlanQuotas::compile(plan, meters),
        shadow: plan.shadow,
    })
}

fn compile_endpoint(
    number: usize,
    pattern: &str,
    endpoint: &model::Endpoint,
    slots: &Numbers<'_>,
    grouping: &mut Grouping<'_>,
    meters: &[String],
) -> Result<Endpoint, LayoutsFull> {
    let mut prices = Amounts::default();
    for (price, meter) in prices.0.iter_mut().zip(meters) {
        *price = endpoint.amounts.get(meter).copied().unwrap_or(0);
    }
    Ok(Endpoint {
        pattern: pattern.into(),
        number: Some(number),
        cost_factor: endpoint.cost_factor,
        prices,
        groups: grouping.endpoint(&endpoint.limits)?,
        slot: endpoint.slot.as_deref().and_then(|name| slots.get(name)).copied(),
        scopes_any: boxed(&endpoint.scopes_any),
        scopes_all: boxed(&endpoint.scopes_all),
        environments: boxed(&endpoint.environments),
        forbid: endpoint.forbid,
        exempt: endpoint.exempt,
    })
}

/// What applies where no endpoint matches: the plan's limits, at factor 1.
fn other() -> Endpoint {
    Endpoint {
        pattern: OTHER.into(),
        number: None,
        cost_factor: 1,
        prices: Amounts::default(),
        groups: Groups::default(),
        slot: None,
        scopes_any: Box::default(),
        scopes_all: Box::default(),
        environments: Box::default(),
        forbid: false,
        exempt: false,
    }
}

fn routes(endpoints: &[Endpoint]) -> Routes {
    let mut routes = Routes::default();
    for (number, endpoint) in endpoints.iter().enumerate() {
        let template = Template::parse(&endpoint.pattern).expect("templates are checked");
        routes.add(&endpoint.pattern, &template, number);
    }
    routes
}

fn compile_orgs(model: &Model, plans: &Numbers<'_>, endpoints: &Numbers<'_>, meters: &[Arc<str>]) -> Box<[Org]> {
    let with_keys: BTreeSet<&str> = model.keys.values().map(|key| key.org.as_str()).collect();
    let orgs = model.orgs.iter().map(|(name, org)| {
        let boosts = org
            .boosts
            .iter()
            .filter(|boost| boost.keys.is_empty() && boost.endpoints.is_empty());
        let incidents = org.incidents.iter().map(|incident| Factor {
            hundredths: model.incident_factor_hundredths,
            from: Instant(incident.from),
            until: Instant(incident.until),
        });
        let named: BTreeSet<&str> = org
            .boosts
            .iter()
            .flat_map(|boost| &boost.endpoints)
            .map(String::as_str)
            .collect();
        let of_endpoint = |pattern: &&str| {
            let boosts = org
                .boosts
                .iter()
                .filter(|boost| boost.endpoints.iter().any(|of| of == pattern));
            Some((*endpoints.get(*pattern)?, boosts.map(factor).collect()))
        };
        Org {
            name: name.as_str().into(),
            plan: plans.get(org.plan.as_str()).copied().expect("plans are checked"),
            state: org.state,
            shadow: org.shadow,
            declares_keys: with_keys.contains(name.as_str()),
            factors: boosts.map(factor).chain(incidents).collect(),
            endpoint_factors: named.iter().filter_map(of_endpoint).collect(),
            quotas: OrgQuotas::compile(org, meters),
        }
    });
    orgs.collect()
}

fn compile_keys(model: &Model, orgs: &Map<Arc<str>, usize>) -> Box<[Key]> {
    let keys = model.keys.iter().map(|(name, key)| {
        let boosts = model.orgs.get(&key.org).map_or(&[][..], |org| &org.boosts);
        let own = boosts.iter().filter(|boost| boost.keys.contains(name));
        Key {
            name: name.as_str().into(),
            org: orgs.get(key.org.as_str()).copied().expect("orgs are checked"),
            environment: key.environment.as_deref().map(Box::from),
            scopes: boxed(&key.scopes),
            state: key.state,
            expires: key.expires.map_or(Instant::MAX, Instant),
            factors: own.map(factor).collect(),
        }
    });
    keys.collect()
}

fn factor(boost: &model::Boost) -> Factor {
    Factor {
        hundredths: boost.factor_hundredths,
        from: Instant(boost.from),
        until: Instant(boost.until),
    }
}

fn boxed(names: &[String]) -> Box<[Box<str>]> {
    names.iter().map(|name| name.as_str().into()).collect()
}
