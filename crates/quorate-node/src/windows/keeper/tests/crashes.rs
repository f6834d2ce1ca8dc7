//! Whatever write a crash comes after, no more is lost than what was used since the last round began.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::store::{Memory, limits, spend, start, used};
use crate::windows::keeper::shards;
use crate::windows::pieces::HEAD;
use crate::{Node, NodeConfig};

/// Enough that a turn takes several rounds.
const KEYS: u64 = 3_000;

fn key(number: u64) -> String {
    format!("key-{number}")
}

/// Numbers that look random and are the same each time.
fn mix(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}

/// Spends while rounds are under way, and notes it.
async fn spend_on(node: Arc<Node>, spent: Arc<Mutex<Vec<u64>>>) {
    for hit in 0_u64.. {
        let number = mix(hit) % KEYS;
        // Some grow, and so move to another slot.
        for _ in 0..1 + hit % 7 {
            spend(&node, &key(number));
            spent.lock()[place(number)] += 1;
        }
        tokio::task::yield_now().await;
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).expect("few")
}

#[tokio::test]
async fn no_crash_loses_what_was_used_before_the_last_round() {
    let store = Memory::of(super::store::Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    for number in 0..KEYS {
        spend(&node, &key(number));
    }
    let spent = Arc::new(Mutex::new(vec![1; place(KEYS)]));
    let spending = tokio::spawn(spend_on(Arc::clone(&node), Arc::clone(&spent)));
    // What was used before the last round that is done began.
    let mut durable = vec![0; place(KEYS)];
    for round in 0..24_u64 {
        let before = spent.lock().clone();
        store.states.lock().clear();
        keeper.round().await.expect("it is written");
        let states = core::mem::take(&mut *store.states.lock());
        let after = spent.lock().clone();
        let last = states.len() - 1;
        for (at, state) in states.into_iter().enumerate() {
            if at == last {
                durable.clone_from(&before);
            }
            let (next, _, _) = start(&Memory::of(state)).await;
            for number in (0..KEYS).filter(|number| mix(round * KEYS + number).is_multiple_of(20)) {
                let (known, number) = (used(&next, &key(number), "long"), place(number));
                assert!(
                    (durable[number]..=after[number]).contains(&known),
                    "round {round}, state {at} of {last}, key {number}: {known}, not {}",
                    durable[number]
                );
            }
        }
    }
    spending.abort();
}

#[tokio::test]
async fn places_are_used_again_and_do_not_pile_up() {
    let store = Memory::of(super::store::Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    for round in 0..300 {
        spend(&node, &key(round % 7));
        keeper.round().await.expect("it is written");
        assert!(store.pieces.lock().len() <= 8, "{:?}", store.pieces.lock().keys());
    }
    let (next, _, restored) = start(&store).await;
    assert_eq!(restored.entries, 7);
    assert_eq!((0..7).map(|number| used(&next, &key(number), "long")).sum::<u64>(), 300);
}

#[tokio::test]
async fn idle_rounds_write_nothing() {
    let store = Memory::of(super::store::Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    spend(&node, "k");
    for _ in 0..4 {
        keeper.round().await.expect("it is written");
    }
    store.states.lock().clear();
    for _ in 0..20 {
        keeper.round().await.expect("nothing fails");
    }
    // Nothing but the head, should the machine have taken so long.
    let written = store.states.lock().len();
    assert!(written <= 2, "{written} writes");
    assert_eq!(node.window_counters().stats().rounds, 24);
}

#[tokio::test]
async fn a_round_that_failed_halfway_leaves_nothing_behind() {
    const MANY: u64 = 20_000;
    let store = Memory::of(super::store::Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    for number in 0..MANY {
        spend(&node, &key(number));
    }
    keeper.waiting_max = 1;
    store.fails.store(true, Ordering::SeqCst);
    keeper.round().await.expect_err("the store fails");
    store.fails.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        keeper.round().await.expect("it is written");
    }
    let left = store.pieces.lock().clone();
    let (_, _, restored) = start(&Memory::of(left)).await;
    assert_eq!(restored.entries, MANY);
}

#[tokio::test]
async fn nothing_is_written_while_another_server_may_write() {
    let store = Memory::of(super::store::Pieces::new());
    let (node, keeper, _) = start(&store).await;
    let (hold, until) = tokio::sync::watch::channel(tokio::time::Instant::now());
    let mut keeper = keeper.while_held(until);
    spend(&node, "k");
    let before = store.pieces.lock().clone();
    keeper.round().await.expect_err("nobody knows who has the lock");
    keeper.write_all().await.expect_err("nor now");
    assert_eq!(*store.pieces.lock(), before);
    hold.send_replace(tokio::time::Instant::now() + std::time::Duration::from_secs(3_600));
    keeper.round().await.expect("it is held again");
    assert_ne!(*store.pieces.lock(), before);
}

#[tokio::test]
async fn everything_is_kept_at_a_stop_and_only_once() {
    let store = Memory::of(super::store::Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    for number in 0..500 {
        spend(&node, &key(number));
    }
    keeper.round().await.expect("it is written");
    spend(&node, &key(3));
    let written = keeper.write_all().await.expect("it is written");
    assert_eq!(written.entries, 500);

    let (next, mut keeper, restored) = start(&store).await;
    assert!(restored.orderly && restored.problems.is_empty(), "{restored:?}");
    assert_eq!((restored.entries, restored.bytes), (500, written.bytes));
    assert_eq!(used(&next, &key(3), "short"), 2);
    assert_eq!(used(&next, &key(4), "short"), 1);
    // A crash of the next, before and after its first round.
    for _ in 0..2 {
        let left = store.pieces.lock().clone();
        let (third, _, restored) = start(&Memory::of(left)).await;
        assert!(!restored.orderly);
        assert_eq!(used(&third, &key(3), "short"), 0);
        assert_eq!(used(&third, &key(3), "long"), 2);
        keeper.round().await.expect("it is written");
    }
}

/// Timestamps of a server whose clock is behind begin after that of the head, and forgotten pieces have none to be read.
#[tokio::test]
async fn nothing_is_forgotten_after_the_last_head() {
    let store = Memory::of(super::store::Pieces::new());
    let (node, mut keeper, _) = start(&store).await;
    spend(&node, "k");
    keeper.round().await.expect("it is written");
    store.states.lock().clear();
    keeper.write_all().await.expect("it is written");
    let states = core::mem::take(&mut *store.states.lock());
    let [.., before, last] = &states[..] else {
        panic!("{} writes", states.len());
    };
    assert!(states[0].len() > last.len(), "nothing was forgotten");
    assert_eq!(before.len(), last.len());
    assert_ne!(before.get(HEAD), last.get(HEAD));
}

#[tokio::test]
async fn a_node_that_kept_nothing_restores_nothing() {
    let store = Memory::of(super::store::Pieces::new());
    let (_, _, restored) = start(&store).await;
    assert_eq!(restored, crate::windows::Restoration::default());
    assert!(store.pieces.lock().contains_key(HEAD));
    let node = Node::start(NodeConfig::default(), &limits()).expect("it compiles");
    assert_eq!(node.shards.len(), usize::from(shards()));
}

/// Where pieces of all windows say so.
const SCOPE_AT: usize = 1;

#[tokio::test]
async fn a_stop_that_is_cut_off_has_lost_nothing_of_an_hour_by_its_first_piece_of_all() {
    for turns in [0, 1, 20, 70] {
        let store = Memory::of(super::store::Pieces::new());
        let (node, mut keeper, _) = start(&store).await;
        for number in 0..KEYS {
            spend(&node, &key(number));
        }
        keeper.round().await.expect("it is written");
        for number in 0..KEYS / 2 {
            spend(&node, &key(number));
        }
        // The stop breaks a round off, which has collected some.
        let patience = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = patience => {}
            round = keeper.round() => round.expect("it is written"),
        }
        for number in KEYS / 3..KEYS {
            spend(&node, &key(number));
        }
        store.states.lock().clear();
        keeper.write_all().await.expect("it is written");
        let states = core::mem::take(&mut *store.states.lock());
        let all = |state: &super::store::Pieces| {
            let mut pieces = state.iter().filter(|(name, _)| *name != HEAD);
            pieces.any(|(_, piece)| piece[SCOPE_AT] == 0)
        };
        let cut = states.into_iter().take_while(|state| !all(state)).last();
        let (next, _, restored) = start(&Memory::of(cut.expect("long windows go first"))).await;
        assert!(!restored.orderly, "{restored:?}");
        for number in 0..KEYS {
            let spent = 1 + u64::from(number < KEYS / 2) + u64::from(number >= KEYS / 3);
            assert_eq!(
                used(&next, &key(number), "long"),
                spent,
                "key {number}, after {turns} turns"
            );
        }
    }
}
