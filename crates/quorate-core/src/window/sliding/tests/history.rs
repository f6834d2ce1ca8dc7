//! A random history of one log, replayed step by step; a law looks at every step.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::limit::Precision;
use crate::time::{Instant, Period};
use crate::window::exact::{Exact, Pace, beginnings, paces, windows};
use crate::window::sliding::{Log, Tick, stamps_for};

/// What is done at one instant.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Admit so many units if they fit.
    Ask(u64),
    /// Admit so many units, whether they fit or not.
    Record(u64),
    /// Take so many units back.
    Refund(u64),
    /// Memory is short.
    Coarsen,
    /// Another limit is in force from now on.
    Limit(u64),
}

/// A history to be replayed.
#[derive(Clone, Debug)]
pub struct History {
    pub window: Period,
    pub begin: Instant,
    pub limit: u64,
    pub stamps_max: usize,
    pub steps: Vec<(Pace, Deed)>,
}

/// One step, as a law sees it.
#[derive(Debug)]
pub struct Moment<'h> {
    pub tick: Tick,
    pub stamps_max: usize,
    pub now: Instant,
    /// The limit in force.
    pub limit: u64,
    pub deed: Deed,
    /// The deed was done: all but an asked cost that did not fit.
    pub done: bool,
    pub before: &'h Log,
    pub after: &'h Log,
    /// All that was admitted before the deed.
    pub exact: &'h Exact,
    /// The largest size that a group had since the oldest unit was admitted that counts before the deed.
    pub group: u64,
}

impl Moment<'_> {
    pub fn used_before(&self) -> u64 {
        self.before.used(&self.tick, self.now)
    }

    pub fn used_after(&self) -> u64 {
        self.after.used(&self.tick, self.now)
    }
}

/// What a history may contain beside questions.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    pub records: bool,
    pub refunds: bool,
    pub coarsening: bool,
    /// The limit may be raised above what the stamps were meant for.
    pub boosts: bool,
}

/// Everything at once.
pub const EVERYTHING: Kinds = Kinds {
    records: true,
    refunds: true,
    coarsening: true,
    boosts: true,
};

/// Nothing but what a limit of at most 64 meets, not boosted.
pub const PLAIN: Kinds = Kinds {
    records: false,
    refunds: true,
    coarsening: false,
    boosts: false,
};

fn deeds(limit: u64, kinds: Kinds) -> impl Strategy<Value = Deed> {
    let most = if kinds.boosts {
        limit.saturating_mul(3).max(1)
    } else {
        limit
    };
    let when = |on: bool, weight: u32| if on { weight } else { 0 };
    prop_oneof![
        10 => (1_u64..4).prop_map(Deed::Ask),
        4 => (0..=limit.saturating_add(1)).prop_map(Deed::Ask),
        2 => (limit / 4..=limit / 2 + 1).prop_map(Deed::Ask),
        2 => (0..=most).prop_map(Deed::Limit),
        1 => Just(Deed::Limit(limit)),
        when(kinds.records, 1) => (0..=limit.saturating_mul(2)).prop_map(Deed::Record),
        when(kinds.refunds, 2) => (0..=limit / 2 + 1).prop_map(Deed::Refund),
        when(kinds.coarsening, 1) => Just(Deed::Coarsen),
    ]
}

/// Histories of limits in `limits`, of as many stamps as the limit asks for or of very few.
pub fn histories(limits: core::ops::RangeInclusive<u64>, kinds: Kinds) -> impl Strategy<Value = History> {
    (windows(), limits, prop_oneof![Just(None), (1_usize..7).prop_map(Some)])
        .prop_flat_map(move |(window, limit, few)| {
            let step = (paces(), deeds(limit, kinds));
            let steps = proptest::collection::vec(step, 1..120);
            (Just((window, limit, few)), beginnings(Tick::of(window)), steps)
        })
        .prop_map(move |((window, limit, few), begin, steps)| History {
            window,
            begin,
            limit,
            stamps_max: few
                .filter(|_| kinds.boosts)
                .unwrap_or_else(|| stamps_for(limit, Precision::Standard)),
            steps,
        })
}

impl History {
    /// Replays it; instants are moved up to the next tick if `on_ticks`. Time that goes back is a stopped clock, as in
    /// a shard.
    pub fn replay(&self, on_ticks: bool, mut law: impl FnMut(&Moment<'_>) -> TestCaseResult) -> TestCaseResult {
        let tick = Tick::of(self.window);
        let (mut log, mut exact) = (Log::default(), Exact::default());
        let (mut now, mut limit) = (self.begin, self.limit);
        let mut groups = Vec::new();
        for (step, (pace, deed)) in self.steps.iter().enumerate() {
            now = pace.follow(&tick, &exact, now).max(now);
            if on_ticks {
                match tick.ceil(now).checked_mul(tick.nanos()) {
                    Some(edge) => now = Instant(edge),
                    None => break,
                }
            }
            let before = log;
            let oldest = exact.step_of_oldest(before.used(&tick, now)).unwrap_or(step);
            let group = groups[oldest.min(groups.len())..].iter().copied().max().unwrap_or(1);
            let mut done = true;
            let mut after_exact = exact.clone();
            match *deed {
                Deed::Ask(cost) | Deed::Record(cost) => {
                    let fits = before.used(&tick, now) <= limit && limit - before.used(&tick, now) >= cost;
                    done = fits || matches!(deed, Deed::Record(_));
                    if done {
                        log.admit(&tick, cost, limit, self.stamps_max, now);
                        after_exact.admit(cost, now, step);
                    }
                }
                Deed::Refund(units) => after_exact.refund(log.refund(&tick, units, now)),
                Deed::Coarsen => {
                    log.coarsen();
                }
                Deed::Limit(other) => limit = other,
            }
            groups.push(log.group());
            law(&Moment {
                tick,
                stamps_max: self.stamps_max,
                now,
                limit,
                deed: *deed,
                done,
                before: &before,
                after: &log,
                exact: &exact,
                group: group.max(before.group()),
            })?;
            exact = after_exact;
        }
        Ok(())
    }
}
