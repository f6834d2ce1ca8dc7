//! Laws of the burst pool, held against one that counts what it holds, what came in, what ran over, and what was drawn,
//! in shares of a unit.
//!
//! Teeth, shown by breaking the code and running these: dropping the refill's remainder (`Pool::at`) fails
//! `capacity_and_accrued…`; rounding the time of a refill down or counting a nanosecond too few before a factor changes
//! (`Pool::refilled_to`) fails `it_has_refilled…`; a factor that starts or ends a nanosecond late fails all three.

use proptest::prelude::*;

use super::{ORG, Pool, Refill};
use crate::factor::{Factor, Factors, ONE};
use crate::limit::{CAPACITY_MAX, WINDOW_MAX_NS};
use crate::time::{Instant, Period, SECOND};
use crate::window::exact::{cases, period};

/// A pool that counts everything, in shares of a unit: `every` × 100 of them make one.
#[derive(Clone, Copy, Debug, Default)]
struct Ledger {
    accrued: i128,
    drawn: i128,
    spilled: i128,
    level: i128,
    at: Instant,
}

struct Terms<'p> {
    capacity: u64,
    refill: u64,
    every: Period,
    factors: Factors<'p>,
}

impl Terms<'_> {
    fn shares(&self, units: u64) -> i128 {
        i128::from(units) * i128::from(self.every.nanos()) * 100
    }

    fn refill(&self) -> Refill<'_> {
        Refill {
            units: self.refill,
            every: self.every,
            factors: self.factors,
        }
    }
}

impl Ledger {
    /// Lets time go on, one stretch between two edges of factors after the other.
    fn until(&mut self, terms: &Terms<'_>, now: Instant) {
        let mut edges: Vec<Instant> = terms
            .factors
            .org
            .iter()
            .flat_map(|factor| [factor.from, factor.until])
            .filter(|edge| *edge > self.at && *edge < now)
            .collect();
        edges.push(now);
        edges.sort_unstable();
        for edge in edges {
            let factor = terms.factors.org.iter().filter(|factor| factor.covers(self.at));
            let hundredths = factor.map(|factor| factor.hundredths).max().unwrap_or(ONE).max(ONE);
            let nanos = i128::from(edge.since(self.at));
            let income = nanos * i128::from(terms.refill) * i128::from(hundredths);
            let full = terms.shares(terms.capacity);
            self.accrued += income;
            self.spilled += (self.level + income - full).max(0);
            self.level = (self.level + income).min(full);
            self.at = self.at.max(edge);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Draw(u64),
    /// Draw whether the pool holds it or not.
    Overdraw(u64),
    PutBack(u64),
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (1_u64..40).prop_map(Deed::Draw),
        1 => (1_u64..300).prop_map(Deed::Overdraw),
        1 => (1_u64..40).prop_map(Deed::PutBack),
    ]
}

/// Time goes on by nanoseconds, by parts of the time in which one unit comes back, or by many of those.
fn steps() -> impl Strategy<Value = Vec<(u64, u64, Deed)>> {
    let parts = prop_oneof![Just(0_u64), 0_u64..2_000, 0_u64..200_000];
    proptest::collection::vec((parts, 0_u64..3, deeds()), 1..80)
}

fn follow(terms: &Terms<'_>, now: Instant, thousandths: u64, nanos: u64) -> Instant {
    let unit = u128::from(terms.every.nanos()) * u128::from(thousandths) / u128::from(terms.refill.max(1)) / 1_000;
    now.after(u64::try_from(unit).unwrap_or(0)).after(nanos)
}

fn periods() -> impl Strategy<Value = Period> {
    prop_oneof![
        1_u64..50,
        Just(SECOND),
        Just(3_600 * SECOND),
        Just(3_600 * SECOND + 1),
        Just(WINDOW_MAX_NS)
    ]
    .prop_map(period)
}

fn schedules() -> impl Strategy<Value = Vec<Factor>> {
    let factor = (100_u32..600, 0_u64..100_000, 1_u64..100_000).prop_map(|(hundredths, from, length)| Factor {
        hundredths,
        from: Instant(BEGIN.0 + from),
        until: Instant(BEGIN.0 + from + length),
    });
    proptest::collection::vec(factor, 0..4)
}

const BEGIN: Instant = Instant(1 << 40);

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn capacity_and_accrued_are_drawn_spilled_and_level(
        capacity in prop_oneof![1_u64..200, Just(20_000)],
        refill in prop_oneof![0_u64..8, 0_u64..20_000],
        every in periods(),
        schedule in prop_oneof![Just(Vec::new()), schedules()],
        steps in steps(),
    ) {
        let factors = Factors { org: &schedule, ..Factors::default() };
        let terms = Terms { capacity, refill, every, factors };
        let (mut pool, refill) = (Pool::default(), terms.refill());
        let mut ledger = Ledger { level: terms.shares(capacity), at: BEGIN, ..Ledger::default() };
        let mut now = BEGIN;
        for (thousandths, nanos, deed) in steps {
            now = follow(&terms, now, thousandths, nanos);
            ledger.until(&terms, now);
            match deed {
                Deed::Draw(units) if pool.level(capacity, &refill, now) < units => {}
                Deed::Draw(units) | Deed::Overdraw(units) => {
                    pool.draw(&refill, units, now);
                    ledger.drawn += terms.shares(units);
                    ledger.level -= terms.shares(units);
                }
                Deed::PutBack(units) => {
                    pool.put_back(&refill, units, now);
                    ledger.drawn -= terms.shares(units);
                    let level = ledger.level + terms.shares(units);
                    ledger.spilled += (level - terms.shares(capacity)).max(0);
                    ledger.level = level.min(terms.shares(capacity));
                }
            }
            let full = terms.shares(capacity);
            prop_assert_eq!(full + ledger.accrued, ledger.drawn + ledger.spilled + ledger.level);
            let units = u64::try_from(ledger.level.max(0) / terms.shares(1)).unwrap_or(u64::MAX);
            prop_assert_eq!(pool.level(capacity, &refill, now), units);
            // The pool knows the level to the last share.
            let pool = pool.at(&refill, now);
            prop_assert_eq!(full - terms.shares(pool.missing) + i128::from(pool.shares), ledger.level);
            prop_assert_eq!(pool.at, now);
        }
    }

