//! Single counters, each charged for itself: those of Envoy's rules, where who asks decides what is charged when another
//! one denies. No plan, no burst, no quota, no slot, no usage; the same table, memory and clock.

use super::Shard;
use crate::factor::Factors;
use crate::limit::{Group, Limit};
use crate::state::cell::{Cell, Rule};
use crate::state::fingerprint::Owner;
use crate::state::layout::{Kind, Layouts};
use crate::state::table::Meeting;
use crate::time::Now;

/// One counter.
#[derive(Clone, Copy, Debug)]
pub struct Tally<'a> {
    /// What it belongs to: its memory is bounded like an org's, and what is invented beyond that shares counters.
    pub domain: &'a str,
    /// Its name within the domain and the window.
    pub name: &'a str,
    /// What it counts in: a group of [`crate::limit::Scope::Rule`], per key and endpoint, with one limit. The limit's name
    /// stands for the endpoint, so that the counters of one window never share with those of another.
    pub group: &'a Group,
    /// The limit in force, in place of the group's.
    pub capacity: u64,
}

/// What is done to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Look,
    /// So many more are counted, whether they fit or not.
    Add(u64),
    /// So many are taken back, not below none.
    TakeBack(u64),
}

/// A counter as it stands then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// Units used.
    pub used: u64,
    /// Nanoseconds to the end of a fixed window, used or not; else until it is whole again.
    pub reset_after_ns: u64,
}

impl Shard {
    /// Changes one counter and says how it stands then.
    pub fn tally(&mut self, layouts: &Layouts, tally: &Tally<'_>, change: Change, now: Now) -> Tallied {
        let now = self.not_before_latest(now);
        let Some(declared) = tally.group.limits.first() else {
            return Tallied::default();
        };
        let limit = Limit {
            capacity: tally.capacity,
            ..declared.clone()
        };
        let rule = Rule::new(&limit, Factors::default(), tally.group.bearing());
        let meeting = Meeting {
            owner: Owner {
                org: tally.domain,
                account: self.table.account(tally.domain),
                key: tally.name,
                endpoint: &declared.name,
                attributes: &[],
            },
            declared: false,
            org_declared: true,
            factors: Factors::default(),
            now,
        };
        let mut cells = core::mem::take(&mut self.cells);
        cells.clear();
        let loaded = self.table.load(layouts, &meeting, tally.group, 0, &mut cells);
        let mut tallied = Tallied::default();
        if let (Some(loaded), Some(cell)) = (loaded, cells.first_mut()) {
            match change {
                Change::Look => {}
                Change::Add(units) => cell.admit(&rule, units, now),
                Change::TakeBack(units) => cell.refund(&rule, units, now),
            }
            tallied = Tallied {
                used: cell.used(&rule, now),
                reset_after_ns: reset_after(cell, &rule, now),
            };
            if change != Change::Look {
                self.table.store(layouts, &loaded, &mut cells[..loaded.len]);
                self.table.settle(layouts, now);
                self.passed(now);
            }
        }
        self.cells = cells;
        tallied
    }
}

fn reset_after(cell: &Cell, rule: &Rule<'_>, now: Now) -> u64 {
    match (cell, Kind::of(&rule.limit.algorithm)) {
        (Cell::FixedWindow(fixed), Kind::FixedWindow(window)) => fixed.ends_after(window, now.wall),
        _ => cell.whole_after(rule, now),
    }
}
