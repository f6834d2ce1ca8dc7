//! What each operation does to the number of units used, and to the shape of the state.

use proptest::prelude::*;

use super::history::{Deed, EVERYTHING, histories};
use crate::limit::Precision;
use crate::time::{Instant, SECOND};
use crate::window::exact::{cases, period};
use crate::window::sliding::{EXACT_MAX, Log, STAMPS_MAX, Tick, stamps_for};

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn used_changes_by_exactly_what_is_charged_or_given_back(
        history in prop_oneof![histories(1..=12, EVERYTHING), histories(13..=400, EVERYTHING)],
    ) {
        history.replay(false, |moment| {
            let (before, after) = (moment.used_before(), moment.used_after());
            let expected = match moment.deed {
                Deed::Ask(cost) | Deed::Record(cost) if moment.done => before + cost,
                Deed::Refund(units) => before - units.min(before),
                // A group that has expired lives again if it is merged into one that has not.
                Deed::Coarsen => before.max(after.min(before + moment.before.group())),
                _ => before,
            };
            prop_assert_eq!(after, expected);
            Ok(())
        })?;
    }

    #[test]
    fn a_denial_and_a_change_of_limit_leave_the_state_alone(history in histories(1..=40, EVERYTHING)) {
        history.replay(false, |moment| {
            if !moment.done || matches!(moment.deed, Deed::Limit(_) | Deed::Ask(0)) {
                prop_assert_eq!(moment.before, moment.after);
            }
            Ok(())
        })?;
    }

    #[test]
    fn coarsening_and_refining_change_no_use_at_any_time(
        history in histories(1..=400, EVERYTHING),
        later in 0_u64..1_100,
    ) {
        history.replay(false, |moment| {
            let (now, tick) = (moment.now, moment.tick);
            let (mut coarse, mut fine) = (*moment.after, *moment.after);
            prop_assert!(coarse.coarsen());
            fine.refine(moment.limit, moment.stamps_max);
            prop_assert!(coarse.used(&tick, now) >= moment.used_after());
            // What is dead may be merged with what is not; of what lives, nothing is lost or won.
            let mut purged = *moment.after;
            purged.purge(&tick, now);
            let mut merged = purged;
            merged.coarsen();
            prop_assert_eq!(merged.used(&tick, now), purged.used(&tick, now));
            prop_assert_eq!(fine.used(&tick, now), moment.used_after());
            let then = now.after(tick.window().nanos() / 1_000 * later);
            prop_assert!(merged.used(&tick, then) >= purged.used(&tick, then));
            prop_assert_eq!(fine.used(&tick, then), moment.after.used(&tick, then));
            Ok(())
        })?;
    }

    /// Of a group that is taken back in part, the rest is recorded at the group's own time: that of a unit less than a
    /// group newer.
    #[test]
    fn what_a_refund_leaves_is_recorded_less_than_a_group_later(
        history in prop_oneof![histories(1..=12, EVERYTHING), histories(65..=400, EVERYTHING)],
    ) {
        // The history forgets the unit whose time the rest of a group keeps when it is taken back.
        let mut refunded = false;
        history.replay(false, |moment| {
            if let Deed::Refund(units @ 1..) = moment.deed
                && moment.used_after() > 0
                && !refunded
            {
                let newer = units.min(moment.used_before()).saturating_sub(moment.group - 1);
                let latest = moment.exact.time_of_newest(newer).map(|at| moment.tick.ceil(at));
                prop_assert!(Some(moment.after.top) <= latest, "{} after {latest:?}", moment.after.top);
            }
            match moment.deed {
                Deed::Refund(_) => refunded = true,
                Deed::Ask(1..) | Deed::Record(1..) if moment.done => refunded = false,
                _ => {}
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_state_stays_in_shape(history in histories(1..=400, EVERYTHING)) {
        history.replay(false, |moment| {
            let log = moment.after;
            prop_assert!(log.partial < log.group());
            if matches!(moment.deed, Deed::Ask(1..) | Deed::Record(1..)) && moment.done {
                prop_assert!(log.len() <= moment.stamps_max);
            }
            let times: Vec<u64> = (0..log.len()).map(|place| log.tick_of(place)).collect();
            prop_assert!(times.is_sorted());
            prop_assert!(times.last().is_none_or(|last| *last <= log.top));
            Ok(())
        })?;
    }

    #[test]
    fn the_same_history_gives_the_same_state(history in histories(1..=400, EVERYTHING)) {
        let mut states = Vec::new();
        history.replay(false, |moment| {
            states.push(*moment.after);
            Ok(())
        })?;
        let mut again = states.iter();
        history.replay(false, |moment| {
            prop_assert_eq!(again.next(), Some(moment.after));
            Ok(())
        })?;
    }

    #[test]
    fn stamps_suffice_for_the_limit(capacity in any::<u64>()) {
        for (precision, most) in [(Precision::Standard, EXACT_MAX), (Precision::High, 2 * EXACT_MAX)] {
            let stamps = u64::try_from(stamps_for(capacity, precision)).unwrap_or(u64::MAX);
            prop_assert!(stamps >= 1 && stamps <= most);
            prop_assert!(capacity <= most || stamps > most / 2, "too few");
        }
    }
}

#[test]
fn stamps_of_common_limits() {
    let standard = [
        (0, 1),
        (1, 1),
        (60, 60),
        (64, 64),
        (65, 33),
        (300, 38),
        (1_000, 63),
        (2_000, 63),
        (100_000, 49),
    ];
    for (limit, stamps) in standard {
        assert_eq!(stamps_for(limit, Precision::Standard), stamps, "{limit}");
    }
    let high = [(60, 60), (128, 128), (129, 65), (300, 75), (10_000, 79)];
    for (limit, stamps) in high {
        assert_eq!(stamps_for(limit, Precision::High), stamps, "{limit}");
    }
    assert!(stamps_for(u64::MAX, Precision::High) <= STAMPS_MAX);
}

#[test]
fn logs_are_equal_when_all_of_their_parts_are_and_only_then() {
    let log = Log::from_parts(9, 2, 3, &[7, 8]);
    let others = [
        Log::from_parts(10, 2, 3, &[7, 8]),
        Log::from_parts(9, 1, 3, &[7, 8]),
        Log::from_parts(9, 2, 2, &[7, 8]),
        Log::from_parts(9, 2, 3, &[7, 9]),
        Log::from_parts(9, 2, 3, &[7]),
    ];
    for other in others {
        assert_ne!(log, other);
    }
    let mut longer = Log::from_parts(9, 2, 3, &[7, 8, 9]);
    longer.len = 2;
    assert_eq!(log, longer, "what lies behind the last stamp");
}

#[test]
fn the_last_admission_is_recorded_at_the_end_of_its_tick() {
    let tick = Tick::of(period(60 * SECOND));
    let begin = 1_700_000_000 * tick.nanos();
    for (at, recorded) in [(begin, begin), (begin + 1, begin + tick.nanos())] {
        let mut log = Log::default();
        log.admit(&tick, 1, 9, 9, Instant(at));
        assert_eq!(log.last_at(&tick), Instant(recorded));
    }
}

/// Groups cut in halves fill every stamp there is: a partial group that then held a whole one would have no place.
#[test]
fn a_log_that_would_fill_its_stamps_is_not_refined() {
    let stamps = [9; STAMPS_MAX / 2];
    let mut log = Log::from_parts(9, 2, 3, &stamps);
    log.refine(256, STAMPS_MAX);
    assert_eq!(log.parts(), (9, 2, 3, stamps.as_slice()));

    let mut log = Log::from_parts(9, 2, 3, &stamps[1..]);
    log.refine(256, STAMPS_MAX);
    assert_eq!((log.group(), log.len(), log.partial), (2, STAMPS_MAX - 1, 1));
}

/// What does not fit the limit when it is finer would only be merged again.
#[test]
fn a_log_is_refined_only_as_far_as_the_limit_fits() {
    let mut log = Log::from_parts(9, 6, 0, &[7, 8]);
    log.refine(1_000, stamps_for(1_000, Precision::Standard));
    assert_eq!(log.parts(), (9, 4, 0, [7, 7, 7, 7, 8, 8, 8, 8].as_slice()));
}
