//! Stores that fail, hang and lie, and a driver that dies.

use std::sync::Arc;

use quorate_core::accounts::AccountId;
use quorate_core::answer::Reason;
use quorate_core::grant::GrantOutcome;
use quorate_core::request::Request;
use quorate_quota::lease::OperationId;

use super::rig::{Mood, Rig, ask, eventually, lifetime, store, text};
use crate::quotas::driver::Came;
use crate::quotas::{Notice, Quotas, new_holder};
use crate::{Node, NodeConfig, Wanted};

/// A soft quota of 1,000 with an agreement: 10 units may be overdrawn.
const SOFT: &str = "version: 1
defaults: { plan: p }
plans: { p: { quotas: [{ name: q, per: org, limit: 1_000, period: lifetime, kind: soft }] } }
orgs: { acme: { overage: { agreed_by: Ann, agreed_at: 2026-01-01T00:00:00Z } } }
keys: { k: { org: acme } }
";

#[tokio::test]
async fn a_store_that_is_away_denies_what_is_hard_and_says_so_and_comes_back() {
    let (_folder, store) = store();
    store.set(Mood::Away);
    let rig = Rig::start(&lifetime(100), &store);
    let told = rig.until(1, Reason::Unavailable).await;
    assert!(told.degraded);
    assert!(
        rig.notices
            .lock()
            .iter()
            .any(|notice| matches!(notice, Notice::StoreAway))
    );
    assert_eq!(rig.node.quota_counters().stats().away, 1);
    store.set(Mood::Well);
    assert!(!rig.until(1, Reason::Ok).await.degraded);
    assert_eq!(rig.node.quota_counters().stats().away, 0);
    assert_eq!(rig.spend_all().await, (99, Reason::QuotaExhausted));
}

#[tokio::test]
async fn answers_that_are_lost_gain_nothing() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(50), &store);
    assert_eq!(rig.settled(1).await.reason, Reason::Ok);
    let asked = store.operations();
    store.set(Mood::Mute);
    let mut passed = 1;
    for _ in 0..5 {
        passed += u64::from(rig.once(5).await.reason == Reason::Ok) * 5;
    }
    eventually("an operation with a lost answer", || store.operations() > asked).await;
    store.set(Mood::Well);
    // The store counts as away until its next answer.
    loop {
        match rig.settled(1).await.reason {
            Reason::Ok => passed += 1,
            Reason::QuotaExhausted => break,
            Reason::Unavailable => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(passed, 50);
}

#[tokio::test]
async fn what_is_overdrawn_is_booked_and_not_spent_twice() {
    let (_folder, store) = store();
    store.set(Mood::Away);
    let rig = Rig::start(&text(SOFT), &store);
    assert!(rig.until(1, Reason::Ok).await.degraded);
    let (more, reason) = rig.spend_all().await;
    assert_eq!(
        (1 + more, reason),
        (10, Reason::Unavailable),
        "a hundredth of the limit"
    );
    store.set(Mood::Well);
    for spent in 11..=500 {
        let told = rig.until(1, Reason::Ok).await;
        assert_eq!(told.overage, 0, "unit {spent} of 1,000");
    }
    assert!(rig.stop().await);
    assert_eq!(store.rows().await[0].1.granted, 500);
}

#[tokio::test]
async fn what_is_overdrawn_and_never_booked_is_told() {
    let (_folder, store) = store();
    store.set(Mood::Away);
    let rig = Rig::start(&text(SOFT), &store);
    rig.until(1, Reason::Ok).await;
    assert_eq!(rig.spend_all().await.0, 9);
    let (node, notices) = (Arc::clone(&rig.node), Arc::clone(&rig.notices));
    // The stop waits for nothing but time.
    tokio::time::pause();
    assert!(!rig.stop().await);
    assert_eq!(node.quota_counters().stats().unbooked, 10);
    let told = |notice: &Notice| matches!(notice, Notice::Unbooked { units: 10, key } if &*key.org == "acme");
    assert!(notices.lock().iter().any(told), "{:?}", notices.lock());
}

#[tokio::test]
async fn a_soft_quota_that_is_to_deny_overdraws_nothing() {
    let (_folder, store) = store();
    store.set(Mood::Away);
    let rig = Rig::start(&text(&SOFT.replace("soft }", "soft, on_unavailable: deny }")), &store);
    rig.until(1, Reason::Unavailable).await;
    assert_eq!(rig.spend_all().await, (0, Reason::Unavailable));
}

#[tokio::test]
async fn a_store_that_hangs_counts_as_away_and_holds_up_no_stop() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(100), &store);
    assert_eq!(rig.settled(50).await.reason, Reason::Ok);
    let refund = Request {
        cost: Some(10),
        refund: true,
        ..Request::of("k", "")
    };
    assert_eq!(ask(&rig.node, &refund).await.reason, Reason::Ok);
    store.set(Mood::Hung);
    // What follows waits for nothing but time.
    tokio::time::pause();
    rig.until(20, Reason::Unavailable).await;
    assert!(!rig.stop().await, "ten units cannot be given back");
}

#[tokio::test]
async fn a_driver_that_dies_leaves_nothing_to_spend() {
    let (_folder, store) = store();
    let dies = Arc::new(|notice| {
        if matches!(notice, Notice::Alert { .. }) {
            panic!("on purpose: the listener of a test");
        }
    });
    let rig = Rig::listening(&lifetime(10), &store, Arc::default(), dies);
    // The alert at half of it kills the driver, with units on hand or not.
    for _ in 0..5 {
        rig.settled(1).await;
    }
    let node = rig.dies().await;
    for _ in 0..2 {
        let told = ask(&node, &Request::of("k", "")).await;
        assert_eq!((told.reason, told.degraded), (Reason::Unavailable, true));
    }
}

#[tokio::test]
async fn what_was_asked_for_an_account_that_is_gone_is_not_told_to_the_next_of_its_name() {
    let (_folder, store) = store();
    store.set(Mood::Hung);
    let node = Node::start(NodeConfig::default(), &lifetime(100)).expect("it compiles");
    let mut quotas = Quotas::new(Arc::clone(&node), store.clone(), new_holder(), Arc::new(|_| {}));
    let meet = |quotas: &mut Quotas| {
        let reason = node.should_allow(&Request::of("k", ""), Wanted::default(), |answer| answer.reason);
        assert_eq!(reason, Ok(Reason::QuotaPending));
        quotas.step();
        let (id, account) = quotas.accounts.first_key_value().expect("it was met");
        let balance = account.balances.values().next().expect("it has a balance").id;
        (*id, balance)
    };
    let came = |account: AccountId, balance| Came {
        account,
        balance,
        operation: OperationId(1),
        outcome: GrantOutcome::Row(None),
    };
    let (id, gone) = meet(&mut quotas);
    node.shard_of("k").lock().accounts().forget(id);
    quotas.drop_account(id);
    let (again, present) = meet(&mut quotas);
    assert_eq!(again, id);
    assert_ne!(gone, present);
    let sent = || node.quota_counters().stats().operations;
    let before = sent();
    quotas.came(came(id, gone));
    assert_eq!(sent(), before, "an old answer means nothing");
    quotas.came(came(id, present));
    assert_eq!(sent(), before + 1, "its own answer moves it on");
}
