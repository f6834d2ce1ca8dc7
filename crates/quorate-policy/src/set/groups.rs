//! Limits, compiled: those whose counters belong to the same thing share one group, so that they share one entry of
//! the table.

use std::sync::Arc;

use quorate_core::limit::{
    Algorithm, Counts, Group, LIMITS_PER_REQUEST_MAX, Limit, MeterId, Mode, Per, PoolMode, Precision, Role, Scope,
};
use quorate_core::state::layout::{Layouts, LayoutsFull};
use quorate_core::time::Period;

use super::Groups;
use crate::model;

/// How answers name the burst allowance.
const BURST: &str = "burst";
/// How answers name the burst pool.
const POOL: &str = "pool";
/// What limits that count calls name as their meter.
const CALLS: &str = "calls";

/// Compiles the groups of one plan or endpoint.
pub(super) struct Grouping<'a> {
    layouts: &'a mut Layouts,
    meters: &'a [Arc<str>],
}

impl<'a> Grouping<'a> {
    pub(super) const fn new(layouts: &'a mut Layouts, meters: &'a [Arc<str>]) -> Self {
        Self { layouts, meters }
    }

    pub(super) fn plan(&mut self, plan: &model::Plan) -> Result<Groups, LayoutsFull> {
        let mut groups = self.collect(&plan.limits, 0);
        let lends = plan.burst.is_some() || plan.pool.as_ref().is_some_and(|pool| pool.ceiling);
        if let (Some(burst), Some(_)) = (&plan.burst, &plan.pool) {
            let own = Per {
                key: true,
                ..Per::default()
            };
            push(&mut groups, own, allowance(burst));
        }
        if let Some(pool) = plan.pool.as_ref().filter(|_| lends) {
            push(&mut groups, Per::default(), lender(pool));
        }
        if plan.shadow {
            to_shadow(&mut groups);
        }
        self.finish(Scope::Plan, groups)
    }

    pub(super) fn endpoint(&mut self, limits: &[model::Limit]) -> Result<Groups, LayoutsFull> {
        // After the plan's, its burst and its pool.
        let first = LIMITS_PER_REQUEST_MAX + 2;
        let groups = self.collect(limits, first);
        self.finish(Scope::Endpoint, groups)
    }

    fn collect(&self, limits: &[model::Limit], first: usize) -> Vec<(Per, Vec<Limit>)> {
        let mut groups = Vec::new();
        for (at, limit) in limits.iter().enumerate() {
            push(&mut groups, per(&limit.per), self.limit(limit, order(first + at)));
        }
        groups
    }

    fn limit(&self, limit: &model::Limit, order: u16) -> Limit {
        let (counts, meter) = match &limit.count {
            model::Count::Calls => (Counts::Calls, CALLS.into()),
            model::Count::Units(name) => {
                let (number, name) = meter(name, self.meters);
                (Counts::Units(number), name)
            }
        };
        Limit {
            name: limit.name.as_str().into(),
            role: if limit.lifted { Role::Lifted } else { Role::Plain },
            algorithm: algorithm(limit.algorithm),
            capacity: limit.capacity,
            counts,
            meter,
            mode: if limit.shadow { Mode::Shadow } else { Mode::Enforce },
            warn_at: limit.warn_at,
            order,
        }
    }

    fn finish(&mut self, scope: Scope, groups: Vec<(Per, Vec<Limit>)>) -> Result<Groups, LayoutsFull> {
        let mut shadowed = groups.clone();
        to_shadow(&mut shadowed);
        Ok(Groups {
            stated: self.lay_out(scope, groups)?,
            shadow: self.lay_out(scope, shadowed)?,
        })
    }

    fn lay_out(&mut self, scope: Scope, groups: Vec<(Per, Vec<Limit>)>) -> Result<Box<[Group]>, LayoutsFull> {
        let laid_out = groups.into_iter().map(|(per, limits)| {
            Ok(Group {
                scope,
                per,
                layout: self.layouts.intern(&limits)?,
                limits: limits.into(),
            })
        });
        laid_out.collect()
    }
}

/// Puts a limit into the group of what it belongs to, at the end.
fn push(groups: &mut Vec<(Per, Vec<Limit>)>, per: Per, limit: Limit) {
    match groups.iter_mut().find(|(known, _)| *known == per) {
        Some((_, limits)) => limits.push(limit),
        None => groups.push((per, vec![limit])),
    }
}

fn to_shadow(groups: &mut [(Per, Vec<Limit>)]) {
    for limit in groups.iter_mut().flat_map(|(_, limits)| limits) {
        limit.mode = Mode::Shadow;
    }
}

fn allowance(burst: &model::Burst) -> Limit {
    Limit {
        name: BURST.into(),
        role: Role::Allowance,
        algorithm: Algorithm::SlidingWindow {
            window: period(burst.window),
            precision: Precision::Standard,
        },
        capacity: burst.allowance,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: crate::names::METERS[0].into(),
        mode: Mode::Enforce,
        warn_at: None,
        order: order(LIMITS_PER_REQUEST_MAX),
    }
}

fn lender(pool: &model::Pool) -> Limit {
    Limit {
        name: POOL.into(),
        role: Role::Pool,
        algorithm: Algorithm::Pool {
            refill: pool.refill,
            every: period(pool.every),
            mode: if pool.ceiling {
                PoolMode::Ceiling
            } else {
                PoolMode::Overflow
            },
        },
        capacity: pool.capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: crate::names::METERS[0].into(),
        mode: Mode::Enforce,
        warn_at: None,
        order: order(LIMITS_PER_REQUEST_MAX + 1),
    }
}

fn algorithm(algorithm: model::Algorithm) -> Algorithm {
    match algorithm {
        model::Algorithm::SlidingWindow { window, high } => Algorithm::SlidingWindow {
            window: period(window),
            precision: if high { Precision::High } else { Precision::Standard },
        },
        model::Algorithm::TokenBucket { refill, every } => Algorithm::TokenBucket {
            refill,
            every: period(every),
        },
        model::Algorithm::FixedWindow { window } => Algorithm::FixedWindow { window: period(window) },
    }
}

fn period(nanos: u64) -> Period {
    Period::from_nanos(nanos).expect("windows of 0 are refused by the shape")
}

/// The number of a meter, and its name as all share it.
pub(super) fn meter(name: &str, meters: &[Arc<str>]) -> (MeterId, Arc<str>) {
    let place = meters.iter().position(|meter| **meter == *name);
    let number = place
        .and_then(|place| u8::try_from(place).ok())
        .expect("meters are checked and few");
    (MeterId(number), Arc::clone(&meters[usize::from(number)]))
}

pub(super) fn per(per: &model::Per) -> Per {
    Per {
        key: per.key,
        endpoint: per.endpoint,
        attributes: per.attributes.iter().map(|name| name.as_str().into()).collect(),
    }
}

pub(super) fn order(place: usize) -> u16 {
    u16::try_from(place).expect("few limits apply to one request")
}
