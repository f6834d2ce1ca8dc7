//! One item of `descriptors`, with what stands below it.

use std::collections::BTreeMap;

use quorate_policy::document::{Node, Problems, Spot, shown};

use super::fields::{ALGORITHM, DESCRIPTOR, Fields, RATE_LIMIT, REPLACES, unknown_word};
use super::metadata::metadata;
use super::warnings::{Hiding, Named};
use crate::pattern::Pattern;
use crate::rules::{Level, Limit, Rate, Rule};
use crate::unit::{Algorithm, Unit, Window};

/// Where what is found goes.
pub(super) struct Lowering<'l> {
    pub(super) problems: &'l mut Problems,
    pub(super) warnings: &'l mut Problems,
    pub(super) limits: &'l mut Vec<Named>,
    /// Where each key stands first.
    pub(super) keys: &'l mut BTreeMap<Box<str>, Spot>,
}

/// What stands side by side so far.
#[derive(Default)]
pub(super) struct Growing {
    seen: BTreeMap<(Box<str>, Box<str>), Spot>,
    hiding: Hiding,
}

/// Adds the items of a list to a level.
pub(super) fn descriptors(items: &[Node], growing: &mut Growing, level: &mut Level, lowering: &mut Lowering<'_>) {
    for item in items {
        let Some(rule) = descriptor(item, lowering) else {
            continue;
        };
        let identity = (rule.key.clone(), rule.value.clone());
        if let Some(first) = growing.seen.get(&identity) {
            lowering
                .problems
                .add(item.spot, format!("{} is given twice on one level", written(&rule)))
                .also(*first, "first given here");
            continue;
        }
        growing.seen.insert(identity, item.spot);
        if !lowering.keys.contains_key(&rule.key) {
            lowering.keys.insert(rule.key.clone(), item.spot);
        }
        growing.hiding.note(&rule, item.spot, lowering.warnings);
        level.push(rule);
    }
}

fn written(rule: &Rule) -> String {
    if rule.value.is_empty() {
        format!("the key `{}`", shown(&rule.key))
    } else {
        format!("the key `{}` with the value `{}`", shown(&rule.key), shown(&rule.value))
    }
}

/// A rule; `None` when it has no key. What is wrong with the rest of it is a problem, and read as left out.
fn descriptor(item: &Node, lowering: &mut Lowering<'_>) -> Option<Rule> {
    let fields = Fields::of(item, &DESCRIPTOR, lowering.problems)?;
    let key = fields.text("key", lowering.problems);
    let value = fields.text("value", lowering.problems).unwrap_or_default();
    let limit = rate_limit(&fields, lowering);
    let mut flag = |name| fields.bool(name, lowering.problems);
    let mut rule = Rule {
        key: key.unwrap_or_default().into(),
        value: value.into(),
        limit,
        shadow_mode: flag("shadow_mode"),
        quota_mode: flag("quota_mode"),
        detailed_metric: flag("detailed_metric"),
        value_to_metric: flag("value_to_metric"),
        share_threshold: flag("share_threshold"),
        metadata: metadata(&fields, lowering.problems),
        pattern: Pattern::of(value),
        children: Level::default(),
    };
    let children = fields.list("descriptors", lowering.problems);
    descriptors(children, &mut Growing::default(), &mut rule.children, lowering);
    if fields.is_nothing("key") {
        lowering
            .problems
            .add(fields.spot_of("key"), "a descriptor without a key")
            .help("`key` is what an entry of the request is named");
    }
    let key_is_pattern = stars_in_key(&rule, &fields, lowering);
    if rule.share_threshold && rule.pattern.is_none() && !key_is_pattern {
        lowering
            .problems
            .add(
                fields.spot_of("share_threshold"),
                "`share_threshold` is for values with a `*`",
            )
            .help(if rule.value.is_empty() {
                "a key without a value counts each value for itself; `value: \"*\"` can share".to_owned()
            } else {
                "one value has one counter anyway".to_owned()
            });
    }
    (!rule.key.is_empty()).then_some(rule)
}

