//! What is allowed and hardly meant: rules that nothing can meet, and limits that replace each other.

use std::collections::BTreeMap;

use quorate_policy::document::{Problems, Spot, shown};

use crate::native::Native;
use crate::pattern::Pattern;
use crate::rules::Rule;

/// How many patterns of one key a new one is compared with: enough for what people write, and no more than a moment for a
/// file that is made of nothing else.
const COMPARED_MAX: usize = 256;

/// The patterns of one level, by key.
#[derive(Default)]
pub(super) struct Hiding {
    patterns: BTreeMap<Box<str>, Vec<(Pattern, Spot)>>,
}

impl Hiding {
    /// Notes a rule, and warns if an earlier one takes everything that could meet it.
    pub(super) fn note(&mut self, rule: &Rule, spot: Spot, warnings: &mut Problems) {
        let earlier = self.patterns.entry(rule.key.clone()).or_default();
        // A pattern whose text fits another pattern fits nothing that the other does not: no star of the text can be met
        // but by a star.
        if let Some(pattern) = &rule.pattern {
            let hides = |known: &&(Pattern, Spot)| known.0.fits(&rule.value);
            if let Some((_, first)) = earlier.iter().take(COMPARED_MAX).find(hides) {
                warnings
                    .add(
                        spot,
                        format!("`{}: {}` is never met", shown(&rule.key), shown(&rule.value)),
                    )
                    .also(*first, "this one is met first, by all of its values");
            }
            earlier.push((pattern.clone(), spot));
        }
    }
}

/// Warns of rules whose key names whom the policy is asked about: descriptors with such an entry are not for rules.
pub(super) fn of_the_policy(mapping: &Native, keys: &BTreeMap<Box<str>, Spot>, warnings: &mut Problems) {
    for key in mapping.keys() {
        if let Some(spot) = keys.get(key) {
            warnings
                .add(*spot, format!("rules for `{}` are never met", shown(key)))
                .help("`native` of this domain has the policy decide on descriptors with that entry");
        }
    }
}

/// A limit with a name.
pub(super) struct Named {
    pub(super) name: Box<str>,
    pub(super) replaces: Box<[Box<str>]>,
    pub(super) spot: Spot,
}

/// Warns of names that replace each other in a circle: where all of them match, none is left.
pub(super) fn cycles(limits: &[Named], warnings: &mut Problems) {
    let mut edges: BTreeMap<&str, Vec<(&str, Spot)>> = BTreeMap::new();
    for limit in limits {
        let to = limit.replaces.iter().map(|name| (&**name, limit.spot));
        edges.entry(&limit.name).or_default().extend(to);
    }
    let mut done: BTreeMap<&str, bool> = BTreeMap::new();
    for start in edges.keys().copied() {
        if done.contains_key(start) {
            continue;
        }
        // Depth first: names on the way are marked false, names that lead nowhere new true.
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        done.insert(start, false);
        while let Some((name, next)) = way.last_mut() {
            let from = *name;
            let Some((to, spot)) = edges.get(from).and_then(|edges| edges.get(*next)).copied() else {
                done.insert(from, true);
                way.pop();
                continue;
            };
            *next += 1;
            match done.get(to) {
                Some(true) => {}
                // A limit that replaces its own name is refused; another limit may have that name.
                Some(false) if to != from => {
                    let message = format!(
                        "the limits `{}` and `{}` replace each other, if not directly",
                        shown(from),
                        shown(to)
                    );
                    warnings
                        .add(spot, message)
                        .help("for a request that meets all limits of such a circle none is left");
                }
                Some(false) => {}
                None => {
                    done.insert(to, false);
                    way.push((to, 0));
                }
            }
        }
    }
}