    #[test]
    fn nobody_draws_more_than_capacity_and_refill(
        capacity in 1_u64..200,
        refill in 1_u64..50,
        every in periods(),
        steps in steps(),
    ) {
        let terms = Terms { capacity, refill, every, factors: Factors::default() };
        let (mut pool, rate) = (Pool::default(), terms.refill());
        let (mut drawn, mut now) = (0_i128, BEGIN);
        for (thousandths, nanos, deed) in steps {
            now = follow(&terms, now, thousandths, nanos);
            let (Deed::Draw(units) | Deed::Overdraw(units) | Deed::PutBack(units)) = deed;
            if pool.level(capacity, &rate, now) >= units {
                pool.draw(&rate, units, now);
                drawn += terms.shares(units);
            }
            let income = i128::from(now.since(BEGIN)) * i128::from(refill) * 100;
            prop_assert!(drawn <= terms.shares(capacity) + income);
        }
    }

    #[test]
    fn it_has_refilled_when_promised_and_not_a_nanosecond_before(
        refill in prop_oneof![1_u64..8, 1_u64..20_000],
        every in periods(),
        schedule in schedules(),
        missing in 1_u64..300,
        down_to in 0_u64..300,
        (shares, later) in (any::<u64>(), 0_u64..100_000),
    ) {
        let factors = Factors { org: &schedule, ..Factors::default() };
        let refill = Refill { units: refill, every, factors };
        let unit = every.nanos() * 100;
        let pool = Pool { missing, shares: shares % unit, at: BEGIN };
        let now = BEGIN.after(later);
        let at = pool.refilled_to(down_to, &refill, now);
        prop_assert!(at >= now);
        prop_assert!(pool.at(&refill, at).missing <= down_to);
        prop_assert!(at == now || pool.at(&refill, Instant(at.0 - 1)).missing > down_to, "earlier");
    }

