//! One server on a database, alone: what it keeps of windows, pools and quotas over a stop in good order and over
//! `kill -9`, and what it forgets; and a second one, which has to be told that each has windows of its own. Each of the
//! windows is far longer than the test.

use std::path::Path;

use quorate_api::v1::{Reason, ShouldAllowRequest, ShouldAllowResponse};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::cassandra;
use crate::harness::{AskExt, Client, Launch, Server, ask, policy};
use crate::stores::{self, DEADLINE, PATIENT};

/// Of the pool: it has hardly refilled by the end.
const POOL: u64 = 200;
/// What a crash may lose of it.
const CHUNK: u64 = POOL / 20;
/// Of the quota.
const QUOTA: u64 = 1_000;
/// A denial that says so early a time waits for the database; what these tests have used up comes back far later.
const PENDING_NS: u64 = 2_000_000_000;

/// Windows, a pool, a quota, and a slot.
fn everything() -> String {
    policy::plan(&format!(
        "limits: [{{ name: minute, limit: 10, window: 59m, per: key }}, \
                  {{ name: hour, limit: 500, window: 10h, per: key }}, \
                  {{ name: bucket, limit: 40, refill: 1, every: 10h, per: key, algorithm: token_bucket }}]\n\
         pool: {{ capacity: {POOL}, refill: {POOL}, every: 400d, mode: ceiling }}\n\
         quotas: [{{ name: q, per: org, limit: {QUOTA}, period: lifetime }}]\n\
         slots: {{ s: 1 }}"
    )) + "endpoints: [{ match: POST /jobs, slot: s }]\n"
}

/// A keyspace, and a folder for the policy.
struct Place {
    store: String,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            store: stores::url(cassandra::shared(), &stores::own_keyspace(), PATIENT),
            folder: TempDir::new().expect("a folder of its own"),
        }
    }

    /// Starts a server, which waits for the end of one that was killed. A database that is slow may be too slow for it.
    async fn start(&self, policy: &str) -> (Server, Client) {
        self.start_with(policy, &[]).await
    }

    /// The same with these flags.
    async fn start_with(&self, policy: &str, flags: &[&str]) -> (Server, Client) {
        let path = self.folder.path().join("policy.yaml");
        std::fs::write(&path, policy).expect("the folder can be written to");
        let until = Instant::now() + DEADLINE;
        loop {
            let launch = launch(&path, &self.store).args(flags);
            let started = tokio::task::spawn_blocking(move || launch.try_start());
            match started.await.expect("starting does not panic") {
                Ok(server) => {
                    let client = server.client().await;
                    return (server, client);
                }
                Err(words) => assert!(Instant::now() < until, "it does not start:\n{words}"),
            }
        }
    }
}

fn launch(policy: &Path, store: &str) -> Launch {
    let launch = Launch::plain().args(["--drain-delay", "0", "--policy"]).arg(policy);
    launch.arg("--store").arg(store)
}

async fn ends(mut server: Server, signal: Signal) {
    let ended = tokio::task::spawn_blocking(move || {
        server.signal(signal);
        let status = server.wait();
        let words = server.words();
        assert!(signal == Signal::KILL || status.success(), "{status}:\n{words}");
        words
    });
    let words = ended.await.expect("it ends");
    for lost in ["could not be kept", "could not be given back", "lose what is left"] {
        assert!(!words.contains(lost), "{words}");
    }
}

/// Waits until all that was decided so far is written behind.
async fn written(server: &Server) {
    let rounds = async || server.metric("quorate_windows_rounds_total", &[]).await;
    // The one that is under way may have begun before; the one after it has not.
    let wanted = rounds().await + 2;
    let until = Instant::now() + DEADLINE;
    while rounds().await < wanted {
        assert!(Instant::now() < until, "nothing is written behind");
        stores::pause().await;
    }
}

/// Asks until it is not told that the database has yet to answer.
async fn settled(client: &Client, request: &ShouldAllowRequest) -> ShouldAllowResponse {
    let until = Instant::now() + DEADLINE;
    loop {
        let answer = client.ask(request.clone()).await;
        let waits = answer.degraded || (answer.retryable && answer.retry_after_ns <= PENDING_NS);
        if answer.allowed || !waits {
            return answer;
        }
        assert!(Instant::now() < until, "{answer:?}");
        stores::pause().await;
    }
}

/// Has units pass.
async fn passes(client: &Client, request: ShouldAllowRequest) -> ShouldAllowResponse {
    let answer = settled(client, &request).await;
    assert!(answer.allowed, "{answer:?}");
    answer
}

async fn used(client: &Client, names: [&str; 3]) -> [u64; 3] {
    let mut used = [0; 3];
    for (used, name) in used.iter_mut().zip(names) {
        *used = client.used(ask("k").of("o"), name).await;
    }
    used
}

const WINDOWS: [&str; 3] = ["minute", "hour", "bucket"];

