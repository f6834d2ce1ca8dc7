//! Rows that say nothing any more are forgotten, and no others.

use std::sync::Arc;

use quorate_core::time::SECOND;
use quorate_store::pool::{PoolLevel, Pools as _};

use super::rig::{Mood, Moody, Rig, ask_for, pooled, store};
use crate::pools::PoolKeeper;
use crate::pools::sweep::PAGE;
use crate::{Node, NodeConfig};

const HOUR_NS: u64 = 3_600 * SECOND;

/// Hours of a day.
const DAY: u64 = 24;

/// The pool's name in policies.
const POOL: &str = "pool";

/// A row that was written so many hours ago.
fn row(node: &Node, org: &str, pool: &str, missing: u64, hours: u64) -> (Arc<str>, Arc<str>, PoolLevel) {
    let at_ns = node.now().wall.0 - hours * HOUR_NS;
    (org.into(), pool.into(), PoolLevel { missing, at_ns })
}

async fn orgs(store: &Moody) -> Vec<String> {
    let rows = store.pools(None, 10_000).await.expect("it answers");
    rows.into_iter().map(|(org, ..)| org.to_string()).collect()
}

fn node() -> Arc<Node> {
    Node::start(NodeConfig::default(), &pooled()).expect("the policy compiles")
}

/// A hundred units come back in 400 days.
#[tokio::test]
async fn rows_of_pools_that_have_been_full_for_a_day_go_and_no_others() {
    let (_folder, store) = store();
    let node = node();
    let rows = [
        row(&node, "full long ago", POOL, 100, 402 * DAY),
        row(&node, "full of few", POOL, 1, 5 * DAY + 12),
        row(&node, "settled as full", POOL, 0, DAY + 12),
        row(&node, "met", POOL, 100, 500 * DAY),
        row(&node, "full since half a day", POOL, 100, 400 * DAY + 12),
        row(&node, "not full", POOL, 100, 399 * DAY),
        row(&node, "settled as full just now", POOL, 0, 0),
        row(&node, "of another policy", "other", 100, 4_000 * DAY),
        row(&node, "written just now", POOL, 1, 0),
    ];
    store.write_pools(&rows).await.expect("it is written");
    let mut keeper = PoolKeeper::new(Arc::clone(&node), store.clone(), Arc::new(|_| ()));
    ask_for(&node, "met").await;
    keeper.sweep().await;
    let mut left = orgs(&store).await;
    left.sort();
    let stay = [
        "full since half a day",
        "met",
        "not full",
        "of another policy",
        "settled as full just now",
        "written just now",
    ];
    assert_eq!(left, stay);
    assert_eq!(node.pool_stats().forgotten, 3);
}

#[tokio::test]
async fn a_turn_goes_through_all_pages_and_another_begins_anew() {
    let (_folder, store) = store();
    let node = node();
    let many = 2 * PAGE + 7;
    let rows: Vec<_> = (0..many)
        .map(|number| {
            row(
                &node,
                &format!("org{number:05}"),
                POOL,
                1,
                if number % 2 == 0 { 30 * DAY } else { 2 * DAY },
            )
        })
        .collect();
    store.write_pools(&rows).await.expect("it is written");
    let mut keeper = PoolKeeper::new(Arc::clone(&node), store.clone(), Arc::new(|_| ()));
    for left in [many - PAGE / 2, many - PAGE, many / 2, many / 2] {
        keeper.sweep().await;
        assert_eq!(orgs(&store).await.len(), left);
    }
    store.write_pools(&rows[..1]).await.expect("it is written");
    keeper.sweep().await;
    assert_eq!(orgs(&store).await.len(), many / 2, "the next turn");
}

#[tokio::test]
async fn a_pool_that_was_forgotten_is_as_full_as_it_was_and_a_store_that_fails_harms_nothing() {
    let (_folder, store) = store();
    let past = node();
    let rows = [
        row(&past, "", POOL, 100, 500 * DAY),
        row(&past, "o", POOL, 100, 500 * DAY),
    ];
    store.write_pools(&rows).await.expect("it is written");
    let mut keeper = PoolKeeper::new(
        Arc::clone(&past),
        store.clone(),
        Arc::new(|_| panic!("nobody needs to know")),
    );
    store.set(Mood::Away);
    keeper.sweep().await;
    store.set(Mood::Well);
    assert_eq!(orgs(&store).await.len(), 2);
    assert_eq!((past.pool_stats().failures, past.pool_stats().forgotten), (1, 0));
    keeper.sweep().await;
    assert_eq!((orgs(&store).await.len(), past.pool_stats().forgotten), (0, 2));

    let rig = Rig::start(&pooled(), &store);
    assert_eq!(rig.drain().await, 100);
    assert!(rig.stop().await);
    let mut keeper = PoolKeeper::new(node(), store.clone(), Arc::new(|_| ()));
    keeper.sweep().await;
    let rig = Rig::start(&pooled(), &store);
    assert_eq!(rig.drain().await, 0, "what was lent after that is not forgotten");
}
