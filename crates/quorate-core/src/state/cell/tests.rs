//! Laws that every algorithm keeps as a cell answers for it, under boosts that start and end.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::factor::{Factor, ONE};
use crate::limit::{Counts, MeterId, Mode, Precision, WINDOW_MIN_NS};
use crate::time::SECOND;
use crate::window::exact::{cases, period};

const BEGIN: u64 = 1_760_000_000 * SECOND;

/// Every algorithm, with windows of a second; the last two never get faster, nor larger.
fn algorithms() -> impl Strategy<Value = (Role, Algorithm)> {
    let every = prop_oneof![Just(SECOND), Just(WINDOW_MIN_NS), Just(977_777_777)].prop_map(period);
    let pool = |mode| move |(refill, every)| Algorithm::Pool { refill, every, mode };
    let log = |window| Algorithm::SlidingWindow {
        window,
        precision: Precision::Standard,
    };
    let refill = 1_u64..40;
    prop_oneof![
        every.clone().prop_map(move |window| (Role::Plain, log(window))),
        every
            .clone()
            .prop_map(|window| (Role::Plain, Algorithm::FixedWindow { window })),
        (refill.clone(), every.clone())
            .prop_map(|(refill, every)| (Role::Lifted, Algorithm::TokenBucket { refill, every })),
        (refill.clone(), every.clone())
            .prop_map(pool(PoolMode::Ceiling))
            .prop_map(|pool| (Role::Pool, pool)),
        (refill, every.clone())
            .prop_map(pool(PoolMode::Overflow))
            .prop_map(|pool| (Role::Pool, pool)),
        every.prop_map(move |window| (Role::Allowance, log(window))),
    ]
}

fn limits() -> impl Strategy<Value = Limit> {
    (algorithms(), 0_u64..100).prop_map(|((role, algorithm), capacity)| Limit {
        name: Arc::from("limit"),
        role,
        algorithm,
        capacity,
        counts: Counts::Units(MeterId::REQUESTS),
        meter: Arc::from("requests"),
        mode: Mode::Enforce,
        warn_at: None,
        order: 0,
    })
}

/// Factors that begin and end within a few seconds.
fn schedules() -> impl Strategy<Value = Vec<Factor>> {
    let factor = (ONE..600, 0..3 * SECOND, 1..2 * SECOND).prop_map(|(hundredths, from, length)| Factor {
        hundredths,
        from: Instant(BEGIN + from),
        until: Instant(BEGIN + from + length),
    });
    proptest::collection::vec(factor, 0..3)
}

#[derive(Clone, Debug)]
struct Case {
    limit: Limit,
    org: Vec<Factor>,
    key: Vec<Factor>,
    endpoint: Vec<Factor>,
    bearing: Bearing,
    steps: Vec<(Pace, Deed)>,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    Nanos(u64),
    /// To the next change of a factor, less one nanosecond and so many more.
    Change(u64),
    /// To where this much fits, less one nanosecond and so many more.
    Fitting(u64, u64),
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Ask(u64),
    Record(u64),
    Refund(u64),
}

fn steps() -> impl Strategy<Value = Vec<(Pace, Deed)>> {
    let pace = prop_oneof![
        2 => (0_u64..3).prop_map(Pace::Nanos),
        2 => (0..SECOND).prop_map(Pace::Nanos),
        2 => (0_u64..3).prop_map(Pace::Change),
        4 => (1_u64..60, 0_u64..3).prop_map(|(cost, off)| Pace::Fitting(cost, off)),
    ];
    let deed = prop_oneof![
        8 => (1_u64..30).prop_map(Deed::Ask),
        1 => (1_u64..200).prop_map(Deed::Record),
        1 => (1_u64..30).prop_map(Deed::Refund),
    ];
    proptest::collection::vec((pace, deed), 1..60)
}

fn some_cases() -> impl Strategy<Value = Case> {
    let bearing = (any::<bool>(), any::<bool>()).prop_map(|(key, endpoint)| Bearing { key, endpoint });
    (limits(), schedules(), schedules(), schedules(), bearing, steps()).prop_map(
        |(limit, org, key, endpoint, bearing, steps)| Case {
            limit,
            org,
            key,
            endpoint,
            bearing,
            steps,
        },
    )
}