/// The table "What is lost when" of docs/OPERATIONS.md, row by row, on one server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_when_is_what_the_table_says() {
    let place = Place::new();
    let policy = everything();
    let (server, client) = place.start(&policy).await;
    let job = ask("jobs").of("o").at("POST /jobs");
    assert!(passes(&client, job.clone()).await.slot_held);
    passes(&client, ask("k").of("o").costing(7)).await;
    let operation = ask("other").of("o").operation("once");
    passes(&client, operation.clone()).await;
    // Ten units of the pool and of the quota so far.
    let mut spent = 9;

    // A stop in good order: everything but slots and operation ids.
    ends(server, Signal::TERM).await;
    let (server, client) = place.start(&policy).await;
    assert_eq!(used(&client, WINDOWS).await, [7, 7, 7]);
    client.denied(ask("k").of("o").costing(4), Reason::RateLimited).await;
    assert!(passes(&client, job.clone()).await.slot_held, "slots are forgotten");
    assert!(
        !passes(&client, operation.clone()).await.replayed,
        "operation ids are forgotten"
    );
    passes(&client, ask("k").of("o").costing(3)).await;
    spent += 5;
    client.denied(ask("k").of("o"), Reason::RateLimited).await;

    // A crash, once the last second is over: windows of an hour and more, and buckets of such a time.
    written(&server).await;
    ends(server, Signal::KILL).await;
    let (server, client) = place.start(&policy).await;
    assert_eq!(used(&client, WINDOWS).await, [0, 10, 10]);
    assert!(!passes(&client, operation).await.replayed);
    spent += 1;

    // What an orderly stop kept is used up by the start after it, and a crash after that forgets it.
    passes(&client, ask("k").of("o").costing(6)).await;
    spent += 6;
    ends(server, Signal::TERM).await;
    let (server, client) = place.start(&policy).await;
    assert_eq!(used(&client, WINDOWS).await, [6, 16, 16]);
    written(&server).await;
    ends(server, Signal::KILL).await;
    let (server, client) = place.start(&policy).await;
    assert_eq!(used(&client, WINDOWS).await, [0, 16, 16]);

    // The pool and the quota: nothing comes back, and what crashes strand is bounded.
    let rest = drain(&client).await;
    assert!(spent + rest <= POOL, "{spent} and {rest} units of {POOL} were lent");
    assert!(
        spent + rest >= POOL - 2 * (CHUNK + 1),
        "{spent} and {rest} units of {POOL}"
    );
    ends(server, Signal::TERM).await;
}

/// Draws what the pool has left, by as many keys as it takes; how much that was.
async fn drain(client: &Client) -> u64 {
    for drawn in 0.. {
        let answer = settled(client, &ask(&format!("drain-{drawn}")).of("o")).await;
        if !answer.allowed {
            assert_eq!(answer.reason(), Reason::PoolExhausted, "{answer:?}");
            return drawn;
        }
    }
    unreachable!("the pool has an end")
}

/// So often a second server may get in since the first was held up for so long that it could not renew its lock.
const HELD_UP_MAX: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_is_refused_unless_each_has_windows_of_its_own() {
    let place = Place::new();
    let policy = policy::plan(
        "limits: [{ name: minute, limit: 10, window: 59m, per: key }]\n\
         quotas: [{ name: q, per: org, limit: 30, period: lifetime }]",
    );
    let mut refused = false;
    for _ in 0..HELD_UP_MAX {
        let (first, _) = place.start(&policy).await;
        let second = launch(&place.folder.path().join("policy.yaml"), &place.store);
        let started = tokio::task::spawn_blocking(move || second.try_start());
        match started.await.expect("starting does not panic") {
            Err(words) => {
                assert!(words.contains("keeps its windows on this store"), "{words}");
                assert!(words.contains("--unshared-windows"), "{words}");
                refused = true;
            }
            // The machine stood still for as long as a lock lasts. The first one hears of it and says so.
            Ok(second) => {
                let until = Instant::now() + DEADLINE;
                while !first.words().contains("another server took over the lock of windows") {
                    assert!(Instant::now() < until, "two servers keep windows, and none says so");
                    stores::pause().await;
                }
                drop(second);
            }
        }
        drop(first);
        if refused {
            break;
        }
    }
    assert!(refused, "a second server always got in");

    let own = ["--unshared-windows"];
    let (first, here) = place.start_with(&policy, &own).await;
    let (second, there) = place.start_with(&policy, &own).await;
    for client in [&here, &there] {
        passes(client, ask("k").of("o").costing(10)).await;
        client.denied(ask("k").of("o"), Reason::RateLimited).await;
    }
    // Of the quota there are ten units left, for both together.
    let mut rest = 0;
    for client in [&here, &there] {
        for cost in [8, 4, 2, 1] {
            let request = ask(&format!("rest-{cost}")).of("o").costing(cost);
            rest += u64::from(settled(client, &request).await.allowed) * cost;
        }
    }
    // What one holds the other cannot have.
    assert!((8..=10).contains(&rest), "{rest} of ten units");
    ends(first, Signal::TERM).await;
    ends(second, Signal::TERM).await;
}
