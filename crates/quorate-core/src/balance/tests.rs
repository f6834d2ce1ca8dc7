//! Laws of a balance: nothing is spent that is not there, and a refund is the way back.

use proptest::prelude::*;

use super::{Balance, Shortfall, Standing};
use crate::limit::{MeterId, Mode, Per};
use crate::quota::Quota;

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
    balance.units + balance.beyond + balance.overdraft + balance.spent
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
            prop_assert!(balance.units <= units && balance.beyond <= beyond && balance.overdraft <= overdraft);
            prop_assert_eq!(balance.beyond + balance.overage, beyond);
            prop_assert_eq!(balance.overdraft + balance.overdrawn, overdraft);
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

#[test]
fn exhausted_is_said_only_where_a_read_shows_it() {
    let of = |standing| Balance {
        units: 3,
        ungranted: 4,
        limit: 10,
        standing,
        ..Balance::default()
    };
    let quota = quota(10, true);
    assert_eq!(of(Standing::Short).shortfall(&quota, 3), None);
    assert_eq!(of(Standing::Short).shortfall(&quota, 7), Some(Shortfall::Pending));
    assert_eq!(of(Standing::Short).shortfall(&quota, 8), Some(Shortfall::Exhausted));
    assert_eq!(of(Standing::Open).shortfall(&quota, 8), Some(Shortfall::Pending));
    assert_eq!(of(Standing::Away).shortfall(&quota, 4), Some(Shortfall::Away));
    assert_eq!(of(Standing::Asked).shortfall(&quota, 11), Some(Shortfall::Never));
}

#[test]
fn what_was_spent_before_it_was_granted_is_not_spent_again() {
    let mut balance = Balance {
        units: 2,
        overdraft: 5,
        ..Balance::default()
    };
    assert_eq!(balance.spend(6), 0);
    assert_eq!((balance.units, balance.overdrawn, balance.overdraft), (0, 4, 1));
    balance.credit(3, 0);
    assert_eq!((balance.units, balance.overdrawn), (0, 1), "all of it was owed");
    balance.credit(10, 9);
    assert_eq!((balance.units, balance.beyond, balance.overdrawn), (0, 9, 0));
    assert_eq!((balance.spent, balance.overage), (6, 0));
    // A debt that only units beyond the limit can pay is overage.
    let mut late = Balance {
        overdrawn: 2,
        spent: 2,
        ..Balance::default()
    };
    late.credit(5, 5);
    assert_eq!((late.units, late.beyond, late.overage), (0, 3, 2));
}
