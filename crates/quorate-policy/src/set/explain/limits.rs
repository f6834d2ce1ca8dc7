//! The limits that a request meets, each in words.

use quorate_core::factor::{ONE, scaled};
use quorate_core::limit::{Algorithm, CAPACITY_MAX, Counts, Group, Limit, Mode, Per, PoolMode, Role};
use quorate_core::request::Request;
use quorate_core::terms::Terms;
use quorate_core::time::Instant;
use serde::Serialize;

use crate::scalar::{written_duration, written_factor};

/// One limit that would be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedLimit {
    /// Its name.
    pub name: String,
    /// Its capacity now, factors included.
    pub limit: u64,
    /// What the request would take of it.
    pub cost: u64,
    /// It would take that much at most: only what the limits that the burst lifts lack.
    pub at_most: bool,
    /// All of it in words.
    pub text: String,
}

/// Every limit that a request meets, in the order in which ties are decided.
pub(super) fn explain(request: &Request<'_>, terms: &Terms<'_>, now: Instant) -> Vec<ExplainedLimit> {
    let mut limits: Vec<(u16, ExplainedLimit)> = Vec::new();
    for group in terms.groups().filter(|group| meets(&group.per, request)) {
        for limit in &group.limits {
            limits.push((limit.order, one(limit, group, terms, now)));
        }
    }
    limits.sort_by_key(|(order, _)| *order);
    limits.into_iter().map(|(_, limit)| limit).collect()
}

/// Whether the request carries every attribute that something is kept per.
pub(super) fn meets(per: &Per, request: &Request<'_>) -> bool {
    let carries = |name: &str| request.attributes.iter().any(|(carried, _)| *carried == name);
    per.attributes.iter().all(|name| carries(name))
}

fn one(limit: &Limit, group: &Group, terms: &Terms<'_>, now: Instant) -> ExplainedLimit {
    let ceiling = matches!(
        limit.algorithm,
        Algorithm::Pool {
            mode: PoolMode::Ceiling,
            ..
        }
    );
    let boosted = matches!(limit.role, Role::Plain | Role::Lifted) || ceiling;
    let hundredths = if boosted {
        terms.factors.at(group.bearing(), now)
    } else {
        ONE
    };
    let capacity = scaled(limit.capacity, hundredths).min(CAPACITY_MAX);
    let (cost, unit) = match limit.counts {
        Counts::Calls => (1, "calls".to_owned()),
        Counts::Units(meter) => {
            let amount = terms.amounts.0.get(usize::from(meter.0)).copied().unwrap_or(0);
            (amount, format!("units of {}", limit.meter))
        }
    };
    let rate = match limit.algorithm {
        Algorithm::SlidingWindow { window, .. } => {
            format!("{capacity} {unit} in any {}", written_duration(window.nanos()))
        }
        Algorithm::FixedWindow { window } => {
            format!("{capacity} {unit} per aligned {}", written_duration(window.nanos()))
        }
        Algorithm::TokenBucket { refill, every } | Algorithm::Pool { refill, every, .. } => format!(
            "a bucket of {capacity} {unit}, of which {} come back every {}",
            scaled(refill, hundredths),
            written_duration(every.nanos())
        ),
    };
    let mut text = format!("{rate}, {}", whose(&group.per));
    text.push_str(notes(limit, ceiling));
    if hundredths != ONE {
        text.push_str(&format!(", {} × {}", limit.capacity, written_factor(hundredths)));
    }
    if limit.mode == Mode::Shadow {
        text.push_str(", in shadow mode");
    }
    ExplainedLimit {
        name: limit.name.to_string(),
        limit: capacity,
        cost,
        at_most: matches!(limit.role, Role::Allowance | Role::Pool) && !ceiling,
        text,
    }
}

fn notes(limit: &Limit, ceiling: bool) -> &'static str {
    match limit.role {
        Role::Plain | Role::Lifted if limit.capacity == 0 => ", denies everything",
        Role::Plain => "",
        Role::Lifted => ", lifted by the burst",
        Role::Allowance => ", bounds what one key draws from the pool",
        Role::Pool if ceiling => ", every unit is drawn from it",
        Role::Pool => ", lends what the lifted limits lack",
    }
}

pub(super) fn whose(per: &Per) -> String {
    let mut parts = Vec::new();
    if per.key {
        parts.push("key".to_owned());
    }
    if per.endpoint {
        parts.push("endpoint".to_owned());
    }
    parts.extend(per.attributes.iter().map(|name| format!("attribute {name}")));
    if parts.is_empty() {
        "per org".to_owned()
    } else {
        format!("per {}", parts.join(" and "))
    }
}