    #[test]
    fn looking_in_between_changes_nothing(
        refill in 1_u64..50,
        every in periods(),
        schedule in schedules(),
        missing in 0_u64..300,
        looks in proptest::collection::vec(0_u64..50_000, 0..5),
    ) {
        let factors = Factors { org: &schedule, ..Factors::default() };
        let refill = Refill { units: refill, every, factors };
        let pool = Pool { missing, shares: 0, at: BEGIN };
        let (mut looked_at, mut now) = (pool, BEGIN);
        for nanos in looks {
            now = now.after(nanos);
            looked_at = looked_at.at(&refill, now);
        }
        prop_assert_eq!(looked_at, pool.at(&refill, now));
        prop_assert!(looked_at.at(&refill, BEGIN) == looked_at, "time that goes back is a stopped clock");
    }

    #[test]
    fn another_refill_gives_nothing_back_that_the_slower_would_not(
        (units, every) in (0_u64..50, periods()),
        (to_units, to_every) in (0_u64..50, periods()),
        missing in 0_u64..300,
        changed in 0_u64..1_000,
        met in 0_u64..1_000,
    ) {
        let (from, to) = (Refill::steady(units, every), Refill::steady(to_units, to_every));
        let pool = Pool { missing, shares: 0, at: BEGIN };
        let changed = BEGIN.after(every.nanos() / 500 * changed);
        let met = changed.after(to_every.nanos() / 500 * met);
        let carried = pool.carried(&from, &to, met);
        let promptly = Pool { shares: 0, ..pool.at(&from, changed) }.at(&to, met);
        // A change splits a unit's shares: it may give one unit less.
        prop_assert!(carried.missing + 1 >= promptly.missing);
        prop_assert!(carried.missing <= missing);
        prop_assert_eq!(carried.at, met);
    }
}

#[test]
fn extremes_saturate_towards_empty() {
    let refill = Refill::steady(1, period(WINDOW_MAX_NS));
    let mut pool = Pool::default();
    pool.draw(&refill, u64::MAX, Instant(1));
    pool.draw(&refill, u64::MAX, Instant(2));
    assert_eq!(pool.missing, u64::MAX);
    assert_eq!(pool.level(CAPACITY_MAX, &refill, Instant::MAX), 0);
    assert_eq!(pool.refilled_to(0, &refill, Instant(2)), Instant::MAX);
    let never = Refill::steady(0, period(SECOND));
    assert_eq!(pool.refilled_to(0, &never, Instant(2)), Instant::MAX);
    assert_eq!(Pool::default().refilled_to(0, &never, Instant(2)), Instant(2));

    let fast = Refill::steady(CAPACITY_MAX, period(1));
    assert_eq!(pool.at(&fast, Instant::MAX).missing, 0);
    assert_eq!(fast.speed(Instant(0)), u128::from(CAPACITY_MAX) * 100);
    assert_eq!(fast.factors.at(ORG, Instant(0)), ONE);
}

#[test]
fn it_has_refilled_just_when_a_factor_changes() {
    // Three units in 10 ns: one takes 4 ns, the last of them in part.
    let edge = BEGIN.after(4);
    for (from, until) in [(edge, edge.after(9)), (BEGIN, edge)] {
        let schedule = [Factor {
            hundredths: ONE,
            from,
            until,
        }];
        let factors = Factors {
            org: &schedule,
            ..Factors::default()
        };
        let refill = Refill {
            units: 3,
            every: period(10),
            factors,
        };
        let pool = Pool {
            missing: 1,
            shares: 0,
            at: BEGIN,
        };
        assert_eq!(pool.refilled_to(0, &refill, BEGIN), edge);
    }
}

#[test]
fn shares_of_a_unit_of_another_refill_give_nothing_back() {
    let hourly = Refill::steady(1, period(3_600 * SECOND));
    let never = Refill::steady(0, period(SECOND));
    let nearly = 3_599 * SECOND * u64::from(ONE);
    let pool = Pool {
        missing: 10,
        shares: nearly,
        at: BEGIN,
    };
    let now = BEGIN.after(5 * 3_600 * SECOND);
    assert_eq!(pool.at(&hourly, now).missing, 5);
    assert_eq!(pool.carried(&hourly, &never, now).missing, 10);
}
