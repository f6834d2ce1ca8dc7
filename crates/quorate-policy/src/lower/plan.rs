//! One plan: its limits, what lifts them, its slots and quotas.

use std::collections::BTreeMap;

use super::limit::Home;
use super::{Lowering, is_shadow};
use crate::fields::Fields;
use crate::model::{Algorithm, Burst, Count, Limit, Per, Plan, Pool, Slot};
use crate::names::declare;
use crate::problems::{Spot, shown};
use crate::scalar;
use crate::suggest;
use crate::yaml::{Entry, Node};

/// How long a slot is held at most when nothing is said: 15 minutes.
const SLOT_TTL_NS: u64 = 15 * 60 * 1_000_000_000;

impl Lowering<'_> {
    /// Lowers a plan.
    pub(super) fn plan(&mut self, name: &str, node: &Node) -> Plan {
        let fields = node.fields();
        let mut declared: BTreeMap<&str, Spot> = BTreeMap::new();
        let mut limits = Vec::new();
        for node in fields.items("limits") {
            if let Some((name, limit)) = self.limit(node, Home::Plan)
                && declare(&mut declared, name.value, name.spot, "limit", &mut self.problems)
            {
                limits.push(limit);
            }
        }
        let pool = fields.node("pool").and_then(|node| self.pool(node.fields()));
        let burst = fields
            .node("burst")
            .and_then(|node| self.burst(node.fields(), &mut limits));
        self.fitting(name, fields, burst.as_ref(), pool.as_ref());
        if burst.is_some() && pool.is_none() {
            limits.iter_mut().for_each(|limit| limit.lifted = false);
        }
        let slots = fields.entries("slots").iter().filter_map(slot).collect();
        let quotas = self.quotas(fields.items("quotas"), &mut declared);
        Plan {
            limits,
            burst,
            pool,
            slots,
            quotas,
            shadow: is_shadow(fields.text("mode")),
        }
    }

    fn pool(&mut self, fields: Fields<'_>) -> Option<Pool> {
        let capacity = fields.read("capacity", scalar::integer)?.value;
        let refill = fields.read("refill", scalar::integer)?.value;
        let every = fields.read("every", scalar::duration)?;
        let fills = u128::from(capacity) * u128::from(every.value) / u128::from(refill.max(1));
        if fills > u128::from(quorate_core::limit::WINDOW_MAX_NS) {
            let message = "the pool would take longer to fill than 400 days, the longest window";
            self.problems.add(every.spot, message);
            return None;
        }
        Some(Pool {
            capacity,
            refill,
            every: every.value,
            ceiling: fields.text("mode").is_some_and(|mode| mode.value == "ceiling"),
        })
    }

    /// Lowers a burst and marks the limits that it lifts.
    fn burst(&mut self, fields: Fields<'_>, limits: &mut [Limit]) -> Option<Burst> {
        let burst = Burst {
            allowance: fields.read("allowance", scalar::integer)?.value,
            window: fields.read("window", scalar::duration)?.value,
        };
        let lifts = match fields.node("lifts") {
            Some(_) => self.lift_named(fields, limits),
            None => lift_own(&burst, limits),
        };
        if !lifts && !limits.is_empty() {
            self.problems
                .add(fields.spot, "the burst lifts no limit")
                .help("it lifts `per: key` limits in units of `requests` whose window is not longer than its own; name others in `lifts`");
        }
        Some(burst)
    }

    /// Marks the limits that `lifts` names; whether it names any, be it wrongly.
    fn lift_named(&mut self, fields: Fields<'_>, limits: &mut [Limit]) -> bool {
        let names = fields.texts("lifts");
        for name in &names {
            let Some(at) = limits.iter().position(|limit| limit.name == name.value) else {
                let found = self
                    .problems
                    .add(name.spot, format!("unknown limit `{}`", shown(name.value)));
                found.help = suggest::help(name.value, limits.iter().map(|limit| limit.name.as_str()));
                continue;
            };
            if is_priced(&limits[at]) {
                limits[at].lifted = true;
            } else {
                let message = format!("`{}` does not count units of `requests`", name.value);
                self.problems
                    .add(name.spot, message)
                    .help("a burst lends such units only");
            }
        }
        !names.is_empty()
    }

    /// Warns of a burst and a pool that do nothing for each other.
    fn fitting(&mut self, name: &str, fields: Fields<'_>, burst: Option<&Burst>, pool: Option<&Pool>) {
        if let (Some(_), None, Some(spot)) = (burst, pool, fields.name_spot("burst"))
            && fields.node("pool").is_none()
        {
            self.warnings
                .add(
                    spot,
                    format!("the burst of plan `{name}` has no pool to draw from, so it lifts nothing"),
                )
                .help("give the plan a `pool`");
        }
        if let (None, Some(pool), Some(spot)) = (burst, pool, fields.name_spot("pool"))
            && fields.node("burst").is_none()
            && !pool.ceiling
        {
            self.warnings
                .add(
                    spot,
                    format!("the pool of plan `{name}` is drawn by no burst, so it does nothing"),
                )
                .help("give the plan a `burst`, or make the pool a cap with `mode: ceiling`");
        }
        if let (Some(burst), Some(pool), Some(spot)) = (burst, pool, fields.name_spot("burst"))
            && burst.allowance > pool.capacity
        {
            let message = format!("the burst of plan `{name}` allows more than its pool can hold");
            self.warnings.add(spot, message);
        }
    }
}

/// Marks a key's own limits whose window the burst's covers; whether there are any.
fn lift_own(burst: &Burst, limits: &mut [Limit]) -> bool {
    let own = Per {
        key: true,
        ..Per::default()
    };
    for limit in limits.iter_mut() {
        limit.lifted = limit.per == own && is_priced(limit) && window(limit) <= u128::from(burst.window);
    }
    limits.iter().any(|limit| limit.lifted)
}

/// Whether it counts what the pool lends.
fn is_priced(limit: &Limit) -> bool {
    matches!(&limit.count, Count::Units(meter) if meter == "requests")
}

/// The window; for a bucket, the time in which it fills.
fn window(limit: &Limit) -> u128 {
    match limit.algorithm {
        Algorithm::SlidingWindow { window, .. } | Algorithm::FixedWindow { window } => u128::from(window),
        Algorithm::TokenBucket { refill, every } => {
            u128::from(limit.capacity) * u128::from(every) / u128::from(refill.max(1))
        }
    }
}

fn slot(entry: &Entry) -> Option<(String, Slot)> {
    let fields = entry.value.fields();
    let depth = entry
        .value
        .read(scalar::integer)
        .or_else(|| fields.read("depth", scalar::integer))?;
    let ttl = fields
        .read("ttl", scalar::duration)
        .map_or(SLOT_TTL_NS, |ttl| ttl.value);
    let slot = Slot {
        depth: u32::try_from(depth.value).ok()?,
        ttl,
    };
    Some((entry.name.clone(), slot))
}
