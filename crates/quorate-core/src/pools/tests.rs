//! A pool that is lent from over crashes, failures of the store and steps of the clock, beside an ideal one that none of
//! this happens to: what is lent always fits the ideal one.

mod world;

use proptest::prelude::*;

use super::ledger::{Ledger, PoolTerms, Urgency, Wish};
use super::{PoolId, Pools};
use crate::time::{Instant, Now, Period, SECOND};
use crate::window::pool::{Pool, Refill};
use world::{START, Step, World, every, step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_happens_no_unit_is_lent_twice(
        capacity in prop_oneof![1_u64..10, 10..200_u64],
        units in 1_u64..50,
        every in every(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(capacity, units, every);
        for step in steps {
            world.take(step);
        }
    }

    #[test]
    fn a_stop_in_good_order_loses_nothing(
        capacity in 1_u64..200,
        units in 1_u64..50,
        every in every(),
        steps in prop::collection::vec(step(), 1..60),
        down in prop_oneof![0..60_u64, 0..10 * SECOND],
    ) {
        let mut world = World::new(capacity, units, every);
        for step in steps {
            world.take(step);
        }
        world.settle();
        let (mut ledger, now) = (world.ledger, world.now());
        let Some(lent) = ledger.meet(world.terms(), &world.refill, now) else {
            return Ok(());
        };
        world.take(Step::Restart);
        world.real += down;
        world.draw(1);
        world.settle();
        // A row tells time in whole nanoseconds.
        let expected = lent.level(capacity, &world.refill, world.now());
        let earlier = lent.level(capacity, &world.refill, Instant(world.now().0 - 1));
        prop_assert!(world.level() == expected || world.level() == earlier);
    }
}

/// A pool of 100 that refills one an hour, read and with a chunk deducted.
fn ready() -> World {
    let mut world = World::new(100, 1, 3_600 * SECOND);
    assert!(!world.draw(1));
    world.settle();
    world.settle();
    world
}

#[test]
fn the_first_draw_is_lent_once_the_store_has_answered() {
    let mut world = World::new(8, 1, 3_600 * SECOND);
    assert!(!world.draw(3), "nobody knows the row");
    world.settle();
    assert!(!world.draw(3), "nothing is deducted");
    world.settle();
    assert!(world.draw(3), "more than a chunk: a request waits for it");
    assert_eq!(world.level(), 5);
}

#[test]
fn nothing_is_lent_before_it_is_known_to_be_deducted() {
    let mut world = ready();
    assert!(world.draw(5), "a chunk");
    world.take(Step::Ask);
    assert!(matches!(world.asked, Some(Wish::Write(_))), "low water");
    assert!(!world.draw(1), "it is on its way");
    world.take(Step::Fails { did: true });
    assert!(!world.draw(1), "nobody knows whether it was done");
    world.settle();
    assert!(world.draw(1));
}

#[test]
fn more_is_deducted_before_a_chunk_runs_out() {
    let mut world = ready();
    for _ in 0..90 {
        assert!(world.draw(1), "{:?}", world.ledger);
        world.settle();
    }
}

#[test]
fn a_crash_loses_a_chunk_at_most() {
    let mut world = ready();
    assert!(world.draw(2));
    world.settle();
    world.take(Step::Crash { did: false, back: 0 });
    assert!(!world.draw(1));
    world.settle();
    let level = world.level();
    assert!((93..=98).contains(&level), "{level} of 98");
}

#[test]
fn of_a_part_of_a_unit_nothing_is_lent() {
    let mut world = World::new(8, 1, 4 * SECOND);
    world.draw(4);
    world.settle();
    world.settle();
    assert!(world.draw(4));
    world.settle();
    // Of the row's next unit more has come back than of the pool's: it lacks a unit and a quarter more.
    world.real += 4 * SECOND + SECOND / 2;
    assert!(!world.draw(2) && world.draw(1), "{:?}", world.ledger);
}

#[test]
fn a_clock_that_was_stepped_back_holds_no_pool_up() {
    let mut world = ready();
    assert!(world.draw(5));
    world.settle();
    let back = 1_000 * 3_600 * SECOND;
    world.take(Step::Crash { did: false, back });
    world.draw(1);
    world.settle();
    let level = world.level();
    world.real += 2 * 3_600 * SECOND;
    assert_eq!(world.level(), level + 2);
}

#[test]
fn what_is_charged_before_the_row_is_read_does_not_come_back_with_the_time_before_it() {
    let mut world = World::new(100, 10, 3_600 * SECOND);
    // Of 30 units that were missing five hours ago none is now.
    world.stored = Some(Pool {
        missing: 30,
        shares: 0,
        at: Instant(START - 5 * 3_600 * SECOND),
    });
    let (before, now) = (Pool::default().at(&world.refill, world.now()), world.now());
    let mut after = before;
    after.draw(&world.refill, 60, now);
    assert_eq!(world.ledger.book(&before, after, now), Urgency::Now);
    world.settle();
    assert_eq!(world.level(), 40);
    world.settle();
    let row = world.stored.expect("it was written");
    assert!(row.missing >= 60 && row.at >= now, "{row:?}");
}

#[test]
fn what_was_given_back_is_not_lost_with_a_crash() {
    let mut world = ready();
    for _ in 0..10 {
        assert!(world.draw(5));
        world.settle();
    }
    world.give_back(50);
    world.settle();
    world.take(Step::Crash { did: false, back: 0 });
    assert!(!world.draw(1));
    world.settle();
    assert!(world.level() >= 95, "{}", world.level());
}

#[test]
fn while_a_fuller_row_is_on_its_way_only_what_that_lacks_is_lent() {
    let mut world = ready();
    for _ in 0..10 {
        assert!(world.draw(5));
        world.settle();
    }
    world.give_back(50);
    world.take(Step::Ask);
    assert!(!world.draw(6), "the store may have done it: {:?}", world.ledger);
    assert!(world.draw(5));
}

#[test]
fn a_pool_that_refills_faster_than_the_store_writes_still_lends() {
    let mut world = World::new(100, 1_000, SECOND);
    assert!(!world.draw(1));
    world.settle();
    world.draw(1);
    world.take(Step::Ask);
    world.real += SECOND / 10;
    world.take(Step::Answers);
    assert!(world.draw(1), "{:?}", world.ledger);
}

#[test]
fn many_that_wait_are_served_by_one_write() {
    let mut world = ready();
    world.draw(5);
    for _ in 0..20 {
        assert!(!world.draw(1));
    }
    world.settle();
    for _ in 0..20 {
        assert!(world.draw(1));
    }
}

#[test]
fn a_crowd_that_asks_again_and_again_leaves_most_of_the_pool_where_a_crash_does_not_lose_it() {
    for (units, missing_max) in [(1, 30), (40, 45)] {
        let mut world = ready();
        world.draw(5);
        for _ in 0..1_000 {
            world.ledger.need(units);
        }
        world.settle();
        let row = world.stored.expect("it was written");
        assert!(row.missing <= missing_max, "{units} units each: {row:?}");
    }
}

#[test]
fn a_write_that_failed_leaves_nobody_waiting() {
    let mut world = ready();
    world.ledger.need(90);
    world.take(Step::Ask);
    world.take(Step::Fails { did: false });
    world.settle();
    let row = world.stored.expect("it was written");
    assert!(row.missing <= 2 * 5, "{row:?}");
}

#[test]
fn a_pool_that_is_full_again_is_forgotten_and_others_are_not() {
    let mut pools = Pools::default();
    let refill = Refill::steady(1, Period::from_secs(200).expect("not zero"));
    let (id, terms) = (PoolId(1), PoolTerms::new(100, 100, &refill));
    assert!(pools.keep(id, "o", &"pool".into(), terms));
    let at = |seconds: u64| Instant(START + seconds * SECOND);
    pools.need(id, 1);
    assert!(pools.take_urgent() && !pools.take_urgent());
    let mut asked = Vec::new();
    pools.wishes(10, |wish| asked.push(wish.wish));
    assert_eq!(asked, [Wish::Read]);
    pools.told(id, |ledger| ledger.learn(None, at(0)));
    pools.wishes(10, |wish| asked.push(wish.wish));
    assert!(matches!(asked[1], Wish::Write(_)));
    pools.step(at(1));
    assert_eq!(pools.size().0, 1, "a row is on its way");
    pools.told(id, Ledger::acknowledged);
    pools.wishes(10, |wish| asked.push(wish.wish));
    assert_eq!(asked.len(), 2);
    pools.step(at(700));
    assert_eq!(pools.size().0, 1, "its row lacks a chunk");
    pools.step(at(1_100));
    assert_eq!(pools.size().0, 0);
    assert!(!pools.settle(10, Now::at(START), |_| unreachable!("there is none")));
}

#[test]
fn a_refill_that_was_changed_lends_nothing_before_the_row_is_written_anew() {
    let mut world = ready();
    assert!(world.draw(1));
    world.refill = Refill::steady(100, Period::from_secs(1).expect("not zero"));
    assert!(!world.draw(1));
    world.settle();
    assert!(world.draw(1));
}
