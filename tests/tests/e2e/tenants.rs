//! Tenants beside each other: one that floods, invents keys, or hoards takes nothing from the others, neither their
//! turn nor their limits nor their memory.
//!
//! Judged by what is counted. The flood never pauses, so every answer that another tenant gets meanwhile is one that did
//! not wait for the flood to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt;
use quorate_api::v1::should_allow_stream_response::Result as Outcome;
use quorate_api::v1::{Reason, ShouldAllowRequest, ShouldAllowStreamRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::client::within;
use crate::harness::{AskExt, Client, Launch, ask, policy, time};

/// Streams of the flood, all on one connection, and questions in flight on each.
const STREAMS: usize = 16;
const IN_FLIGHT: usize = 256;
/// Other tenants: enough that some share a lock with the one that floods, since there are 64 locks.
const TENANTS: usize = 200;
/// What a key may have, here.
const LIMIT: usize = 10;
/// The most answers that the flood may get, for each one that somebody else waits for: what the flood has in flight,
/// some times over. Who were served only when the flood lets them would wait for many more.
const TURNS_MAX: usize = 20 * STREAMS * IN_FLIGHT;

#[derive(Default)]
struct Flood {
    allowed: AtomicUsize,
    denied: AtomicUsize,
    stop: AtomicBool,
}

impl Flood {
    fn answered(&self) -> usize {
        self.allowed.load(Ordering::Relaxed) + self.denied.load(Ordering::Relaxed)
    }
}

/// Keeps as many questions in flight on one stream as it may, until told to stop.
async fn flood(client: Client, question: ShouldAllowRequest, flood: Arc<Flood>) {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let opened = within(client.inner.clone().should_allow_stream(ReceiverStream::new(receiver))).await;
    let mut answers = opened.expect("a stream").into_inner();
    let message = ShouldAllowStreamRequest {
        request: Some(question),
    };
    for _ in 0..IN_FLIGHT {
        sender.send(message.clone()).await.expect("the stream is open");
    }
    while !flood.stop.load(Ordering::Relaxed) {
        let answer = within(answers.next()).await.expect("one more").expect("no error");
        let Some(Outcome::Response(answer)) = answer.result else {
            panic!("an answer was expected")
        };
        if answer.allowed {
            flood.allowed.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!(answer.reason(), Reason::RateLimited);
            flood.denied.fetch_add(1, Ordering::Relaxed);
        }
        sender.send(message.clone()).await.expect("the stream is open");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_floods_takes_neither_turns_nor_limits_from_others() {
    // One thread decides for all of them, and few places are to be had.
    let server = Launch::with(policy::one_limit(10, "1h"))
        .args(["--data-threads", "1", "--in-flight-max", "64"])
        .start();
    let noisy = server.client().await;
    let calm = server.client().await;
    let counts = Arc::new(Flood::default());
    let mut load = JoinSet::new();
    for _ in 0..STREAMS {
        let question = ask("greedy").of("noisy");
        load.spawn(flood(noisy.clone(), question, Arc::clone(&counts)));
    }
    time::eventually("a flood", || async { (counts.answered() > 10_000).then_some(()) }).await;

    let mut turns = Vec::new();
    for tenant in 0..TENANTS {
        let question = ask("k").of(&format!("tenant-{tenant}"));
        for turn in 0..=LIMIT {
            let before = counts.answered();
            let answer = calm.ask(question.clone()).await;
            turns.push(counts.answered() - before);
            let expected = if turn < LIMIT { Reason::Ok } else { Reason::RateLimited };
            assert_eq!(answer.reason(), expected, "tenant {tenant}, turn {turn}: {answer:?}");
        }
    }
    assert!(turns.iter().sum::<usize>() > 0, "the flood went on meanwhile");
    let most = turns.iter().max().copied().unwrap_or_default();
    assert!(
        most <= TURNS_MAX,
        "{most} answers for the flood before one for somebody else"
    );

    counts.stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    assert_eq!(
        counts.allowed.load(Ordering::Relaxed),
        LIMIT,
        "and got what it may have, once"
    );
    assert_eq!(server.metric("quorate_requests_overloaded_total", &[]).await, 0);
    // Who floods has used what it may have and nothing else, and the others theirs.
    assert_eq!(calm.used(ask("greedy").of("noisy"), "own").await, 10);
    assert_eq!(calm.used(ask("k").of("tenant-7"), "own").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_invents_keys_uses_up_its_own_memory_and_nobody_elses() {
    let server = Launch::with(policy::one_limit(10, "1h"))
        .args(["--memory-max", "64MiB", "--org-memory-max", "1MiB"])
        .start();
    let client = server.client().await;
    // Half of the calm tenants' keys are there before the spray, half come after it.
    let keys: Vec<_> = (0..TENANTS)
        .flat_map(|tenant| ["early", "late"].map(|key| (key, ask(key).of(&format!("tenant-{tenant}")))))
        .collect();
    let of = |when: &'static str| {
        keys.iter()
            .filter(move |(key, _)| *key == when)
            .map(|(_, ask)| ask.clone())
    };
    let early: Vec<_> = of("early").map(|ask| ask.costing(4)).collect();
    assert!(client.each(early).await.all_allowed);
    for batch in 0..100 {
        let invented = (0..1_000).map(|n| ask(&format!("invented-{batch}-{n}")).of("noisy"));
        client.each(invented.collect()).await;
    }
    assert!(
        server.metric("quorate_state_overflowed_total", &[]).await > 0,
        "it met its bound"
    );
    client.denied(ask("one-more").of("noisy"), Reason::RateLimited).await;
    for (key, left) in [("early", 6), ("late", 10)] {
        assert!(
            client
                .each(of(key).map(|ask| ask.costing(left)).collect())
                .await
                .all_allowed
        );
        let more = client.each(of(key).collect()).await;
        let denied = more.responses.iter().filter(|answer| !answer.allowed).count();
        assert_eq!(denied, TENANTS, "{key} keys have limits of their own, to the unit");
    }
}

#[tokio::test]
async fn a_tenant_that_hoards_slots_and_operations_leaves_others_theirs() {
    let jobs = policy::plan("limits: [{ name: own, per: key, limit: 1_000_000, window: 1h }]\nslots: { s: 1_000_000 }")
        + "\nendpoints: [{ match: POST /jobs, slot: s }]\n";
    let server = Launch::with(jobs).start();
    let client = server.client().await;
    let of = |tenant: usize| format!("tenant-{tenant}");
    let once = |tenant: usize| ask("k").of(&of(tenant)).operation("once");
    assert!(client.each((0..TENANTS).map(once).collect()).await.all_allowed);
    let mut refused = 0;
    for batch in 0..20 {
        let hoard = |n: usize| {
            let operation = format!("operation-{batch}-{n}");
            let once = ask("k").of("noisy").operation(&operation);
            // What is denied a slot is not kept: half of them want none.
            if n.is_multiple_of(2) {
                once.at("POST /jobs")
            } else {
                once
            }
        };
        let answers = client.each((0..1_000).map(hoard).collect()).await.responses;
        refused += answers.iter().filter(|answer| !answer.allowed).count();
    }
    assert!(refused > 0, "one tenant cannot have all slots");
    assert!(server.metric("quorate_slots_bounded_total", &[]).await > 0);
    assert!(
        server.metric("quorate_operations_evicted_total", &[]).await > 0,
        "nor all memory of operations"
    );
    let again = client.each((0..TENANTS).map(once).collect()).await.responses;
    assert!(
        again.iter().all(|answer| answer.replayed),
        "nobody else's was forgotten for it"
    );
    let jobs = (0..TENANTS).map(|tenant| ask("k").of(&of(tenant)).at("POST /jobs"));
    let held = client.each(jobs.collect()).await.responses;
    assert!(held.iter().all(|answer| answer.slot_held), "everybody else has slots");
}
