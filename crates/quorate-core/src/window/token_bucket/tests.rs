//! Laws of the token bucket, held against a bucket in exact fractions.
//!
//! Teeth, shown by breaking the code and running these: rounding a cost's time down (`nanos_for`) fails
//! `a_bucket_in_fractions…`, `any_window…` and `a_saturated_bucket…`; giving back more than was charged
//! (`TokenBucket::refund`) fails `a_refund…`.

use proptest::prelude::*;

use super::{Rate, TokenBucket};
use crate::factor::{ONE, scaled};
use crate::limit::{CAPACITY_MAX, WINDOW_MAX_NS};
use crate::time::{Instant, SECOND};
use crate::window::exact::{cases, period};

/// Rates slow and fast; none of them beyond what fits the fractions below.
fn rates() -> impl Strategy<Value = Rate> {
    let capacity = prop_oneof![1_u64..8, 1_u64..2_000];
    let refill = prop_oneof![1_u64..8, 1_u64..2_000];
    let every = prop_oneof![1_u64..50, Just(SECOND / 10), Just(60 * SECOND), Just(3_600 * SECOND)];
    let hundredths = prop_oneof![2 => Just(ONE), 1 => Just(500), 1 => ONE..1_000];
    (capacity, refill, every, hundredths).prop_map(|(capacity, refill, every, hundredths)| Rate {
        capacity,
        refill,
        every: period(every),
        hundredths,
    })
}

/// How time goes on.
#[derive(Clone, Copy, Debug)]
enum Pace {
    Nanos(u64),
    /// To where the cost fits, and so many nanoseconds less one.
    Fitting(u64),
    /// By so many thousandths of the time in which the bucket fills.
    Filling(u64),
}

fn paces() -> impl Strategy<Value = Pace> {
    prop_oneof![
        (0_u64..3).prop_map(Pace::Nanos),
        (0_u64..3).prop_map(Pace::Fitting),
        (0_u64..1_200).prop_map(Pace::Filling),
    ]
}

fn follow(bucket: &TokenBucket, rate: &Rate, cost: u64, now: Instant, pace: Pace) -> Instant {
    match pace {
        Pace::Nanos(nanos) => now.after(nanos),
        Pace::Fitting(off) => bucket
            .fits_at(rate, cost, now)
            .map_or(now, |at| Instant(at.0.saturating_add(off).saturating_sub(1)).max(now)),
        Pace::Filling(share) => now.after(rate.tolerance() / 1_000 * share + share),
    }
}

fn fits(bucket: &TokenBucket, rate: &Rate, cost: u64, at: Instant) -> bool {
    bucket.fits_at(rate, cost, at) == Some(at)
}