impl Case {
    fn rule(&self) -> Rule<'_> {
        let factors = Factors {
            org: &self.org,
            key: &self.key,
            endpoint: &self.endpoint,
        };
        Rule::new(&self.limit, factors, self.bearing)
    }

    /// Lives through the steps; `law` sees the cell after each.
    fn live(
        &self,
        mut law: impl FnMut(&Cell, &Rule<'_>, Now) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        let rule = self.rule();
        let mut cell = Cell::fresh(&Kind::of(&self.limit.algorithm));
        let mut now = Now::at(BEGIN);
        for (pace, deed) in &self.steps {
            let target = match pace {
                Pace::Nanos(nanos) => Some(now.instant.after(*nanos)),
                Pace::Change(off) => rule
                    .factors
                    .next_change(now.instant)
                    .map(|edge| Instant(edge.0 + off - 1)),
                Pace::Fitting(cost, off) => {
                    let at = cell.fits_at(&rule, *cost, now).filter(|at| *at < Instant::MAX);
                    at.map(|at| Instant(at.0 + off - 1))
                }
            };
            now = Now::at(target.unwrap_or(now.instant).max(now.instant).0);
            match *deed {
                Deed::Ask(cost) if cell.free(&rule, now) < cost => {}
                Deed::Ask(cost) | Deed::Record(cost) => cell.admit(&rule, cost, now),
                Deed::Refund(units) => cell.refund(&rule, units, now),
            }
            law(&cell, &rule, now)?;
        }
        Ok(())
    }

    /// The limit in force at `at`, told naively.
    fn capacity(&self, at: Instant) -> u64 {
        let ceiling = matches!(
            self.limit.algorithm,
            Algorithm::Pool {
                mode: PoolMode::Ceiling,
                ..
            }
        );
        let never = self.limit.role == Role::Allowance || self.limit.role == Role::Pool && !ceiling;
        let bearing = [
            (true, &self.org),
            (self.bearing.key, &self.key),
            (self.bearing.endpoint, &self.endpoint),
        ];
        let factors = bearing
            .iter()
            .filter(|(bears, _)| *bears && !never)
            .flat_map(|(_, factors)| factors.iter());
        let in_force = factors.filter(|factor| factor.from <= at && at < factor.until);
        self.limit.capacity * u64::from(in_force.map(|factor| factor.hundredths).max().unwrap_or(100)) / 100
    }
}

fn passes(cell: &Cell, rule: &Rule<'_>, cost: u64, at: Instant) -> bool {
    cell.free(rule, Now::at(at.0)) >= cost
}

