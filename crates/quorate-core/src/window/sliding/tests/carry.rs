//! Carrying a log over to a window of another length.

use proptest::prelude::*;

use super::history::{Deed, EVERYTHING, History, PLAIN, histories};
use crate::time::{Instant, Period};
use crate::window::exact::{Exact, Pace, cases, paces, windows};
use crate::window::sliding::{Log, Tick};

/// A log, what it should know, and since when.
struct Carried {
    log: Log,
    exact: Exact,
    /// Units admitted up to here may have been forgotten: they had expired at an admission.
    forgotten: Option<Instant>,
    now: Instant,
}

impl Carried {
    /// Lives through `history` up to its end.
    fn through(history: &History) -> Self {
        let mut carried = Self {
            log: Log::default(),
            exact: Exact::default(),
            forgotten: None,
            now: history.begin,
        };
        let replayed = history.replay(false, |moment| {
            carried.log = *moment.after;
            carried.now = moment.now;
            carried.exact = moment.exact.clone();
            match moment.deed {
                Deed::Ask(cost) | Deed::Record(cost) if moment.done => {
                    carried.exact.admit(cost, moment.now, 0);
                    carried.forget(&moment.tick);
                }
                Deed::Refund(units) => {
                    carried.exact.refund(units.min(moment.used_before()));
                    carried.forget(&moment.tick);
                }
                _ => {}
            }
            Ok(())
        });
        replayed.expect("no law to break");
        carried
    }

    fn forget(&mut self, tick: &Tick) {
        let horizon = self.now.0.checked_sub(tick.window().nanos()).map(Instant);
        self.forgotten = self.forgotten.max(horizon);
    }

    /// Goes on under another window with questions; checks every interval that starts after what was forgotten.
    fn ask(&mut self, tick: &Tick, limit: u64, steps: &[(Pace, u64)]) -> Result<(), TestCaseError> {
        for (pace, cost) in steps {
            self.now = pace.follow(tick, &self.exact, self.now).max(self.now);
            if self.log.used(tick, self.now) + cost <= limit {
                self.log.admit(tick, *cost, limit, 8, self.now);
                self.exact.admit(*cost, self.now, 0);
                let horizon = self.now.0.checked_sub(tick.window().nanos()).map(Instant);
                let units = self.exact.after(horizon.max(self.forgotten));
                prop_assert!(
                    *cost == 0 || units <= u128::from(limit),
                    "{units} units at limit {limit}"
                );
                if *cost > 0 {
                    self.forget(tick);
                }
            }
        }
        Ok(())
    }
}

fn questions() -> impl Strategy<Value = Vec<(Pace, u64)>> {
    proptest::collection::vec((paces(), 0_u64..5), 1..60)
}

/// A window near another in length, or any.
fn windows_near(window: Period) -> impl Strategy<Value = Period> {
    let nanos = window.nanos();
    prop_oneof![
        Just(nanos),
        Just(nanos.saturating_mul(2)),
        Just(nanos.saturating_mul(60)),
        Just(nanos.div_ceil(2)),
        Just(nanos.div_ceil(60)),
        windows().prop_map(Period::nanos),
    ]
    .prop_map(|nanos| crate::window::exact::period(nanos.min(crate::limit::WINDOW_MAX_NS)))
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn intervals_from_one_old_window_before_the_change_obey_the_new_limit(
        (history, next, after_next) in histories(1..=20, EVERYTHING)
            .prop_flat_map(|history| {
                let near = windows_near(history.window);
                let far = windows_near(history.window);
                (Just(history), near, far)
            }),
        limits in (1_u64..30, 1_u64..30),
        (second, third) in (questions(), questions()),
    ) {
        let mut carried = Carried::through(&history);
        let (from, to, last) = (Tick::of(history.window), Tick::of(next), Tick::of(after_next));
        carried.log = carried.log.carried(&from, &to);
        carried.ask(&to, limits.0, &second)?;
        carried.log = carried.log.carried(&to, &last);
        carried.ask(&last, limits.1, &third)?;
    }

    #[test]
    fn a_longer_window_counts_no_fewer_units(
        (history, next) in histories(1..=40, EVERYTHING)
            .prop_flat_map(|history| { let near = windows_near(history.window); (Just(history), near) }),
    ) {
        let (from, to) = (Tick::of(history.window), Tick::of(next));
        history.replay(false, |moment| {
            let carried = moment.after.carried(&from, &to);
            let used = carried.used(&to, moment.now);
            prop_assert!(next < history.window || used >= moment.used_after());
            let counted = moment.exact.within(next.nanos().min(history.window.nanos()), moment.now);
            let charged = match moment.deed {
                Deed::Ask(cost) | Deed::Record(cost) if moment.done => u128::from(cost),
                Deed::Refund(_) => return Ok(()),
                _ => 0,
            };
            prop_assert!(u128::from(used) >= counted + charged);
            Ok(())
        })?;
    }

    /// Times are rounded up to a tick of the old window, then to one of the new: no unit stays longer than that.
    #[test]
    fn carried_units_expire_less_than_both_ticks_late(
        (history, next) in histories(1..=64, PLAIN)
            .prop_flat_map(|history| { let near = windows_near(history.window); (Just(history), near) }),
        later in 0_u64..1_100,
    ) {
        let (from, to) = (Tick::of(history.window), Tick::of(next));
        let late = from.nanos() + to.nanos();
        history.replay(false, |moment| {
            let carried = moment.after.carried(&from, &to);
            let mut exact = moment.exact.clone();
            match moment.deed {
                Deed::Ask(cost) if moment.done => exact.admit(cost, moment.now, 0),
                Deed::Refund(units) => exact.refund(units.min(moment.used_before())),
                _ => {}
            }
            let at = moment.now.after(late).after(next.nanos() / 1_000 * later);
            let units = exact.within(next.nanos() + late, at);
            prop_assert!(at == Instant::MAX || u128::from(carried.used(&to, at)) <= units);
            Ok(())
        })?;
    }

    #[test]
    fn the_same_window_changes_nothing(history in histories(1..=40, EVERYTHING)) {
        let tick = Tick::of(history.window);
        history.replay(false, |moment| {
            let carried = moment.after.carried(&tick, &tick);
            prop_assert_eq!(&carried, moment.after);
            Ok(())
        })?;
    }
}