/// What a unit is worth, and what comes back in a nanosecond, in the same fractions of a unit.
fn fractions(rate: &Rate) -> (u128, u128) {
    let unit = u128::from(rate.every.nanos()) * u128::from(ONE);
    (unit, u128::from(rate.refill) * u128::from(rate.hundredths))
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// It admits nothing that a bucket in exact fractions refuses, and refuses what that admits only for the nanosecond
    /// by which each admission is rounded.
    #[test]
    fn a_bucket_in_fractions_admits_the_same_but_for_rounding(
        rate in rates(),
        begin in prop_oneof![Just(0), Just(1_760_000_000 * SECOND)],
        steps in proptest::collection::vec((paces(), 1_u64..6), 1..100),
    ) {
        let (unit, speed) = fractions(&rate);
        // The fractions missing from a full bucket. A factor makes it larger as well as faster.
        let full = u128::from(rate.capacity) * unit * u128::from(rate.hundredths) / u128::from(ONE);
        let (mut bucket, mut missing, mut now) = (TokenBucket::default(), 0_u128, Instant(begin));
        let mut rounded = 0_u128;
        for (pace, cost) in steps {
            let then = follow(&bucket, &rate, cost, now, pace);
            missing = missing.saturating_sub(u128::from(then.since(now)) * speed);
            now = then;
            let exactly = missing + u128::from(cost) * unit <= full;
            if bucket.whole_again(now).is_none() {
                rounded = 0;
            }
            if fits(&bucket, &rate, cost, now) {
                // The tolerance is rounded up to a nanosecond: worth less than one nanosecond's refill.
                prop_assert!(missing + u128::from(cost) * unit < full + speed);
                bucket.admit(&rate, cost, now);
                missing += u128::from(cost) * unit;
                rounded += 1;
            } else {
                prop_assert!(!exactly || missing + u128::from(cost) * unit + (rounded + 1) * speed > full);
            }
        }
    }

    #[test]
    fn any_window_holds_less_than_the_bucket_and_its_refill(
        rate in rates(),
        window in prop_oneof![1_u64..100, Just(60 * SECOND)],
        steps in proptest::collection::vec((paces(), 1_u64..6), 1..100),
    ) {
        let (mut bucket, mut now) = (TokenBucket::default(), Instant(1 << 40));
        let mut admitted: Vec<(Instant, u64)> = Vec::new();
        for (pace, cost) in steps {
            now = follow(&bucket, &rate, cost, now, pace);
            if fits(&bucket, &rate, cost, now) {
                bucket.admit(&rate, cost, now);
                admitted.push((now, cost));
                let within = admitted.iter().filter(|(at, _)| now.since(*at) < window);
                let units: u128 = within.map(|(_, units)| u128::from(*units)).sum();
                // units × every < factor × (capacity × every + refill × window)
                let most = u128::from(rate.capacity) * u128::from(rate.every.nanos())
                    + u128::from(rate.refill) * u128::from(window);
                prop_assert!(
                    units * u128::from(rate.every.nanos()) * u128::from(ONE) < most * u128::from(rate.hundredths)
                );
            }
        }
    }

    #[test]
    fn a_saturated_bucket_gives_its_rate_to_a_nanosecond_per_admission(rate in rates(), cost in 1_u64..4) {
        let cost = cost.min(rate.capacity);
        let (unit, speed) = fractions(&rate);
        let (mut bucket, begin) = (TokenBucket::default(), Instant(1 << 40));
        bucket.admit(&rate, scaled(rate.capacity, rate.hundredths), begin);
        let first = bucket.fits_at(&rate, cost, begin).ok_or_else(|| TestCaseError::fail("never"))?;
        let mut now = first;
        for count in 0_u128..200 {
            prop_assert!(fits(&bucket, &rate, cost, now));
            let exactly = (count * u128::from(cost) * unit).div_ceil(speed);
            let took = u128::from(now.since(first));
            prop_assert!(took >= exactly && took <= exactly + count, "{took} ns instead of {exactly}");
            bucket.admit(&rate, cost, now);
            now = bucket.fits_at(&rate, cost, now).ok_or_else(|| TestCaseError::fail("never"))?;
        }
    }

    #[test]
    fn a_cost_fits_when_promised_and_not_before_and_what_is_free_is_the_largest_that_fits(
        rate in rates(),
        backlog in any::<u64>(),
        cost in 1_u64..3_000,
    ) {
        let now = Instant(1 << 40);
        let bucket = TokenBucket { whole_at: now.after(backlog % (2 * rate.tolerance() + 1)) };
        let capacity = scaled(rate.capacity, rate.hundredths);
        let free = bucket.free(&rate, now);
        prop_assert!(free <= capacity);
        prop_assert!(free == 0 || fits(&bucket, &rate, free, now));
        prop_assert!(free == capacity || !fits(&bucket, &rate, free + 1, now));
        if let Some(at) = bucket.fits_at(&rate, cost.min(capacity), now) {
            prop_assert!(bucket.free(&rate, at) >= cost.min(capacity));
            prop_assert!(at == now || bucket.free(&rate, Instant(at.0 - 1)) < cost.min(capacity));
        } else {
            prop_assert!(false, "what the bucket holds fits at some time");
        }
    }

    #[test]
    fn a_refund_gives_back_no_more_than_was_charged_and_less_than_a_nanosecond_less(
        rate in rates(),
        before in 0_u64..1_000_000,
        units in 0_u64..3_000,
        more in 0_u64..3,
    ) {
        let now = Instant(1 << 40);
        let whole = TokenBucket { whole_at: now.after(before) };
        let mut bucket = whole;
        bucket.admit(&rate, units, now);
        bucket.refund(&rate, units, now);
        prop_assert!(bucket.whole_at >= whole.whole_at && bucket.whole_at.since(whole.whole_at) <= 1);
        bucket.refund(&rate, more * units, now);
        prop_assert!(bucket.whole_at >= now);
    }

    #[test]
    fn a_factor_leaves_the_used_share_of_the_bucket_as_it_is(rate in rates(), other in ONE..1_000, used in 0_u64..2_000) {
        let now = Instant(1 << 40);
        let mut bucket = TokenBucket::default();
        bucket.admit(&rate, used.min(scaled(rate.capacity, rate.hundredths)), now);
        let changed = Rate { hundredths: other, ..rate };
        let (free, then) = (bucket.free(&rate, now), bucket.free(&changed, now));
        // free / other factor = then / this factor, but for less than a unit of either.
        let (left, right) = (u128::from(free) * u128::from(other), u128::from(then) * u128::from(rate.hundredths));
        let most = u128::from(other.max(rate.hundredths)) * 2;
        prop_assert!(left.abs_diff(right) <= most, "{free} free, then {then}");
    }

    #[test]
    fn carrying_over_keeps_the_units_used(
        rate in rates(),
        to_refill in 1_u64..2_000,
        to_every in prop_oneof![1_u64..50, Just(60 * SECOND)],
        used in 0_u64..2_000,
    ) {
        let now = Instant(1 << 40);
        let rate = Rate { hundredths: ONE, ..rate };
        let to = Rate { refill: to_refill, every: period(to_every), ..rate };
        let mut bucket = TokenBucket::default();
        bucket.admit(&rate, used.min(rate.capacity), now);
        let carried = bucket.carried((rate.refill, rate.every), (to.refill, to.every), now);
        let (before, after) = (bucket.free(&rate, now), carried.free(&to, now));
        // A nanosecond of the old rate may be worth many units.
        let rounding = rate.refill.div_ceil(rate.every.nanos()) + to.refill.div_ceil(to.every.nanos());
        prop_assert!(after.abs_diff(before) <= rounding, "{before} free, then {after}");
    }
}

