//! Charges the counters of a request, in the way that its domain is charged. The counters themselves are somebody
//! else's: whoever calls holds them still for the whole request.

use std::collections::BTreeMap;

use crate::plan::{Counted, Item, Plan};
use crate::request::Hits;
use crate::unit::{Algorithm, Window};
use crate::verdict;

/// What is charged when a limit denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Charge {
    /// Everything, in full: the reference's way.
    #[default]
    All,
    /// Only the limits that deny: the reference's way with `STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT`.
    StopWhenOver,
    /// Nothing: a denied request changes no later answer. Ours.
    AllOrNone,
}

/// Counters, as they are at the instant of a decision.
pub trait Counters {
    /// What was used of a counter.
    fn look(&mut self, counter: &Counter<'_>) -> Used;
    /// Counts so many more, whether they fit or not, up to the largest number there is. What is used then.
    fn add(&mut self, counter: &Counter<'_>, units: u64) -> Used;
    /// Takes so many back, not below none. What is used then.
    fn take_back(&mut self, counter: &Counter<'_>, units: u64) -> Used;
}

/// Which counter.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'a> {
    /// The domain that it belongs to; part of its name too.
    pub domain: &'a str,
    /// Its name: no two have the same.
    pub name: &'a str,
    /// The window, part of its name too.
    pub window: Window,
    /// The limit in force, which is not part of what it is.
    pub limit: u32,
}

/// What is used of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Units in the window.
    pub units: u64,
    /// Nanoseconds until the window ends; of a sliding one, until it is empty again.
    pub reset_after_ns: u64,
}

/// What came of a counted descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The count before.
    pub before: u64,
    /// The count that is compared with the limit: after the hits, where they were to be counted.
    pub after: u64,
    /// It is over its limit.
    pub over: bool,
    /// Nanoseconds until the window ends; of a sliding one, until it is empty again.
    pub reset_after_ns: u64,
}

/// Charges a request. An outcome for each descriptor that is counted.
pub(crate) fn charge(
    plan: &Plan<'_, '_>,
    mode: Charge,
    quota_mode: bool,
    counters: &mut impl Counters,
) -> Vec<Option<Outcome>> {
    let mut charging = Charging {
        domain: plan.request.domain,
        counters,
    };
    match mode {
        Charge::All => each(plan, |_, counted| charging.charge(counted)),
        Charge::StopWhenOver => stop_when_over(plan, &mut charging),
        Charge::AllOrNone => all_or_none(plan, quota_mode, &mut charging),
    }
}

/// Only what denies is charged, as soon as something does. All are looked at before any is charged, so that of one
/// descriptor that comes twice both see what there was. What is not charged is told the count as it stands at its turn,
/// with what earlier descriptors of this request added: the reference adds 0 to it then.
fn stop_when_over<C: Counters>(plan: &Plan<'_, '_>, charging: &mut Charging<'_, C>) -> Vec<Option<Outcome>> {
    let seen = each(plan, |_, counted| charging.look(counted));
    let stopped = seen.iter().flatten().any(|seen| seen.over);
    each(plan, |place, counted| match (seen[place], counted.hits) {
        (Some(seen), Hits::Add(_)) if stopped && !seen.over => charging.stands(counted),
        _ => charging.charge(counted),
    })
}

/// What passes is charged if all passes. What is over and does not deny, in shadow mode or as one quota among several, is
/// not charged and keeps nothing else from being charged.
fn all_or_none<C: Counters>(
    plan: &Plan<'_, '_>,
    quota_mode: bool,
    charging: &mut Charging<'_, C>,
) -> Vec<Option<Outcome>> {
    // What earlier descriptors of this request will have added.
    let mut pending: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen = Vec::with_capacity(plan.items.len());
    for item in &plan.items {
        let Item::Counted(counted) = item else {
            seen.push(None);
            continue;
        };
        let mut outcome = charging.look(counted);
        if let Hits::Add(hits) = counted.hits {
            let earlier = pending.entry(&counted.counter).or_default();
            outcome.after = outcome.after.saturating_add(*earlier);
            outcome.over = outcome.after > u64::from(counted.limit);
            if !outcome.over {
                *earlier = earlier.saturating_add(hits);
            }
        }
        seen.push(Some(outcome));
    }
    let denied = verdict::denies(plan, &seen, quota_mode);
    each(plan, |place, counted| match seen[place] {
        Some(seen) if seen.over => seen,
        Some(seen) if denied => Outcome {
            after: seen.before,
            ..seen
        },
        _ => charging.charge(counted),
    })
}

fn each<'r>(plan: &Plan<'r, '_>, mut outcome: impl FnMut(usize, &Counted<'r>) -> Outcome) -> Vec<Option<Outcome>> {
    let items = plan.items.iter().enumerate();
    items
        .map(|(place, item)| match item {
            Item::Counted(counted) => Some(outcome(place, counted)),
            Item::Free | Item::Unlimited(_) | Item::Native => None,
        })
        .collect()
}

struct Charging<'c, C> {
    domain: &'c str,
    counters: &'c mut C,
}

impl<C: Counters> Charging<'_, C> {
    /// What charging would come to, on the counter as it is.
    fn look(&mut self, counted: &Counted<'_>) -> Outcome {
        let used = self.counters.look(&self.counter(counted));
        let after = match counted.hits {
            Hits::Add(hits) => used.units.saturating_add(hits),
            Hits::TakeBack(_) => used.units,
        };
        outcome(counted, used.units, Used { units: after, ..used })
    }

    /// The counter as it is, judged without hits.
    fn stands(&mut self, counted: &Counted<'_>) -> Outcome {
        let used = self.counters.look(&self.counter(counted));
        outcome(counted, used.units, used)
    }

    fn charge(&mut self, counted: &Counted<'_>) -> Outcome {
        let counter = self.counter(counted);
        let (before, after) = match (counted.hits, counted.window.algorithm) {
            (Hits::Add(0), _) => return self.stands(counted),
            (Hits::Add(hits), Algorithm::FixedWindow) => {
                let after = self.counters.add(&counter, hits);
                (after.units.saturating_sub(hits), after)
            }
            (Hits::Add(hits), Algorithm::SlidingWindow) => {
                let found = self.look(counted);
                if found.over {
                    return found;
                }
                (found.before, self.counters.add(&counter, hits))
            }
            (Hits::TakeBack(hits), _) => {
                let before = self.counters.look(&counter).units;
                (before, self.counters.take_back(&counter, hits))
            }
        };
        outcome(counted, before, after)
    }

    fn counter<'a>(&self, counted: &'a Counted<'_>) -> Counter<'a>
    where
        Self: 'a,
    {
        Counter {
            domain: self.domain,
            name: &counted.counter,
            window: counted.window,
            limit: counted.limit,
        }
    }
}

fn outcome(counted: &Counted<'_>, before: u64, after: Used) -> Outcome {
    Outcome {
        before,
        after: after.units,
        // Giving back is never denied, however much is still used.
        over: matches!(counted.hits, Hits::Add(_)) && after.units > u64::from(counted.limit),
        reset_after_ns: after.reset_after_ns,
    }
}
