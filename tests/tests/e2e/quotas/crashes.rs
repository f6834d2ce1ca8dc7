//! `kill -9` at random moments under load. Units are counted by the callers: what a server says of itself proves
//! nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;

use super::{folder, monthly, passes, serve, spend_rest};
use crate::harness::{AskExt, Server, ask, time};

const LIMIT: u64 = 1_000_000;
const CALLERS: u64 = 8;
const COST_MAX: u64 = 7;

/// The most that one chunk holds: a thousandth of the limit, or what all callers wait for together.
const CHUNK_MAX: u64 = LIMIT / 1_000;

/// How often a server is killed; `QUORATE_TEST_CRASHES=200` for the long run.
fn rounds() -> u64 {
    std::env::var("QUORATE_TEST_CRASHES").map_or(20, |rounds| rounds.parse().expect("a number"))
}

/// Numbers that follow from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Callers that ask until their server is gone. `seen` grows by what was allowed, as they see it.
async fn load(server: &Server, seen: &Arc<AtomicU64>, answers: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, seen, answers) = (server.client().await, Arc::clone(seen), Arc::clone(answers));
        callers.spawn(async move {
            for request in 0.. {
                let cost = 1 + (caller + request) % COST_MAX;
                let mut caller = client.inner.clone();
                let answer = caller.should_allow(ask("k").of("o").costing(cost)).await;
                let Ok(answer) = answer else { return };
                seen.fetch_add(u64::from(answer.into_inner().allowed) * cost, Ordering::SeqCst);
                answers.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    callers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_nothing_is_spent_twice_and_little_is_stranded() {
    let seed = u64::from(std::process::id()) << 32 | 0x9E37_79B9;
    println!("seed {seed}");
    let mut random = Random(seed);
    let folder = folder();
    let seen = Arc::<AtomicU64>::default();
    let mut recovered = Vec::new();
    let rounds = rounds();
    for _ in 0..rounds {
        let answers = Arc::<AtomicU64>::default();
        let begun = Instant::now();
        let mut server = serve(monthly(LIMIT), &folder);
        let client = server.client().await;
        passes(&client, &ask("k").of("o")).await;
        recovered.push(begun.elapsed());
        seen.fetch_add(1, Ordering::SeqCst);
        let mut callers = load(&server, &seen, &answers).await;
        let until = random.below(400);
        time::until("answers before the crash", || async {
            (answers.load(Ordering::SeqCst) >= until).then_some(())
        })
        .await;
        server.signal(Signal::KILL);
        server.wait();
        while let Some(ended) = callers.join_next().await {
            ended.expect("no caller fails");
        }
    }
    let server = serve(monthly(LIMIT), &folder);
    let client = server.client().await;
    let rest = spend_rest(&client, &ask("k").of("o"), LIMIT).await;
    let spent = seen.load(Ordering::SeqCst) + rest;
    assert!(spent <= LIMIT, "overspent by {}", spent - LIMIT);
    // What was spent for callers that never heard of it counts as stranded here.
    let unheard = CALLERS * COST_MAX;
    let stranded = LIMIT - spent;
    assert!(
        stranded <= rounds * (2 * CHUNK_MAX + unheard),
        "{stranded} units are stranded by {rounds} crashes"
    );
    recovered.sort();
    let median = recovered.get(recovered.len() / 2).copied().unwrap_or_default();
    let longest = recovered.last().copied().unwrap_or(Duration::ZERO);
    println!(
        "{rounds} crashes: overspent 0, stranded {stranded}, recovered within {median:?} (median), {longest:?} (most)"
    );
}
