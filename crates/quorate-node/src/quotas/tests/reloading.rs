//! Policies that change under quotas that are being spent.

use quorate_core::answer::Reason;

use super::rig::{Mood, Rig, eventually, lifetime, policy, store};

fn without() -> quorate_policy::Checked {
    policy("limits: [{ name: l, per: key, limit: 100000, window: 1h }]")
}

#[tokio::test]
async fn a_cap_is_raised_and_lowered() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(10), &store);
    assert_eq!(rig.spend_all().await, (10, Reason::QuotaExhausted));
    rig.node.reload(&lifetime(15)).expect("it compiles");
    rig.until(1, Reason::Ok).await;
    assert_eq!(rig.spend_all().await, (4, Reason::QuotaExhausted));
    rig.node.reload(&lifetime(12)).expect("it compiles");
    rig.node.reload(&lifetime(20)).expect("it compiles");
    rig.until(1, Reason::Ok).await;
    assert_eq!(rig.spend_all().await, (4, Reason::QuotaExhausted));
}

#[tokio::test]
async fn a_quota_that_goes_gives_back_and_one_that_returns_goes_on() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(100), &store);
    for _ in 0..30 {
        assert_eq!(rig.settled(1).await.reason, Reason::Ok);
    }
    rig.node.reload(&without()).expect("it compiles");
    for _ in 0..10 {
        assert_eq!(rig.once(1).await.reason, Reason::Ok, "nothing binds");
    }
    let counters = rig.node.quota_counters();
    eventually("the account's end", || counters.stats().accounts == 0).await;
    assert_eq!(store.rows().await[0].1.granted, 30);
    rig.node.reload(&lifetime(100)).expect("it compiles");
    assert_eq!(rig.spend_all().await, (70, Reason::QuotaExhausted));
}

#[tokio::test]
async fn a_quota_that_goes_and_returns_while_its_units_go_back_is_not_overspent() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(300), &store);
    let mut passed = 0;
    for round in 0..20 {
        for _ in 0..10 {
            passed += u64::from(rig.settled(1).await.reason == Reason::Ok);
        }
        store.set(if round % 3 == 0 { Mood::Mute } else { Mood::Well });
        rig.node.reload(&without()).expect("it compiles");
        tokio::task::yield_now().await;
        rig.node.reload(&lifetime(300)).expect("it compiles");
        store.set(Mood::Well);
    }
    let (rest, reason) = rig.spend_all().await;
    assert_eq!((passed + rest, reason), (300, Reason::QuotaExhausted));
}

#[tokio::test]
async fn other_periods_are_other_rows() {
    let (_folder, store) = store();
    let of = |period: &str| {
        policy(&format!(
            "quotas: [{{ name: q, per: org, limit: 10, period: {period} }}]"
        ))
    };
    let rig = Rig::start(&of("lifetime"), &store);
    assert_eq!(rig.spend_all().await, (10, Reason::QuotaExhausted));
    rig.node.reload(&of("year")).expect("it compiles");
    rig.until(1, Reason::Ok).await;
    assert_eq!(rig.spend_all().await, (9, Reason::QuotaExhausted));
    rig.node.reload(&of("lifetime")).expect("it compiles");
    assert_eq!(
        rig.until(1, Reason::QuotaExhausted).await.reason,
        Reason::QuotaExhausted
    );
    assert!(rig.stop().await);
    let rows = store.rows().await;
    let granted: Vec<u64> = rows.iter().map(|(_, row)| row.granted).collect();
    assert_eq!(granted, [10, 10], "{rows:?}");
}
