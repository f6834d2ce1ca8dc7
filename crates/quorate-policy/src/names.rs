//! What the files of a policy declare, by name, and where: so that every reference can be judged where it stands, and
//! a name declared twice is told with both places.

use std::collections::{BTreeMap, BTreeSet};

use quorate_core::limit::METERS_MAX;

use crate::fields::Fields;
use crate::problems::{Problems, Spot, shown};
use crate::suggest;
use crate::yaml::{Entry, Node};

/// Meters that are always there, `requests` first.
pub(crate) const METERS: [&str; 5] = ["requests", "tokens", "compute_cost", "usd_micros", "bytes"];

/// Names of limits that the burst allowance and the pool have in every answer.
pub(crate) const RESERVED_LIMITS: [&str; 2] = ["burst", "pool"];

/// Everything declared.
#[derive(Debug, Default)]
pub(crate) struct Names<'n> {
    pub(crate) plans: BTreeMap<&'n str, Spot>,
    pub(crate) orgs: BTreeMap<&'n str, Spot>,
    pub(crate) keys: BTreeMap<&'n str, Spot>,
    /// Orgs by key.
    pub(crate) key_orgs: BTreeMap<&'n str, &'n str>,
    pub(crate) environments: BTreeMap<&'n str, Spot>,
    /// Endpoints by what they match.
    pub(crate) endpoints: BTreeMap<&'n str, Spot>,
    /// All meters, in order.
    pub(crate) meters: Vec<&'n str>,
    /// Slots that any plan has.
    pub(crate) slots: BTreeSet<&'n str>,
    /// Limits and quotas of all plans.
    pub(crate) plan_limits: BTreeMap<&'n str, Spot>,
    /// Limits and quotas by plan.
    pub(crate) of_plans: BTreeMap<&'n str, BTreeMap<&'n str, Spot>>,
    /// Quotas of all orgs.
    pub(crate) org_quotas: BTreeMap<&'n str, Spot>,
}

impl<'n> Names<'n> {
    /// Collects what all files declare.
    pub(crate) fn collect(documents: &'n [Node], problems: &mut Problems) -> Self {
        let mut names = Self {
            meters: METERS.to_vec(),
            ..Self::default()
        };
        let mut meters: BTreeMap<&str, Spot> = BTreeMap::new();
        for document in documents.iter().map(Node::fields) {
            declare_all(&mut names.plans, document.entries("plans"), "plan", problems);
            declare_all(&mut names.orgs, document.entries("orgs"), "org", problems);
            declare_all(&mut names.keys, document.entries("keys"), "key", problems);
            for key in document.entries("keys") {
                if let Some(org) = key.value.fields().text("org") {
                    names.key_orgs.entry(&key.name).or_insert(org.value);
                }
            }
            for environment in document.texts("environments") {
                declare(
                    &mut names.environments,
                    environment.value,
                    environment.spot,
                    "environment",
                    problems,
                );
            }
            for endpoint in document.items("endpoints") {
                if let Some(pattern) = endpoint.fields().text("match") {
                    declare(&mut names.endpoints, pattern.value, pattern.spot, "endpoint", problems);
                }
            }
            for meter in document.texts("meters") {
                if METERS.contains(&meter.value) {
                    let message = format!("meter `{}` is always there", meter.value);
                    problems.add(meter.spot, message).help("leave it out");
                } else if declare(&mut meters, meter.value, meter.spot, "meter", problems) {
                    names.meters.push(meter.value);
                    if names.meters.len() == METERS_MAX + 1 {
                        let message = format!("more than {METERS_MAX} meters, those that are always there included");
                        problems.add(meter.spot, message);
                    }
                }
            }
            names.collect_of_plans(document);
            names.collect_of_orgs(document);
        }
        names.meters.truncate(METERS_MAX);
        names
    }

    fn collect_of_plans(&mut self, document: Fields<'n>) {
        for plan in document.entries("plans") {
            let of_plan = self.of_plans.entry(&plan.name).or_default();
            let plan = plan.value.fields();
            self.slots
                .extend(plan.entries("slots").iter().map(|slot| slot.name.as_str()));
            for limit in plan.items("limits").iter().chain(plan.items("quotas")) {
                if let Some(name) = limit.fields().text("name") {
                    self.plan_limits.entry(name.value).or_insert(name.spot);
                    of_plan.entry(name.value).or_insert(name.spot);
                }
            }
        }
    }

    fn collect_of_orgs(&mut self, document: Fields<'n>) {
        for org in document.entries("orgs") {
            for quota in org.value.fields().items("quotas") {
                if let Some(name) = quota.fields().text("name") {
                    self.org_quotas.entry(name.value).or_insert(name.spot);
                }
            }
        }
    }

    /// Judges a reference to a meter.
    pub(crate) fn meter(&self, name: &str, spot: Spot, problems: &mut Problems) -> bool {
        let known = self.meters.contains(&name);
        if !known {
            let found = problems.add(spot, format!("unknown meter `{}`", shown(name)));
            found.help = suggest::nearest(name, self.meters.iter().copied())
                .map(|nearest| format!("did you mean `{nearest}`?"))
                .or_else(|| {
                    Some(format!(
                        "known: `{}`; others are declared in `meters`",
                        self.meters.join("`, `")
                    ))
                });
        }
        known
    }
}

/// Judges a reference to something declared.
pub(crate) fn refer(
    declared: &BTreeMap<&str, Spot>,
    what: &str,
    name: &str,
    spot: Spot,
    problems: &mut Problems,
) -> bool {
    let known = declared.contains_key(name);
    if !known {
        let found = problems.add(spot, format!("unknown {what} `{}`", shown(name)));
        found.help = suggest::help(name, declared.keys().copied())
            .or_else(|| declared.is_empty().then(|| format!("no {what} is declared")));
    }
    known
}

fn declare_all<'n>(declared: &mut BTreeMap<&'n str, Spot>, entries: &'n [Entry], what: &str, problems: &mut Problems) {
    for entry in entries {
        declare(declared, &entry.name, entry.spot, what, problems);
    }
}

/// Adds a declaration; whether it is the first of its name.
pub(crate) fn declare<'n>(
    declared: &mut BTreeMap<&'n str, Spot>,
    name: &'n str,
    spot: Spot,
    what: &str,
    problems: &mut Problems,
) -> bool {
    if let Some(first) = declared.get(name) {
        problems
            .add(spot, format!("{what} `{}` is declared twice", shown(name)))
            .also(*first, "first declared here");
        return false;
    }
    declared.insert(name, spot);
    true
}
