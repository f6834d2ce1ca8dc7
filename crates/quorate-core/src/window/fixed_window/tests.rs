//! Laws of the fixed window, held against a count per window that forgets nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::FixedWindow;
use crate::limit::{CAPACITY_MAX, WINDOW_MAX_NS};
use crate::time::{Instant, Period, SECOND};
use crate::window::exact::{cases, period};

fn windows() -> impl Strategy<Value = Period> {
    prop_oneof![
        Just(7),
        Just(1_000),
        Just(SECOND / 10),
        Just(60 * SECOND),
        Just(WINDOW_MAX_NS)
    ]
    .prop_map(period)
}

/// How wall time goes on: to so many windows on, and so many nanoseconds less one beside the window's beginning.
fn steps() -> impl Strategy<Value = Vec<(u64, u64, u64)>> {
    let on = prop_oneof![4 => Just(0_u64), 4 => Just(1), 1 => 2_u64..5];
    proptest::collection::vec((on, 0_u64..3, 0_u64..6), 1..80)
}

fn follow(window: Period, wall: Instant, windows_on: u64, off: u64) -> Instant {
    if windows_on == 0 {
        return wall.after(off);
    }
    let begin = (wall.0 / window.nanos())
        .saturating_add(windows_on)
        .saturating_mul(window.nanos());
    Instant(begin.saturating_add(off).saturating_sub(1)).max(wall)
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn it_counts_what_a_list_of_all_windows_counts(
        window in windows(),
        begin in prop_oneof![Just(0_u64), any::<u64>()],
        limit in 1_u64..12,
        steps in steps(),
    ) {
        let (mut fixed, mut all) = (FixedWindow::default(), BTreeMap::<u64, u64>::new());
        let mut wall = Instant(begin);
        for (windows_on, off, cost) in steps {
            wall = follow(window, wall, windows_on, off);
            let count = all.entry(wall.0 / window.nanos()).or_default();
            prop_assert_eq!(fixed.used(window, wall), *count);
            if *count + cost <= limit {
                fixed.admit(window, cost, wall);
                *count += cost;
            } else {
                let wait = fixed.ends_after(window, wall);
                let end = wall.after(wait);
                if end < Instant::MAX {
                    prop_assert!(wait > 0);
                    prop_assert_eq!(fixed.used(window, Instant(end.0 - 1)), *count);
                    prop_assert_eq!(fixed.used(window, end), 0);
                }
            }
        }
    }

    #[test]
    fn wall_time_stepped_back_never_opens_an_earlier_window(
        window in windows(),
        wall in any::<u64>(),
        back in any::<u64>(),
        cost in 1_u64..100,
    ) {
        let (wall, earlier) = (Instant(wall), Instant(wall - back.min(wall)));
        let mut fixed = FixedWindow::default();
        fixed.admit(window, cost, wall);
        prop_assert_eq!(fixed.used(window, earlier), cost);
        fixed.admit(window, 1, earlier);
        prop_assert_eq!(fixed.used(window, wall), cost + 1);
        fixed.refund(window, 1, earlier);
        prop_assert_eq!(fixed.used(window, wall), cost);
    }

    #[test]
    fn a_refund_takes_back_what_is_used_and_no_more(
        window in windows(),
        wall in any::<u64>(),
        cost in any::<u64>(),
        units in any::<u64>(),
    ) {
        let wall = Instant(wall);
        let mut fixed = FixedWindow::default();
        fixed.admit(window, cost, wall);
        fixed.refund(window, units, wall);
        prop_assert_eq!(fixed.used(window, wall), cost.saturating_sub(units));
    }

    /// Admissions before the change that lie in the new window of a later instant are counted there.
    #[test]
    fn carrying_over_frees_nothing_early(
        from in prop_oneof![1_u64..40, Just(60)],
        to in prop_oneof![1_u64..40, Just(3_600)],
        begin in 0_u64..500,
        met_after in 0_u64..100,
        asked_after in 0_u64..100,
        stepped_back in prop_oneof![3 => Just(0_u64), 1 => 0_u64..100],
        cost in 1_u64..10,
    ) {
        let (from, to) = (period(from), period(to));
        let mut fixed = FixedWindow::default();
        fixed.admit(from, cost, Instant(begin));
        let met = Instant((begin + met_after).saturating_sub(stepped_back));
        let carried = fixed.carried(from, to);
        prop_assert!(carried.used(to, met) >= fixed.used(from, met));
        if met.0 >= begin && met.0 / from.nanos() == begin / from.nanos() {
            prop_assert_eq!(carried.used(to, met), cost);
        }
        let asked = met.after(asked_after);
        if asked.0 / to.nanos() == begin / to.nanos() {
            prop_assert_eq!(carried.used(to, asked), cost);
        }
        if stepped_back == 0 {
            let end_of_both = (begin / from.nanos() + 1) * from.nanos() + to.nanos();
            prop_assert_eq!(carried.used(to, Instant(end_of_both).max(met)), 0);
        }
    }
}