/// Whether the key ends in `*`. The reference lets it fit over key and value joined by `_`; at the end of a key without a
/// value that comes to all keys which begin so. Anywhere else it does not, and is a problem.
fn stars_in_key(rule: &Rule, fields: &Fields<'_>, lowering: &mut Lowering<'_>) -> bool {
    let Some(at) = rule.key.find('*') else {
        return false;
    };
    let spot = fields.spot_of("key");
    if at + 1 < rule.key.len() || !rule.value.is_empty() {
        lowering
            .problems
            .add(spot, format!("`{}` has a `*` in the key", shown(&rule.key)))
            .help("values may have a `*` anywhere; a key only as its end, and without a value");
        return true;
    }
    lowering
        .warnings
        .add(
            spot,
            format!("`{}` is met by every key that begins so", shown(&rule.key)),
        )
        .help("a `*` is mostly meant for the value");
    true
}

fn rate_limit(fields: &Fields<'_>, lowering: &mut Lowering<'_>) -> Option<Limit> {
    // `Null` is nothing too, but in this place not for the reference.
    let node = fields.node("rate_limit").filter(|node| !node.is_nothing())?;
    let limit = Fields::of(node, &RATE_LIMIT, lowering.problems)?;
    let unlimited = limit.bool("unlimited", lowering.problems);
    let unit = unit(&limit, unlimited, lowering.problems);
    let algorithm = algorithm(&limit, lowering.problems);
    let problems = lowering.problems.len();
    let requests = limit.count("requests_per_unit", lowering.problems);
    if requests.is_none() && !unlimited && problems == lowering.problems.len() {
        lowering
            .warnings
            .add(
                limit.spot_of("requests_per_unit"),
                "`requests_per_unit` is not given: it is 0, which denies every hit",
            )
            .help("write `requests_per_unit: 0` if that is meant");
    }
    let name = limit.text("name", lowering.problems).unwrap_or_default();
    let replaces = replaces(&limit, name, lowering.problems);
    if !name.is_empty() {
        lowering.limits.push(Named {
            name: name.into(),
            replaces: replaces.clone(),
            spot: limit.spot_of("name"),
        });
    }
    let rate = match unit {
        Some(unit) if !unlimited => Rate::PerUnit {
            requests: requests.unwrap_or_default(),
            window: Window { unit, algorithm },
        },
        _ => Rate::Unlimited,
    };
    Some(Limit {
        name: name.into(),
        replaces,
        rate,
    })
}

/// The unit; `None` when there is none, which is a problem unless nothing is limited.
fn unit(limit: &Fields<'_>, unlimited: bool, problems: &mut Problems) -> Option<Unit> {
    let known = || Unit::ALL.map(|unit| unit.name().to_lowercase());
    if limit.is_nothing("unit") {
        if !unlimited {
            problems
                .add(limit.spot_of("unit"), "a rate limit without a unit")
                .help(format!("known: `{}`", known().join("`, `")));
        }
        return None;
    }
    let word = limit.text("unit", problems)?;
    let unit = Unit::of_name(word);
    if unit.is_none() {
        let known = known();
        unknown_word(limit, "unit", word, known.iter().map(String::as_str), problems);
    } else if unlimited {
        problems
            .add(limit.spot_of("unit"), "a limit that is `unlimited` has no unit")
            .help("leave out one of the two");
    }
    unit
}

fn algorithm(limit: &Fields<'_>, problems: &mut Problems) -> Algorithm {
    let Some(word) = limit.text("algorithm", problems) else {
        return Algorithm::default();
    };
    let found = ALGORITHM.iter().find(|(name, _)| *name == word);
    if found.is_none() {
        unknown_word(
            limit,
            "algorithm",
            word,
            ALGORITHM.iter().map(|(name, _)| *name),
            problems,
        );
    }
    found.map(|(_, algorithm)| *algorithm).unwrap_or_default()
}

fn replaces(limit: &Fields<'_>, own: &str, problems: &mut Problems) -> Box<[Box<str>]> {
    let mut names = Vec::new();
    for item in limit.list("replaces", problems) {
        let Some(fields) = Fields::of(item, &REPLACES, problems) else {
            continue;
        };
        let Some(name) = fields.text("name", problems).filter(|name| !name.is_empty()) else {
            if fields.is_nothing("name") {
                problems
                    .add(fields.spot_of("name"), "an item of `replaces` without a name")
                    .help("`name` is the name of the limit that is dropped");
            }
            continue;
        };
        if name == own {
            problems.add(
                fields.spot_of("name"),
                format!("the limit `{}` replaces itself", shown(name)),
            );
        }
        names.push(name.into());
    }
    names.into()
}
