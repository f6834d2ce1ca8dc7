//! A store that fails, and pieces that cannot be read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::limit::LayoutId;
use quorate_core::state::layout::{Counter, Layouts};
use tokio::sync::watch;

use super::store::{Memory, Pieces, limits_named, spend, start, used};
use crate::windows::pieces::{HEAD, PIECES};
use crate::windows::{Found, Notice};
use crate::{Node, NodeConfig};

/// Waits for rounds, on a clock that passes by itself.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        // tidy: allow sleep because time is simulated and passes only when everybody waits
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} does not happen");
}

#[tokio::test(start_paused = true)]
async fn what_a_store_did_not_take_is_written_when_it_is_back() {
    let store = Memory::of(Pieces::new());
    let (node, keeper, _) = start(&store).await;
    let notices = Arc::<Mutex<Vec<Notice>>>::default();
    let heard = Arc::clone(&notices);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(keeper.run(Arc::new(move |notice| heard.lock().push(notice)), stopped));
    let stats = || node.window_counters().stats();
    spend(&node, "a");
    until("the first rounds", || stats().rounds >= 3).await;
    store.fails.store(true, Ordering::SeqCst);
    spend(&node, "a");
    spend(&node, "b");
    until("failures", || stats().failures >= 3).await;
    assert!(matches!(&notices.lock()[..], [Notice::Behind(why)] if why.contains("told to fail")));
    spend(&node, "b");
    let rounds = stats().rounds;
    store.fails.store(false, Ordering::SeqCst);
    until("further rounds", || stats().rounds >= rounds + 2).await;
    assert_eq!(notices.lock().last(), Some(&Notice::Caught));
    assert_eq!(notices.lock().len(), 2);
    let crashed = Memory::of(store.pieces.lock().clone());
    let (next, _, _) = start(&crashed).await;
    assert_eq!((used(&next, "a", "long"), used(&next, "b", "long")), (2, 2));

    stop.send_replace(true);
    let written = running.await.expect("no panic").expect("it is written");
    assert_eq!(written.entries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_the_store_does_not_take_is_told() {
    let store = Memory::of(Pieces::new());
    let (node, keeper, _) = start(&store).await;
    spend(&node, "a");
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(keeper.run(Arc::new(|_| {}), stopped));
    until("the first rounds", || node.window_counters().stats().rounds >= 2).await;
    store.fails.store(true, Ordering::SeqCst);
    stop.send_replace(true);
    running.await.expect("no panic").expect_err("it is not written");
    store.fails.store(false, Ordering::SeqCst);
    let (next, _, restored) = start(&store).await;
    assert!(!restored.orderly);
    assert_eq!((used(&next, "a", "short"), used(&next, "a", "long")), (0, 1));
}

/// A store after an orderly stop.
async fn stopped() -> Arc<Memory> {
    let store = Memory::of(Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    spend(&node, "a");
    keeper.write_all().await.expect("it is written");
    store
}

#[tokio::test]
async fn a_damaged_piece_is_told_and_costs_what_it_told() {
    for (byte, problem) in [(100, "damaged"), (0, "format")] {
        let store = stopped().await;
        for (name, bytes) in &mut *store.pieces.lock() {
            if name.starts_with(PIECES) {
                bytes[byte] ^= 0x10;
            }
        }
        let (node, mut keeper, restored) = start(&store).await;
        assert_eq!((restored.entries, restored.unread), (0, 1));
        assert!(restored.problems[0].contains(problem), "{restored:?}");
        assert_eq!(node.window_counters().stats().unread, 1);
        // It goes on from there.
        spend(&node, "a");
        keeper.round().await.expect("it is written");
        let (next, _, restored) = start(&store).await;
        assert_eq!(restored.problems, Vec::<String>::new());
        assert_eq!(used(&next, "a", "long"), 1);
    }
}

#[tokio::test]
async fn without_a_head_nothing_is_restored() {
    for (byte, problem) in [(40, "damaged"), (0, "format")] {
        let store = stopped().await;
        store.pieces.lock().get_mut(HEAD).expect("it is there")[byte] ^= 0x10;
        let (node, mut keeper, restored) = start(&store).await;
        assert_eq!((restored.entries, restored.unread), (0, 1));
        assert!(restored.problems[0].contains(problem), "{restored:?}");
        spend(&node, "b");
        keeper.round().await.expect("it is written");
        let (next, _, restored) = start(&store).await;
        assert_eq!((restored.entries, restored.unread), (1, 0));
        assert_eq!((used(&next, "a", "long"), used(&next, "b", "long")), (0, 1));
    }
}

/// As if policies had had as many combinations of limits as can be told apart.
fn crowded(node: &Node) {
    let mut layouts = Layouts::clone(&node.in_force.load().layouts);
    let known = layouts.get(LayoutId(0)).expect("the policy has one");
    let counter = known.counters()[0].clone();
    for number in 0.. {
        let other = Counter {
            name: number.to_string().into(),
            ..counter.clone()
        };
        if layouts.intern_counters([other].into()).is_err() {
            break;
        }
    }
    node.put_in_force(node.policy(), layouts);
}

#[tokio::test]
async fn entries_of_one_combination_of_limits_too_many_are_told_of() {
    let store = stopped().await;
    let found = Found::look(&*store).await.expect("it answers");
    let other = limits_named("other");
    let node = Node::start(NodeConfig::default(), &other).expect("it compiles");
    let node = node.keyed(*found.hash_key());
    crowded(&node);
    let (_, restored) = found.restore(&node, store).await.expect("it answers");
    assert_eq!((restored.entries, restored.no_room), (0, 1));
    assert!(restored.problems[0].contains("no room"), "{restored:?}");
    assert_eq!(node.window_counters().stats().no_room, 1);
}