#[test]
fn amounts_beyond_all_bounds_saturate() {
    let window = period(SECOND);
    let mut fixed = FixedWindow::default();
    fixed.admit(window, u64::MAX, Instant::MAX);
    fixed.admit(window, u64::MAX, Instant::MAX);
    assert_eq!(fixed.used(window, Instant::MAX), u64::MAX);
    assert!(fixed.used(window, Instant::MAX) > CAPACITY_MAX);
    assert!(fixed.ends_after(window, Instant::MAX) <= SECOND);
}

#[test]
fn what_a_refund_leaves_ends_with_its_window() {
    let window = period(60 * SECOND);
    let wall = Instant(1_700_000_000 * SECOND);
    let mut fixed = FixedWindow::default();
    fixed.admit(window, 5, wall);
    fixed.refund(window, 2, wall);
    let end = wall.after(fixed.ends_after(window, wall));
    assert!(end.since(wall) <= 60 * SECOND);
    assert_eq!(fixed.used(window, Instant(end.0 - 1)), 3);
    assert_eq!(fixed.used(window, end), 0);
}

#[test]
fn it_is_spent_when_it_counts_no_more_in_its_own_window_and_in_none_it_may_be_carried_over_to() {
    let [shorter, window, longer] = [30, 60, 3_600].map(|seconds| period(seconds * SECOND));
    let begin = Instant(window.nanos() * 100);
    let (last, end) = (begin.after(window.nanos() - 1), begin.after(window.nanos()));
    let mut fixed = FixedWindow::default();
    fixed.admit(window, 1, begin);
    for kept_for in [None, Some(shorter), Some(window)] {
        assert!(!fixed.is_spent(window, kept_for, begin), "{kept_for:?}");
        assert!(!fixed.is_spent(window, kept_for, last), "{kept_for:?}");
        assert!(fixed.is_spent(window, kept_for, end), "{kept_for:?}");
    }
    assert!(!fixed.is_spent(window, Some(longer), last));
    assert!(!fixed.is_spent(window, Some(longer), end));
    assert!(!fixed.is_spent(window, Some(longer), last.after(longer.nanos() - 1)));
    assert!(fixed.is_spent(window, Some(longer), last.after(longer.nanos() + 1)));
    fixed.refund(window, 1, begin);
    assert!(fixed.is_spent(window, Some(longer), begin));
}

#[test]
fn a_window_that_ends_with_a_longer_one_is_carried_over_to_that_and_not_the_next() {
    let (minute, hour) = (period(60 * SECOND), period(3_600 * SECOND));
    for (index, hours) in [(0, 0), (59, 0), (60, 1), (119, 1)] {
        let fixed = FixedWindow { index, count: 7 };
        let carried = fixed.carried(minute, hour);
        assert_eq!((carried.index, carried.count), (hours, 7), "minute {index}");
    }
}
