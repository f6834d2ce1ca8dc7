//! Counters at the ends of their widths.

use proptest::prelude::*;

use super::history::{Deed, EVERYTHING, histories};
use crate::limit::{CAPACITY_MAX, WINDOW_MAX_NS, WINDOW_MIN_NS};
use crate::time::{Instant, SECOND};
use crate::window::exact::{cases, period};
use crate::window::sliding::{EXPONENT_MAX, Log, STAMPS_MAX, STAMPS_MIN, Tick, used_max};

#[test]
fn a_tick_is_the_smallest_with_which_16_bits_cover_the_window() {
    let windows = [
        1,
        65_533,
        65_534,
        131_066,
        131_067,
        WINDOW_MIN_NS,
        60 * SECOND,
        3_600 * SECOND,
        WINDOW_MAX_NS,
    ];
    for nanos in windows {
        let tick = Tick::of(period(nanos));
        assert!(nanos.div_ceil(tick.nanos()) <= 65_533, "{nanos}");
        assert!(
            tick.nanos() == 1 || nanos.div_ceil(tick.nanos() / 2) > 65_533,
            "{nanos}"
        );
    }
    assert_eq!(Tick::of(period(60 * SECOND)).nanos(), 1 << 20);
    assert_eq!(Tick::of(period(3_600 * SECOND)).nanos(), 1 << 26);
}

#[test]
fn the_oldest_unit_of_the_longest_log_counts_until_its_last_nanosecond() {
    for nanos in [65_533_u64, 65_533 << 11, (65_533 << 11) - 1] {
        let tick = Tick::of(period(nanos));
        let mut log = Log::default();
        let begin = Instant(tick.nanos() * 1_000_000);
        log.admit(&tick, 1, 2, 2, begin);
        let last = Instant(begin.0 + nanos - 1);
        log.admit(&tick, 1, 2, 2, last);
        assert_eq!(log.used(&tick, last), 2);
        assert_eq!(log.used(&tick, last.after(1)), 1);
    }
}

#[test]
fn use_saturates_at_five_of_the_coarsest_groups() {
    let tick = Tick::of(period(60 * SECOND));
    let now = Instant(1 << 60);
    for stamps in [STAMPS_MIN, 33, 64, STAMPS_MAX] {
        let mut log = Log::default();
        for _ in 0..3 {
            log.admit(&tick, u64::MAX, CAPACITY_MAX, stamps, now);
            assert_eq!(log.used(&tick, now), (5 << EXPONENT_MAX) - 1, "{stamps}");
            assert!(log.len() <= stamps);
        }
        assert!(log.used(&tick, now) > CAPACITY_MAX);
        assert_eq!(log.fits_at(&tick, 1, CAPACITY_MAX, now), Some(now.after(60 * SECOND)));
        assert!(log.refund(&tick, u64::MAX, now) > CAPACITY_MAX);
        assert!(log.is_empty());
    }
}

#[test]
fn the_largest_limit_is_counted_to_the_unit() {
    let tick = Tick::of(period(60 * SECOND));
    for stamps in [STAMPS_MIN, 64, STAMPS_MAX] {
        let mut log = Log::default();
        let mut now = Instant(1 << 60);
        for units in [CAPACITY_MAX - 3, 1, 1] {
            log.admit(&tick, units, CAPACITY_MAX, stamps, now);
            now = now.after(SECOND);
        }
        assert_eq!(log.used(&tick, now), CAPACITY_MAX - 1);
        assert_eq!(log.fits_at(&tick, 1, CAPACITY_MAX, now), Some(now));
        assert_ne!(log.fits_at(&tick, 2, CAPACITY_MAX, now), Some(now));
    }
}

#[test]
fn few_stamps_hold_what_few_stamps_can() {
    let tick = Tick::of(period(60 * SECOND));
    for stamps in 1..STAMPS_MIN {
        let mut log = Log::default();
        log.admit(&tick, u64::MAX, 3, stamps, Instant(1 << 60));
        assert_eq!(log.used(&tick, Instant(1 << 60)), used_max(stamps));
        assert!(log.len() <= stamps);
    }
}

proptest! {
    #![proptest_config(cases(500))]

    /// The laws of use and safety once more, with limits and costs of every size.
    #[test]
    fn huge_costs_saturate_as_stated(
        history in prop_oneof![
            histories(1 << 20..=1 << 30, EVERYTHING),
            histories(CAPACITY_MAX / 3..=CAPACITY_MAX, EVERYTHING),
            histories(u64::MAX / 2..=u64::MAX - 1, EVERYTHING),
        ],
    ) {
        let mut saturated = false;
        history.replay(false, |moment| {
            let (before, after) = (moment.used_before(), moment.used_after());
            match moment.deed {
                Deed::Ask(cost) | Deed::Record(cost) if moment.done => {
                    let most = used_max(moment.stamps_max);
                    saturated |= before.saturating_add(cost) > most;
                    prop_assert_eq!(after, before.saturating_add(cost).min(most.max(before)));
                    let asked = matches!(moment.deed, Deed::Ask(1..));
                    let units = moment.exact.within(moment.tick.window().nanos(), moment.now) + u128::from(cost);
                    prop_assert!(saturated || !asked || units <= u128::from(moment.limit));
                }
                Deed::Refund(units) => prop_assert_eq!(after, before - units.min(before)),
                Deed::Coarsen => prop_assert!(after >= before),
                _ => prop_assert_eq!(after, before),
            }
            Ok(())
        })?;
    }
}
