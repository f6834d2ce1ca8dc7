//! The settings of a policy: what holds where nothing else is said, and the bounds of boosts and incidents.

use crate::HeaderProfile;
use crate::fields::Fields;
use crate::model::{OnUnavailable, Unknown};
use crate::names::{Names, refer};
use crate::problems::{At, Problems};
use crate::scalar;
use crate::yaml::Node;

const HOUR_NS: u64 = 3_600 * 1_000_000_000;

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) plan: Option<String>,
    pub(crate) unknown_org: Unknown,
    pub(crate) unknown_key: Unknown,
    pub(crate) warn_at: Option<u8>,
    pub(crate) on_unavailable: OnUnavailable,
    pub(crate) headers: Vec<HeaderProfile>,
    /// In hundredths.
    pub(crate) boost_factor: (u32, u32),
    /// In nanoseconds.
    pub(crate) boost_duration: (u64, u64),
    pub(crate) approvals: u64,
    /// In hundredths.
    pub(crate) incident_factor: u32,
    /// In nanoseconds.
    pub(crate) incident_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plan: None,
            unknown_org: Unknown::DefaultPlan,
            unknown_key: Unknown::Auto,
            warn_at: Some(80),
            on_unavailable: OnUnavailable::LocalShare,
            headers: Vec::new(),
            boost_factor: (200, 500),
            boost_duration: (24 * HOUR_NS, 72 * HOUR_NS),
            approvals: 2,
            incident_factor: 500,
            incident_max: 72 * HOUR_NS,
        }
    }
}

impl Settings {
    /// Reads the settings of all files; each section may stand in one of them.
    pub(crate) fn read(documents: &[Node], names: &Names<'_>, problems: &mut Problems) -> Self {
        let mut settings = Self::default();
        if let Some(node) = only(documents, "defaults", problems) {
            settings.read_defaults(node.fields(), names, problems);
        }
        settings.default_plan_named(documents, problems);
        if let Some(node) = only(documents, "headers", problems) {
            settings.read_headers(node, problems);
        }
        if let Some(node) = only(documents, "boosts", problems) {
            settings.read_boosts(node.fields(), problems);
        }
        if let Some(node) = only(documents, "incidents", problems) {
            let incidents = node.fields();
            if let Some(factor) = incidents.read("factor", scalar::factor) {
                at_least_one(factor, problems);
                settings.incident_factor = factor.value;
            }
            if let Some(max) = incidents.read("max", scalar::duration) {
                settings.incident_max = max.value;
            }
        }
        settings
    }

    /// Reports that orgs which nothing declares have no plan. What was meant to name one has been reported already.
    fn default_plan_named(&self, documents: &[Node], problems: &mut Problems) {
        let tried = |document: &Node| match document.fields().node("defaults") {
            Some(defaults) => !defaults.is_mapping() || defaults.fields().node("plan").is_some(),
            None => !document.is_mapping(),
        };
        if self.plan.is_some() || self.unknown_org == Unknown::Deny || documents.iter().any(tried) {
            return;
        }
        let spots = documents.iter().map(|document| document.fields().name_spot("defaults"));
        let first = documents.first().map(|document| document.spot);
        let Some(spot) = spots.flatten().next().or(first) else {
            return;
        };
        problems
            .add(spot, "no plan is named for orgs that nothing declares")
            .help("name it in `defaults: { plan: … }`, or deny such orgs with `unknown_org: deny`");
    }

    fn read_defaults(&mut self, defaults: Fields<'_>, names: &Names<'_>, problems: &mut Problems) {
        if let Some(plan) = defaults.text("plan") {
            refer(&names.plans, "plan", plan.value, plan.spot, problems);
            self.plan = Some(plan.value.to_owned());
        }
        if let Some(word) = defaults.text("unknown_org") {
            self.unknown_org = unknown(word.value);
        }
        if let Some(word) = defaults.text("unknown_key") {
            self.unknown_key = unknown(word.value);
        }
        self.warn_at = warn_at(defaults, self.warn_at);
        self.on_unavailable = on_unavailable(defaults).unwrap_or(self.on_unavailable);
    }

    fn read_headers(&mut self, node: &Node, problems: &mut Problems) {
        for word in node.items().iter().filter_map(Node::text) {
            let Some(profile) = HeaderProfile::named(word.value) else {
                continue;
            };
            if self.headers.contains(&profile) {
                problems.add(word.spot, format!("header profile `{}` is listed twice", word.value));
            } else {
                self.headers.push(profile);
            }
        }
    }

    fn read_boosts(&mut self, boosts: Fields<'_>, problems: &mut Problems) {
        if let Some((min, max)) = range(boosts, "factor", scalar::factor, problems) {
            at_least_one(min, problems);
            self.boost_factor = (min.value, max.value);
        }
        if let Some((min, max)) = range(boosts, "duration", scalar::duration, problems) {
            self.boost_duration = (min.value, max.value);
        }
        if let Some(approvals) = boosts.read("approvals", scalar::integer) {
            self.approvals = approvals.value;
        }
    }
}

/// A section that one file may have.
fn only<'n>(documents: &'n [Node], section: &str, problems: &mut Problems) -> Option<&'n Node> {
    let mut found = documents.iter().map(Node::fields).filter_map(|fields| {
        let spot = fields.name_spot(section)?;
        Some((fields.node(section)?, spot))
    });
    let (node, first) = found.next()?;
    for (_, spot) in found {
        problems
            .add(spot, format!("`{section}` is given in two files"))
            .also(first, "first given here");
    }
    Some(node)
}

fn range<T: Ord + Copy>(
    fields: Fields<'_>,
    name: &str,
    meaning: impl Fn(&str) -> Result<T, String>,
    problems: &mut Problems,
) -> Option<(At<T>, At<T>)> {
    let [min, max] = fields.items(name) else {
        return None;
    };
    let (min, max) = (min.read(&meaning)?, max.read(&meaning)?);
    if min.value > max.value {
        problems.add(min.spot, format!("`{name}`: the smallest is larger than the largest"));
        return None;
    }
    Some((min, max))
}

/// A factor below one would lower limits, which no boost may.
fn at_least_one(factor: At<u32>, problems: &mut Problems) {
    if factor.value < quorate_core::factor::ONE {
        let message = format!("`factor`: {} would lower limits", scalar::written_factor(factor.value));
        problems
            .add(factor.spot, message)
            .help("expected a factor of at least 1");
    }
}

fn unknown(word: &str) -> Unknown {
    match word {
        "auto" => Unknown::Auto,
        "deny" => Unknown::Deny,
        _ => Unknown::DefaultPlan,
    }
}

/// A `warn_at`, or what holds without it.
pub(super) fn warn_at(fields: Fields<'_>, otherwise: Option<u8>) -> Option<u8> {
    match fields.text("warn_at") {
        Some(word) if word.value == "never" => None,
        Some(word) => scalar::percent(word.value).ok().or(otherwise),
        None => otherwise,
    }
}

/// An `on_unavailable`, if there is one.
pub(super) fn on_unavailable(fields: Fields<'_>) -> Option<OnUnavailable> {
    match fields.text("on_unavailable")?.value {
        "allow" => Some(OnUnavailable::Allow),
        "deny" => Some(OnUnavailable::Deny),
        "local_share" => Some(OnUnavailable::LocalShare),
        _ => None,
    }
}
