//! Laws of a balance: nothing is spent that is not there, and a refund is the way back.

use proptest::prelude::*;

use super::{Balance, Shortfall, Standing};
use crate::limit::{MeterId, Mode, Per};
use crate::quota::Quota;
use crate::time::Instant;

const NOW: Instant = Instant(1_000);

fn quota(limit: u64, hard: bool) -> Quota {
    Quota {
        name: "q".into(),
        per: Per::default(),
        meter: MeterId::REQUESTS,
        meter_name: "requests".into(),
        limit,
        hard,
        mode: Mode::Enforce,
        warn_at: Box::default(),
        payment_required: false,
        order: 0,
    }
}

fn total(balance: &Balance) -> u64 {
    balance.free() + balance.spent
}

proptest! {
    #[test]
    fn units_are_only_moved(
        units in 0_u64..50, beyond in 0_u64..50, overdraft in 0_u64..50,
        steps in prop::collection::vec((any::<bool>(), 0_u64..40), 0..40),
    ) {
        let first = Balance { units, beyond, overdraft, ..Balance::default() };
        let mut balance = first;
        for (spends, cost) in steps {
            let before = balance;
            if spends {
                let fits = cost <= balance.free();
                balance.spend(cost);
                if fits {
                    prop_assert_eq!(balance.spent, before.spent + cost);
                }
            } else {
                balance.refund(cost);
                prop_assert_eq!(balance.spent, before.spent.saturating_sub(cost));
            }
            prop_assert_eq!(total(&balance), total(&first));
            prop_assert!(balance.units <= units && balance.beyond <= beyond && balance.owed <= overdraft);
            prop_assert_eq!(balance.beyond + balance.overage, beyond);
        }
    }

    #[test]
    fn what_was_spent_comes_back_whole(units in 0_u64..50, beyond in 0_u64..50, cost in 0_u64..100) {
        let first = Balance { units, beyond, ..Balance::default() };
        let mut balance = first;
        if cost <= balance.free() {
            let overage = balance.spend(cost);
            prop_assert_eq!(overage, cost.saturating_sub(units));
            balance.refund(cost);
            prop_assert_eq!(balance, first);
        }
    }
}

proptest! {
    /// Whatever is recorded, credited and given back: a request passes only what was granted and is not spent.
    #[test]
    fn what_is_recorded_is_paid_before_anything_is_spent(
        steps in prop::collection::vec((0_u8..4, 0_u64..40), 0..60),
    ) {
        let mut balance = Balance::default();
        let (mut granted, mut spent) = (0, 0_u64);
        for (kind, units) in steps {
            match kind {
                0 => {
                    balance.record(units);
                    spent += units;
                }
                1 => {
                    balance.credit(units, 0);
                    granted += units;
                }
                2 => {
                    balance.refund(units);
                    spent = spent.saturating_sub(units);
                }
                _ if units <= balance.free() => {
                    balance.spend(units);
                    spent += units;
                }
                _ => {}
            }
            prop_assert_eq!(balance.spent, spent);
            prop_assert_eq!(balance.free(), granted.saturating_sub(spent));
            prop_assert_eq!(balance.owed, spent.saturating_sub(granted));
        }
    }
}

#[test]
fn what_is_recorded_beyond_the_limit_is_told() {
    let mut balance = Balance {
        units: 5,
        ungranted: 10,
        limit: 100,
        standing: Standing::Open,
        ..Balance::default()
    };
    assert_eq!((balance.used(), balance.record(12)), (85, 0));
    assert_eq!((balance.used(), balance.remaining()), (97, 3));
    assert_eq!(balance.record(7), 4, "three are left");
    assert_eq!((balance.used(), balance.remaining()), (104, 0));
    let now = Instant(0);
    assert_eq!(
        balance.shortfall(&quota(100, true), 1, false, now),
        Some(Shortfall::Pending)
    );
    balance.credit(10, 0);
    assert_eq!(
        (balance.used(), balance.remaining(), balance.free(), balance.owed),
        (104, 0, 0, 4)
    );
}

#[test]
fn exhausted_is_said_only_where_a_read_shows_it() {
    let of = |standing| Balance {
        units: 3,
        ungranted: 4,
        limit: 10,
        standing,
        short_until: NOW,
        known_until: NOW,
        ..Balance::default()
    };
    let quota = quota(10, true);
    assert_eq!(of(Standing::Short).shortfall(&quota, 3, false, NOW), None);
    assert_eq!(
        of(Standing::Short).shortfall(&quota, 7, false, NOW),
        Some(Shortfall::Pending)
    );
    assert_eq!(
        of(Standing::Short).shortfall(&quota, 8, false, NOW),
        Some(Shortfall::Exhausted)
    );
    assert_eq!(
        of(Standing::Open).shortfall(&quota, 8, false, NOW),
        Some(Shortfall::Pending)
    );
    assert_eq!(
        of(Standing::Away).shortfall(&quota, 4, false, NOW),
        Some(Shortfall::Away)
    );
    assert_eq!(
        of(Standing::Asked).shortfall(&quota, 11, false, NOW),
        Some(Shortfall::Never)
    );
    let later = NOW.after(1);
    assert_eq!(
        of(Standing::Short).shortfall(&quota, 8, false, later),
        Some(Shortfall::Pending),
        "what an old row showed is asked anew"
    );
    for standing in [Standing::Short, Standing::Open] {
        let look = |cost, now| of(standing).shortfall(&quota, cost, true, now);
        assert_eq!(look(7, NOW), None, "the row has it");
        assert_eq!(look(7, later), Some(Shortfall::Pending), "it had it");
        assert_ne!(look(8, NOW), None);
    }
    assert_eq!(
        of(Standing::Asked).shortfall(&quota, 4, true, NOW),
        Some(Shortfall::Pending)
    );
    assert_eq!(
        of(Standing::Away).shortfall(&quota, 4, true, NOW),
        Some(Shortfall::Away)
    );
}

#[test]
fn what_was_spent_before_it_was_granted_is_not_spent_again() {
    let mut balance = Balance {
        units: 2,
        overdraft: 5,
        ..Balance::default()
    };
    assert_eq!(balance.spend(6), 0);
    assert_eq!((balance.units, balance.owed, balance.free()), (0, 4, 1));
    balance.credit(3, 0);
    assert_eq!((balance.units, balance.owed), (0, 1), "all of it was owed");
    balance.credit(10, 9);
    assert_eq!((balance.units, balance.beyond, balance.owed), (0, 9, 0));
    assert_eq!((balance.spent, balance.overage), (6, 0));
    // A debt that only units beyond the limit can pay is overage.
    let mut late = Balance {
        owed: 2,
        spent: 2,
        ..Balance::default()
    };
    late.credit(5, 5);
    assert_eq!((late.units, late.beyond, late.overage), (0, 3, 2));
}
