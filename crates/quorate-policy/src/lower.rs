//! From nodes to the model: every rule that can be judged where one thing stands, with defaults filled in. Rules
//! about how things fit together are in [`crate::rules`].

use std::collections::BTreeMap;

use crate::model::{Model, State};
use crate::names::Names;
use crate::problems::{At, Problems, Spot};
use crate::yaml::Node;

mod endpoint;
mod limit;
mod org;
mod plan;
mod quota;
mod settings;

pub(crate) use settings::Settings;

/// What lowering knows and finds.
pub(crate) struct Lowering<'n> {
    pub(crate) names: Names<'n>,
    pub(crate) settings: Settings,
    pub(crate) problems: Problems,
    pub(crate) warnings: Problems,
    /// Limits of endpoints, by name: one answer may name them beside any plan's.
    pub(crate) endpoint_limits: BTreeMap<&'n str, Spot>,
}

/// Lowers all files of a policy, which add up.
pub(crate) fn lower<'n>(documents: &'n [Node], mut problems: Problems) -> (Model, Lowering<'n>) {
    let names = Names::collect(documents, &mut problems);
    let settings = Settings::read(documents, &names, &mut problems);
    let mut lowering = Lowering {
        names,
        settings,
        problems,
        warnings: Problems::default(),
        endpoint_limits: BTreeMap::new(),
    };
    let mut model = Model {
        default_plan: lowering.settings.plan.clone(),
        unknown_org: lowering.settings.unknown_org,
        unknown_key: lowering.settings.unknown_key,
        headers: lowering.settings.headers.clone(),
        incident_factor_hundredths: lowering.settings.incident_factor,
        environments: lowering
            .names
            .environments
            .keys()
            .map(|name| (*name).to_owned())
            .collect(),
        meters: lowering.names.meters.iter().map(|name| (*name).to_owned()).collect(),
        ..Model::default()
    };
    for document in documents.iter().map(Node::fields) {
        for entry in document.entries("plans") {
            let plan = lowering.plan(&entry.name, &entry.value);
            model.plans.entry(entry.name.clone()).or_insert(plan);
        }
        for node in document.items("endpoints") {
            if let Some((pattern, endpoint)) = lowering.endpoint(node) {
                model.endpoints.entry(pattern.to_owned()).or_insert(endpoint);
            }
        }
        for entry in document.entries("orgs") {
            let org = lowering.org(entry);
            model.orgs.entry(entry.name.clone()).or_insert(org);
        }
        for entry in document.entries("keys") {
            if let Some(key) = lowering.key(&entry.value) {
                model.keys.entry(entry.name.clone()).or_insert(key);
            }
        }
    }
    lowering.distinct_credentials(documents);
    (model, lowering)
}

/// Reads a state; what it may be has been checked by its shape.
fn state(text: &str) -> State {
    match text {
        "paused" => State::Paused,
        "suspended" => State::Suspended,
        "revoked" => State::Revoked,
        "banned" => State::Banned,
        _ => State::Active,
    }
}

/// Whether a `mode` says shadow.
fn is_shadow(mode: Option<At<&str>>) -> bool {
    mode.is_some_and(|mode| mode.value == "shadow")
}

/// Owned, sorted, each once.
fn sorted(texts: Vec<At<&str>>) -> Vec<String> {
    let mut texts: Vec<String> = texts.into_iter().map(|text| text.value.to_owned()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
