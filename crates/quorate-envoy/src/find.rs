//! What a descriptor meets: the rule or the override that limits it, and the counter that this is counted on.

use std::fmt::Write as _;

use crate::metadata::Map;
use crate::request::{Descriptor, Override};
use crate::rules::{Domain, Limit, Rate, Rule};
use crate::unit::{Algorithm, Unit, Window};

/// What limits a descriptor.
#[derive(Clone, Debug)]
pub struct Matched<'r> {
    domain: &'r Domain,
    by: By<'r>,
}

#[derive(Clone, Debug)]
enum By<'r> {
    /// The rules that its entries met, level by level. The last one has the limit.
    Rules(Vec<&'r Rule>, &'r Limit),
    /// The limit that came with it.
    Override(u32, Unit),
}

/// An override whose unit is 0 or a number that no unit has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownUnit(pub i32);

impl Domain {
    /// What limits a descriptor: the limit that came with it, else that of the rule which its entries lead to. Entries are
    /// taken in order, one level each, with no way back; a limit counts only for a descriptor as deep as it stands.
    /// `None` when nothing does.
    ///
    /// # Errors
    /// The override's unit is not one.
    pub fn find(&self, descriptor: &Descriptor<'_>) -> Result<Option<Matched<'_>>, UnknownUnit> {
        if let Some(Override {
            requests_per_unit,
            unit,
        }) = descriptor.limit
        {
            let by = By::Override(requests_per_unit, Unit::of_number(unit).ok_or(UnknownUnit(unit))?);
            return Ok(Some(Matched { domain: self, by }));
        }
        Ok(self.find_rule(descriptor.entries))
    }

    fn find_rule(&self, entries: &[(&str, &str)]) -> Option<Matched<'_>> {
        let mut level = &self.level;
        let mut path = Vec::new();
        for (key, value) in entries {
            let rule = level.find(key, value)?;
            path.push(rule);
            level = &rule.children;
        }
        let limit = path.last()?.limit.as_ref()?;
        let by = By::Rules(path, limit);
        Some(Matched { domain: self, by })
    }
}

impl<'r> Matched<'r> {
    /// How much passes.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        match &self.by {
            By::Rules(_, limit) => limit.rate,
            By::Override(requests, unit) => Rate::PerUnit {
                requests: *requests,
                window: Window {
                    unit: *unit,
                    algorithm: Algorithm::FixedWindow,
                },
            },
        }
    }

    /// The limit's name; empty for none, as overrides have none.
    #[must_use]
    pub fn name(&self) -> &'r str {
        self.limit().map_or("", |limit| &limit.name)
    }

    /// Names of the limits that are dropped from a request in which this one is met.
    #[must_use]
    pub fn replaces(&self) -> &'r [Box<str>] {
        self.limit().map_or(&[], |limit| &limit.replaces)
    }

    /// What is over the limit passes.
    #[must_use]
    pub fn shadow_mode(&self) -> bool {
        self.rule().is_some_and(|rule| rule.shadow_mode)
    }

    /// The limit denies only together with every other quota of the request.
    #[must_use]
    pub fn quota_mode(&self) -> bool {
        self.rule().is_some_and(|rule| rule.quota_mode)
    }

    /// What is said of a request that it passed.
    #[must_use]
    pub fn metadata(&self) -> Option<&'r Map> {
        self.rule().map(|rule| &rule.metadata).filter(|map| !map.is_empty())
    }

    /// The rule; `None` for an override.
    #[must_use]
    pub fn rule(&self) -> Option<&'r Rule> {
        match &self.by {
            By::Rules(path, _) => path.last().copied(),
            By::Override(..) => None,
        }
    }

    const fn limit(&self) -> Option<&'r Limit> {
        match &self.by {
            By::Rules(_, limit) => Some(*limit),
            By::Override(..) => None,
        }
    }

    /// The name of the counter that `window` of this descriptor is counted on: domain, window and entries, each with its
    /// length before it, so that no two counters have one name. A value that shares its counter goes by its pattern.
    /// What is said of the limit is not part of it: a reload that changes it keeps the count, and an override counts on
    /// where a rule with its unit does.
    #[must_use]
    pub fn counter(&self, entries: &[(&str, &str)], window: Window) -> String {
        let shared = self.path();
        let bytes: usize = entries.iter().map(|(key, value)| key.len() + value.len() + 16).sum();
        let mut name = String::with_capacity(self.domain.name.len() + bytes + 16);
        put(&mut name, &self.domain.name);
        name.push(match window.algorithm {
            Algorithm::FixedWindow => 'f',
            Algorithm::SlidingWindow => 's',
        });
        let _ = write!(name, "{}", window.unit.number());
        for (place, (key, value)) in entries.iter().enumerate() {
            put(&mut name, key);
            put(
                &mut name,
                shared.get(place).map_or(value, |rule| rule.counted_value(value)),
            );
        }
        name
    }

    /// The key of the reference's metrics for this descriptor, `domain.key_value.key`: the rules as they are written, but
    /// with the values that came where a rule says `value_to_metric`, or everywhere with `detailed_metric`. A value that
    /// shares its counter always goes by its pattern.
    #[must_use]
    pub fn metric_key(&self, entries: &[(&str, &str)]) -> String {
        let mut key = String::from(&*self.domain.name);
        let detailed = self.rule().is_none_or(|rule| rule.detailed_metric);
        for (place, (name, value)) in entries.iter().enumerate() {
            let shown = match self.path().get(place) {
                None => value,
                Some(rule) if rule.share_threshold => rule.counted_value(value),
                Some(rule) if detailed || rule.value_to_metric => value,
                Some(rule) => &rule.value,
            };
            key.push('.');
            key.push_str(name);
            if !shown.is_empty() {
                key.push('_');
                key.push_str(shown);
            }
        }
        key
    }

    fn path(&self) -> &[&'r Rule] {
        match &self.by {
            By::Rules(path, _) => path,
            By::Override(..) => &[],
        }
    }
}

fn put(name: &mut String, text: &str) {
    let _ = write!(name, "{}:{text}", text.len());
}
