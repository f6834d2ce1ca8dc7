//! The keeper on the real embedded store, well and not: nothing is lent twice, and whatever breaks is told.

mod rig;
mod sweeping;

use quorate_core::answer::Reason;
use quorate_core::time::{Instant, Now, SECOND};
use quorate_core::window::pool::Pool;
use quorate_store::pool::{PoolLevel, Pools as _};

use super::level::{level, row};
use super::{Notice, PoolKeeper};
use rig::{CHUNK, Mood, Rig, pooled, store};

#[tokio::test]
async fn a_stop_keeps_the_level_and_a_crash_loses_a_chunk_at_most() {
    let (_folder, store) = store();
    let rig = Rig::start(&pooled(), &store);
    rig.lend(30).await;
    assert!(rig.stop().await);
    let rig = Rig::start(&pooled(), &store);
    rig.lend(20).await;
    rig.crash().await;
    let rig = Rig::start(&pooled(), &store);
    let rest = rig.drain().await;
    assert!((50 - CHUNK..=50).contains(&rest), "{rest} of 50");
    assert!(rig.stop().await);
    let rig = Rig::start(&pooled(), &store);
    assert_eq!(rig.drain().await, 0);
}

#[tokio::test]
async fn while_the_store_is_away_what_is_deducted_is_lent_and_then_the_pool_is_as_empty() {
    let (_folder, store) = store();
    let rig = Rig::start(&pooled(), &store);
    rig.lend(1).await;
    rig.until("a chunk is deducted", |stats| stats.operations >= 2).await;
    store.set(Mood::Away);
    let told = rig.until_told(|told| told.reason != Reason::Ok && told.degraded).await;
    assert_eq!(told.reason, Reason::PoolExhausted);
    assert!(told.retry_after_ns >= SECOND, "{told:?}");
    let lent = rig.lent();
    assert!(lent <= 1 + 2 * CHUNK, "{lent}");
    store.set(Mood::Well);
    rig.lend(100 - lent).await;
    let told = rig.settled().await;
    assert!(told.reason == Reason::PoolExhausted && !told.degraded, "{told:?}");
}

#[tokio::test]
async fn a_store_that_does_what_it_is_asked_and_says_otherwise_is_not_believed() {
    let (_folder, store) = store();
    let rig = Rig::start(&pooled(), &store);
    rig.lend(10).await;
    store.set(Mood::Mute);
    rig.until_told(|told| told.degraded && told.reason != Reason::Ok).await;
    let lent = rig.lent();
    rig.crash().await;
    store.set(Mood::Well);
    let rig = Rig::start(&pooled(), &store);
    let rest = rig.drain().await;
    assert!(lent + rest <= 100, "{lent} and {rest}");
    assert!(lent + rest >= 100 - 2 * CHUNK, "{lent} and {rest}");
}

#[tokio::test]
async fn a_pool_whose_row_cannot_be_read_lends_nothing_and_says_so() {
    let (_folder, store) = store();
    store.set(Mood::Away);
    let rig = Rig::start(&pooled(), &store);
    let told = rig.until_told(|told| told.degraded).await;
    assert_eq!(told.reason, Reason::PoolExhausted);
    assert_eq!(rig.lent(), 0);
    store.set(Mood::Well);
    rig.lend(5).await;
}

#[tokio::test]
async fn without_its_keeper_a_pool_lends_no_more_than_is_deducted() {
    let (_folder, store) = store();
    let rig = Rig::start(&pooled(), &store);
    rig.lend(10).await;
    let node = rig.crash().await;
    let mut lent = 0;
    loop {
        let told = rig::ask(&node).await;
        if told.reason != Reason::Ok {
            assert!(told.degraded, "{told:?}");
            break;
        }
        lent += 1;
    }
    assert!(lent <= CHUNK, "{lent}");
    assert!(!node.pool_stats().running);
}

#[tokio::test]
async fn while_another_server_may_lend_only_what_was_deducted_before_is_lent() {
    let (_folder, store) = store();
    let rig = Rig::start(&pooled(), &store);
    rig.lend(10).await;
    rig.hold.send_replace(tokio::time::Instant::now());
    // What another server makes of the row, which it may change from now on.
    let other = store.pools(None, 10).await.expect("it answers");
    let told = rig.until_told(|told| told.reason != Reason::Ok && told.degraded).await;
    assert_eq!(told.reason, Reason::PoolExhausted);
    assert_eq!(store.pools(None, 10).await.expect("it answers"), other);
    assert!(rig.lent() <= other[0].2.missing, "{} of {other:?}", rig.lent());
    let lent = rig.lent();
    rig.hold.send_replace(tokio::time::Instant::now() + rig::FOR_LONG);
    rig.lend(100 - lent).await;
    rig.hold.send_replace(tokio::time::Instant::now());
    assert!(!rig.stop().await, "nor at the end");
}

#[tokio::test]
async fn a_keeper_that_is_dropped_before_it_ran_lets_nobody_wait() {
    let (_folder, store) = store();
    let rig = Rig::start(&pooled(), &store);
    let node = rig.crash().await;
    drop(PoolKeeper::new(
        std::sync::Arc::clone(&node),
        store,
        std::sync::Arc::new(|_| {}),
    ));
    let told = rig::ask(&node).await;
    assert!(told.reason == Reason::PoolExhausted && told.degraded, "{told:?}");
}

#[tokio::test]
async fn a_store_that_is_away_is_told_of_once() {
    let (_folder, store) = store();
    store.set(Mood::Away);
    let rig = Rig::start(&pooled(), &store);
    rig.until_told(|told| told.degraded).await;
    rig.until("it is asked again", |stats| stats.failures >= 2).await;
    store.set(Mood::Well);
    rig.lend(5).await;
    rig.until("it is back", |_| rig.notices.lock().len() > 1).await;
    let notices = rig.notices.lock().clone();
    assert!(
        matches!(&notices[..], [Notice::Away(why), Notice::Back] if why.contains("told")),
        "{notices:?}"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_spoils_no_other() {
    let (_folder, store) = store();
    store.set(Mood::Spoilt("bad"));
    let rig = Rig::start(&pooled(), &store);
    for _ in 0..3 {
        let (bad, good) = tokio::join!(rig::ask_for(&rig.node, "bad"), rig.once());
        assert_eq!(bad.reason, Reason::PoolExhausted);
        assert!(!good.degraded, "{good:?}");
    }
    rig.lend(20).await;
    rig.until("both were asked for", |stats| stats.failures > 0).await;
    let spoilt = |notice: &Notice| matches!(notice, Notice::Spoilt { org, .. } if &**org == "bad");
    let notices = rig.notices.lock().clone();
    assert!(notices.len() == 1 && notices.iter().all(spoilt), "{notices:?}");
    store.set(Mood::Well);
    let mended = async {
        while rig::ask_for(&rig.node, "bad").await.reason != Reason::Ok {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(rig::EVENTUALLY, mended)
        .await
        .expect("it is read once it can be");
}

#[test]
fn a_row_tells_wall_time_whatever_became_of_the_clocks() {
    let now = Now {
        instant: Instant(1_000 * SECOND),
        wall: Instant(5_000 * SECOND),
    };
    for (at, at_ns) in [(990, 4_990), (1_000, 5_000), (1_001, 5_001)] {
        let pool = Pool {
            missing: 7,
            shares: 0,
            at: Instant(at * SECOND),
        };
        let stored = PoolLevel {
            missing: 7,
            at_ns: at_ns * SECOND,
        };
        assert_eq!(level(&pool, now), stored);
        assert_eq!(row(stored, now), pool);
    }
}