proptest! {
    #![proptest_config(cases(1_200))]

    #[test]
    fn the_largest_cost_that_passes_is_what_is_free(case in some_cases()) {
        case.live(|cell, rule, now| {
            let free = cell.free(rule, now);
            prop_assert!(free <= rule.capacity(now.instant));
            if free > 0 {
                prop_assert_eq!(cell.fits_at(rule, free, now), Some(now.instant));
            }
            prop_assert_ne!(cell.fits_at(rule, free + 1, now), Some(now.instant));
            if !matches!(cell, Cell::TokenBucket(_)) {
                prop_assert_eq!(free, rule.capacity(now.instant).saturating_sub(cell.used(rule, now)));
            }
            Ok(())
        })?;
    }

    /// Between two changes of a factor a cost passes from the promised instant on and not a nanosecond before.
    #[test]
    fn a_cost_passes_when_promised_and_not_a_nanosecond_before(case in some_cases(), cost in 1_u64..200) {
        case.live(|cell, rule, now| {
            let change = rule.factors().next_change(now.instant).unwrap_or(Instant::MAX);
            match cell.fits_at(rule, cost, now) {
                Some(at) if at < change => {
                    prop_assert!(passes(cell, rule, cost, at));
                    prop_assert!(at == now.instant || !passes(cell, rule, cost, Instant(at.0 - 1)), "earlier");
                }
                // A change may let it pass: until then nothing does.
                Some(_) => prop_assert!(!passes(cell, rule, cost, Instant(change.0 - 1))),
                None => {
                    prop_assert!(cost > rule.capacity(now.instant));
                    prop_assert!(!passes(cell, rule, cost, Instant(change.0 - 1)));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_boost_starts_and_ends_exactly(case in some_cases()) {
        let rule = case.rule();
        let mut most = case.capacity(Instant(BEGIN));
        for factor in case.org.iter().chain(&case.key).chain(&case.endpoint) {
            for edge in [factor.from, factor.until] {
                for at in [Instant(edge.0 - 1), edge, edge.after(1)] {
                    prop_assert_eq!(rule.capacity(at), case.capacity(at));
                    most = most.max(case.capacity(at));
                }
            }
        }
        prop_assert_eq!(rule.capacity_ever(Instant(BEGIN)), most);
    }

    #[test]
    fn it_is_whole_when_promised(case in some_cases()) {
        case.live(|cell, rule, now| {
            let after = cell.whole_after(rule, now);
            let whole = |at: Instant| {
                let now = Now::at(at.0);
                cell.free(rule, now) == rule.capacity(at) && cell.whole_after(rule, now) == 0
            };
            let at = now.instant.after(after);
            prop_assert!(whole(at));
            prop_assert!(after == 0 || !whole(Instant(at.0 - 1)));
            Ok(())
        })?;
    }

    /// What is spent decides like what was never charged, now and at any time.
    #[test]
    fn what_is_spent_can_change_nothing(case in some_cases(), later in 0..5 * SECOND, cost in 1_u64..100) {
        case.live(|cell, rule, now| {
            let kind = Kind::of(&rule.limit.algorithm);
            let at = Now::at(now.instant.0 + later);
            if cell.is_spent(&kind, None, at) {
                let fresh = Cell::fresh(&kind);
                prop_assert_eq!(cell.free(rule, at), fresh.free(rule, at));
                prop_assert_eq!(cell.whole_after(rule, at), 0);
                let (mut cell, mut fresh) = (*cell, fresh);
                cell.admit(rule, cost, at);
                fresh.admit(rule, cost, at);
                let then = Now::at(at.instant.0 + later / 3);
                prop_assert_eq!(cell.free(rule, then), fresh.free(rule, then));
            } else if !matches!(cell, Cell::Pool(_)) {
                // A pool's factors are not known to those who ask whether it is spent.
                prop_assert!(cell.whole_after(rule, at) > 0);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_refund_takes_back_what_is_used_and_no_more(case in some_cases(), units in 0_u64..100) {
        case.live(|cell, rule, now| {
            let (used, mut refunded) = (cell.used(rule, now), *cell);
            refunded.refund(rule, units, now);
            if matches!(cell, Cell::TokenBucket(_)) {
                // Less than a nanosecond's refill is kept.
                prop_assert!(refunded.used(rule, now) <= used && refunded.used(rule, now) + units + 1 >= used);
            } else {
                prop_assert_eq!(refunded.used(rule, now), used - units.min(used));
            }
            Ok(())
        })?;
    }

    /// Whatever the algorithm was, another starts with nothing free as of the last charge, and lets through at most its
    /// limit in any window that holds old and new units.
    #[test]
    fn another_algorithm_starts_full(case in some_cases(), window in prop_oneof![Just(SECOND), Just(5 * SECOND)]) {
        let sliding = Limit {
            algorithm: Algorithm::SlidingWindow { window: period(window), precision: Precision::Standard },
            role: Role::Plain,
            capacity: 10,
            ..case.limit.clone()
        };
        let next = Rule::new(&sliding, Factors::default(), case.bearing);
        case.live(|cell, rule, now| {
            let kind = Kind::of(&rule.limit.algorithm);
            let restarted = cell.restarted(&kind, &next, now);
            if cell.is_spent(&kind, None, now) {
                prop_assert_eq!(restarted.free(&next, now), 10);
            } else if !matches!(cell, Cell::Log(_) | Cell::Pool(_)) {
                prop_assert_eq!(restarted.free(&next, now), 0);
            } else {
                // Asked later, it is not fuller than asked now.
                let later = Now::at(now.instant.0 + WINDOW_MIN_NS / 3);
                let again = cell.restarted(&kind, &next, later);
                prop_assert!(again.free(&next, later) >= restarted.free(&next, later));
            }
            Ok(())
        })?;
    }
}
