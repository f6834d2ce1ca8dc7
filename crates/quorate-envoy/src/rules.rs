//! The rules in force: domains, and in each a tree of rules. Immutable once loaded.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::charge::Charge;
use crate::metadata::Map;
use crate::native::Native;
use crate::pattern::Pattern;
use crate::unit::Window;

/// All domains.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(crate) domains: BTreeMap<Box<str>, Domain>,
}

/// One domain.
#[derive(Clone, Debug)]
pub struct Domain {
    pub(crate) name: Box<str>,
    pub(crate) charge: Option<Charge>,
    pub(crate) native: Option<Native>,
    pub(crate) level: Level,
}

/// One item of `descriptors`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its key, which may end in `*`.
    pub key: Box<str>,
    /// Its value; empty for any, each of which is counted for itself.
    pub value: Box<str>,
    /// Its limit. Without one, what it matches passes, and no other rule is asked.
    pub limit: Option<Limit>,
    /// What is over its limit passes.
    pub shadow_mode: bool,
    /// Its limit denies only together with every other quota of the request.
    pub quota_mode: bool,
    /// Its metrics carry every value of the descriptor.
    pub detailed_metric: bool,
    /// Its metrics carry the value that it matched.
    pub value_to_metric: bool,
    /// All values that its `*` fits share one counter.
    pub share_threshold: bool,
    /// What is said of a request that it passed.
    pub metadata: Map,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) children: Level,
}

/// What a rule limits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name, which limits may share; empty for none.
    pub name: Box<str>,
    /// Names of the limits that are dropped when this one is met.
    pub replaces: Box<[Box<str>]>,
    /// How much passes.
    pub rate: Rate,
}

/// How much passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Everything, uncounted.
    Unlimited,
    /// So many per window.
    PerUnit {
        /// The limit; 0 denies every hit.
        requests: u32,
        /// The window.
        window: Window,
    },
}

impl Rules {
    /// A domain, by its name as the request spells it.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.get(name)
    }

    /// All domains, by name.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.domains.values()
    }

    /// Whether there is no domain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }
}

impl Domain {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its requests are charged, if the domain says so.
    #[must_use]
    pub const fn charge(&self) -> Option<Charge> {
        self.charge
    }

    /// How descriptors for the native pipeline are read, if the domain is mapped to it.
    #[must_use]
    pub const fn native(&self) -> Option<&Native> {
        self.native.as_ref()
    }

    /// Whether the native pipeline decides on a descriptor, and no rule does: in a mapped domain on those that have any of
    /// the entries that the mapping names, and on all where the domain has no rules.
    #[must_use]
    pub fn is_native(&self, entries: &[(&str, &str)]) -> bool {
        let mapping = self.native.as_ref();
        mapping.is_some_and(|mapping| self.level.is_empty() || mapping.names(entries))
    }

    /// How many rules it has, on all levels.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.level.count()
    }
}

/// The rules that stand side by side, in the order in which they are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    rules: Vec<Rule>,
    keys: HashMap<Box<str>, Keyed, FixedState>,
    /// Rules whose key ends in `*`.
    key_patterns: Vec<usize>,
}

/// The rules of one key.
#[derive(Clone, Debug, Default)]
struct Keyed {
    /// By the value as it is written, those with a `*` included: a request may spell the pattern itself.
    exact: HashMap<Box<str>, usize, FixedState>,
    /// Those with a `*` in the value, in order.
    patterns: Vec<usize>,
    bare: Option<usize>,
}

impl Level {
    /// Adds a rule behind the others. No two have one key and value.
    pub(crate) fn push(&mut self, rule: Rule) {
        let at = self.rules.len();
        if rule.key_prefix().is_some() {
            self.key_patterns.push(at);
        } else {
            let keyed = self.keys.entry(rule.key.clone()).or_default();
            if rule.value.is_empty() {
                keyed.bare = Some(at);
            } else {
                keyed.exact.insert(rule.value.clone(), at);
            }
            if rule.pattern.is_some() {
                keyed.patterns.push(at);
            }
        }
        self.rules.push(rule);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule that an entry meets here: of its key and value, else the first listed whose `*` fits, else of the key
    /// alone.
    pub(crate) fn find(&self, key: &str, value: &str) -> Option<&Rule> {
        let keyed = self.keys.get(key);
        let exact = keyed.and_then(|keyed| keyed.exact.get(value)).copied();
        let at = exact
            .or_else(|| self.first_fitting(keyed, key, value))
            .or_else(|| keyed.and_then(|keyed| keyed.bare))?;
        self.rules.get(at)
    }

    fn first_fitting(&self, keyed: Option<&Keyed>, key: &str, value: &str) -> Option<usize> {
        let by_value = keyed.and_then(|keyed| {
            let fits = |at: &&usize| {
                self.rules[**at]
                    .pattern
                    .as_ref()
                    .is_some_and(|pattern| pattern.fits(value))
            };
            keyed.patterns.iter().find(fits)
        });
        let by_key = self.key_patterns.iter().find(|at| {
            self.rules[**at]
                .key_prefix()
                .is_some_and(|prefix| key.starts_with(prefix))
        });
        by_value.into_iter().chain(by_key).min().copied()
    }

    fn count(&self) -> usize {
        self.rules.iter().map(|rule| 1 + rule.children.count()).sum()
    }
}

impl Rule {
    /// What the keys begin with that a key ending in `*` fits.
    fn key_prefix(&self) -> Option<&str> {
        self.key.strip_suffix('*')
    }

    /// What stands for the value of an entry in the name of its counter.
    pub(crate) fn counted_value<'a>(&'a self, value: &'a str) -> &'a str {
        match (self.share_threshold, self.value.is_empty()) {
            (false, _) => value,
            (true, false) => &self.value,
            (true, true) => &self.key,
        }
    }
}
