//! [`Counters`] on a shard of the core: how a matched rule becomes a limit and a charge there.
//!
//! Every window is one group with one limit, whatever the rule: a limit in force is no part of a counter, and comes with
//! each charge. All counters of a domain are in the shard of the domain's name, so that a request is charged under one
//! lock.

use std::collections::BTreeMap;

use quorate_core::limit::{Algorithm as Counting, Counts, Group, Limit, MeterId, Mode, Per, Precision, Role, Scope};
use quorate_core::shard::{Change, Shard, Tally};
use quorate_core::state::layout::{Layouts, LayoutsFull};
use quorate_core::time::Now;

use crate::charge::{Counter, Counters, Used};
use crate::unit::{Algorithm, Unit, Window};

/// The groups of all windows.
#[derive(Clone, Debug)]
pub struct Groups(BTreeMap<Window, Group>);

impl Groups {
    /// The groups, with their layouts among those of the process.
    ///
    /// # Errors
    /// [`LayoutsFull`] when no more layouts can be named.
    pub fn intern(layouts: &mut Layouts) -> Result<Self, LayoutsFull> {
        let mut groups = BTreeMap::new();
        for unit in Unit::ALL {
            for algorithm in [Algorithm::FixedWindow, Algorithm::SlidingWindow] {
                let window = Window { unit, algorithm };
                let limits = [limit(window)];
                let group = Group {
                    scope: Scope::Rule,
                    per: Per {
                        key: true,
                        endpoint: true,
                        attributes: Box::default(),
                    },
                    layout: layouts.intern(&limits)?,
                    limits: limits.into(),
                };
                groups.insert(window, group);
            }
        }
        Ok(Self(groups))
    }

    /// The group of a window.
    #[must_use]
    pub fn of(&self, window: Window) -> &Group {
        &self.0[&window]
    }
}

fn limit(window: Window) -> Limit {
    let period = window.unit.period();
    let (kind, algorithm) = match window.algorithm {
        Algorithm::FixedWindow => ("fixed", Counting::FixedWindow { window: period }),
        Algorithm::SlidingWindow => (
            "sliding",
            Counting::SlidingWindow {
                window: period,
                precision: Precision::Standard,
            },
        ),
    };
    Limit {
        name: format!("{kind} {}", window.unit.name()).into(),
        role: Role::Plain,
        algorithm,
        // Comes with each charge.
        capacity: 0,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: "requests".into(),
        mode: Mode::Enforce,
        warn_at: None,
        order: 0,
    }
}

/// The counters of a locked shard, at one instant.
#[derive(Debug)]
pub struct ShardCounters<'s> {
    /// The shard of the domain.
    pub shard: &'s mut Shard,
    /// The layouts of the process, those of `groups` among them.
    pub layouts: &'s Layouts,
    /// The groups of all windows.
    pub groups: &'s Groups,
    /// The instant of the decision.
    pub now: Now,
}

impl ShardCounters<'_> {
    fn tally(&mut self, counter: &Counter<'_>, change: Change) -> Used {
        let tally = Tally {
            domain: counter.domain,
            name: counter.name,
            group: self.groups.of(counter.window),
            capacity: u64::from(counter.limit),
        };
        let tallied = self.shard.tally(self.layouts, &tally, change, self.now);
        Used {
            units: tallied.used,
            reset_after_ns: tallied.reset_after_ns,
        }
    }
}

impl Counters for ShardCounters<'_> {
    fn look(&mut self, counter: &Counter<'_>) -> Used {
        self.tally(counter, Change::Look)
    }

    fn add(&mut self, counter: &Counter<'_>, units: u64) -> Used {
        self.tally(counter, Change::Add(units))
    }

    fn take_back(&mut self, counter: &Counter<'_>, units: u64) -> Used {
        self.tally(counter, Change::TakeBack(units))
    }
}
