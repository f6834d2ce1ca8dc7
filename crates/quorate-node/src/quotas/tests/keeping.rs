//! What is spent stays spent, and what is not comes back.

use std::sync::Arc;

use quorate_core::answer::Reason;
use quorate_core::request::{ChargeMode, Request};

use tokio::time::Instant;

use super::rig::{EVENTUALLY, Rig, ask, lifetime, policy, store};
use crate::Wanted;

#[tokio::test]
async fn a_quota_is_spent_to_the_last_unit_over_all_lives() {
    let (_folder, store) = store();
    let policy = lifetime(100);
    let first = Rig::start(&policy, &store);
    for _ in 0..37 {
        assert_eq!(first.settled(1).await.reason, Reason::Ok);
    }
    assert!(first.stop().await, "everything goes back");
    let rows = store.rows().await;
    assert_eq!((rows.len(), rows[0].1.granted), (1, 37), "{rows:?}");
    let second = Rig::start(&policy, &store);
    assert_eq!(second.spend_all().await, (63, Reason::QuotaExhausted));
    assert!(second.stop().await);
    let third = Rig::start(&policy, &store);
    assert_eq!(third.spend_all().await, (0, Reason::QuotaExhausted));
}

#[tokio::test]
async fn a_crash_strands_little_and_gains_nothing() {
    let (_folder, store) = store();
    let policy = lifetime(1_000);
    let mut spent = 0;
    for life in 0..5 {
        let rig = Rig::start(&policy, &store);
        for _ in 0..10 * life {
            assert_eq!(rig.settled(1).await.reason, Reason::Ok);
            spent += 1;
        }
        rig.crash().await;
    }
    let last = Rig::start(&policy, &store);
    let (rest, _) = last.spend_all().await;
    // A chunk of this quota is one unit, and what a life needs at once.
    assert!(spent + rest <= 1_000, "{spent} + {rest}");
    assert!(spent + rest >= 1_000 - 2 * 5, "{spent} + {rest}");
}

#[tokio::test]
async fn costs_larger_than_a_chunk_are_served() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(10_000), &store);
    assert_eq!(rig.settled(9_000).await.reason, Reason::Ok);
    assert_eq!(rig.settled(1_001).await.reason, Reason::QuotaExhausted);
    assert_eq!(rig.settled(10_001).await.reason, Reason::CostExceedsLimit);
    assert_eq!(rig.settled(1_000).await.reason, Reason::Ok);
    assert_eq!(rig.settled(1).await.reason, Reason::QuotaExhausted);
}

#[tokio::test]
async fn what_charges_limits_even_when_it_is_denied_does_so_once() {
    let (_folder, store) = store();
    let policy = policy(
        "limits: [{ name: l, per: key, limit: 100, window: 1h }], quotas: [{ name: q, per: org, limit: 50, period: lifetime }]",
    );
    let rig = Rig::start(&policy, &store);
    let each = Request {
        charge_mode: ChargeMode::Each,
        ..Request::of("k", "")
    };
    let first = ask(&rig.node, &each).await;
    assert_eq!(first.reason, Reason::QuotaPending, "nothing was known of the quota");
    let look = Request {
        cost: Some(0),
        ..Request::of("k", "")
    };
    let used = rig.node.should_allow(&look, Wanted { statuses: true }, |answer| {
        let limit = answer.statuses.iter().find(|status| status.name == "l");
        limit.expect("it is met").used
    });
    assert_eq!(used, Ok(1), "it was not asked anew behind the caller's back");
}

#[tokio::test]
async fn what_a_limit_denies_leaves_the_quota_to_others() {
    let (_folder, store) = store();
    let policy = policy(
        "limits: [{ name: l, per: org, limit: 100, window: 1d, count: calls }], quotas: [{ name: q, per: org, limit: 100_000, period: lifetime }]",
    );
    let (first, second) = (Rig::start(&policy, &store), Rig::start(&policy, &store));
    let hundred = Request {
        cost: Some(100),
        ..Request::of("k", "")
    };
    let crowd = (0..1_000).map(|_| {
        let node = Arc::clone(&first.node);
        tokio::spawn(async move { ask(&node, &hundred).await.reason })
    });
    for asked in crowd.collect::<Vec<_>>() {
        let reason = asked.await.expect("no caller fails");
        assert_ne!(reason, Reason::QuotaExhausted);
    }
    first.until(100, Reason::RateLimited).await;
    let look = Request {
        check_only: true,
        ..hundred
    };
    for _ in 0..100 {
        assert_eq!(ask(&first.node, &look).await.reason, Reason::RateLimited);
    }
    // What passed, and what a few of those that wait take ahead.
    assert!(store.rows().await[0].1.granted < 20_000, "{:?}", store.rows().await);
    assert_eq!(second.settled(80_000).await.reason, Reason::Ok, "nobody has spent it");
}

#[tokio::test]
async fn looks_lease_nothing_and_answer() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(1_000), &store);
    let look = |cost| Request {
        cost: Some(cost),
        check_only: true,
        ..Request::of("k", "")
    };
    let node = Arc::clone(&rig.node);
    let looks = |cost, reason| {
        let node = Arc::clone(&node);
        async move {
            let deadline = Instant::now() + EVENTUALLY;
            while ask(&node, &look(cost)).await.reason != reason {
                assert!(Instant::now() < deadline, "a look for {cost} is never told {reason:?}");
            }
        }
    };
    looks(1_000, Reason::Ok).await;
    assert_eq!(store.rows().await[0].1.granted, 0);
    assert_eq!(rig.settled(400).await.reason, Reason::Ok);
    looks(601, Reason::QuotaExhausted).await;
    looks(600, Reason::Ok).await;
    assert_eq!(store.rows().await[0].1.granted, 400);
}

#[tokio::test]
async fn what_is_recorded_is_booked_whether_it_was_leased_or_not() {
    let (_folder, store) = store();
    let rig = Rig::start(&lifetime(10_000), &store);
    let record = |cost| Request {
        cost: Some(cost),
        charge_mode: ChargeMode::Record,
        ..Request::of("k", "")
    };
    for cost in [5_000, 1_000] {
        assert_eq!(ask(&rig.node, &record(cost)).await.reason, Reason::Ok);
    }
    assert_eq!(rig.settled(4_001).await.reason, Reason::QuotaExhausted);
    assert_eq!(rig.settled(3_000).await.reason, Reason::Ok);
    let told = ask(&rig.node, &record(2_500)).await;
    assert_eq!((told.reason, told.overage), (Reason::Ok, 1_500), "beyond the limit");
    assert_eq!(rig.settled(1).await.reason, Reason::QuotaExhausted);
    assert!(rig.stop().await);
    assert_eq!(store.rows().await[0].1.granted, 10_000, "as far as the limit goes");
}