#[test]
fn the_bounds_of_a_window_are_met() {
    // 60 at once, then one a second: 119 within a minute, as the documents say.
    let rate = Rate {
        capacity: 60,
        refill: 60,
        every: period(60 * SECOND),
        hundredths: ONE,
    };
    let (mut bucket, begin) = (TokenBucket::default(), Instant(1 << 40));
    bucket.admit(&rate, 60, begin);
    let mut units = 60;
    let mut now = begin;
    loop {
        now = bucket.fits_at(&rate, 1, now).expect("one unit fits at some time");
        if now.since(begin) >= 60 * SECOND {
            break;
        }
        bucket.admit(&rate, 1, now);
        units += 1;
    }
    assert_eq!(units, 119);
}

#[test]
fn extremes_saturate_towards_refusal() {
    for (capacity, refill, every) in [
        (CAPACITY_MAX, 1, WINDOW_MAX_NS),
        (CAPACITY_MAX, CAPACITY_MAX, 1),
        (1, CAPACITY_MAX, 1),
        (1, 1, WINDOW_MAX_NS),
    ] {
        let rate = Rate {
            capacity,
            refill,
            every: period(every),
            hundredths: ONE,
        };
        let mut bucket = TokenBucket::default();
        bucket.admit(&rate, u64::MAX, Instant(5));
        bucket.admit(&rate, u64::MAX, Instant::MAX);
        assert_eq!(bucket.whole_at, Instant::MAX);
        assert_eq!(bucket.free(&rate, Instant(5)), 0);
        assert!(bucket.free(&rate, Instant::MAX) <= capacity);
    }
}

#[test]
fn it_is_whole_again_at_the_very_nanosecond() {
    let bucket = TokenBucket { whole_at: Instant(9) };
    assert_eq!(bucket.whole_again(Instant(8)), Some(Instant(9)));
    assert_eq!(bucket.whole_again(Instant(9)), None);
}
