//! The Rust client against a real server that is stopped, killed and started again: a caller gets its own answer or is
//! told that nobody decided, and never somebody else's answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate_client::{Answer, Ask, Cause, Client, Config, FailPolicy, Multiplexed, Reason, Refused, Source};
use tempfile::TempDir;

use crate::harness::client::within;
use crate::harness::{Launch, Server, policy, time};

/// Short, since much of what is tested is what happens when it passes.
const DEADLINE: Duration = Duration::from_millis(500);

/// A place for a server that others may come back to: no port, which somebody else could take meanwhile.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder of its own"),
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("quorate.sock")
    }

    fn serve(&self) -> Server {
        let launch = Launch::with(policy::one_limit(1_000_000, "1h"));
        launch.arg("--uds").arg(self.socket()).start()
    }

    fn config(&self) -> Config {
        Config::new(format!("unix:{}", self.socket().display())).deadline(DEADLINE)
    }

    fn client(&self) -> Client {
        Client::new(self.config()).expect("a good configuration")
    }
}

/// A question whose answer says whose it is: a key that nobody declared is its own org.
fn question(key: &str) -> Ask {
    Ask::key(key).include_policy()
}

/// Asserts that an answer is that of a key or says that nobody decided; whether somebody did.
fn own(answer: Result<Answer, Refused>, key: &str) -> bool {
    let answer = answer.expect("the question is well formed");
    match &answer.source {
        Source::Decided => {
            assert_eq!(answer.policy.expect("asked for").org, key, "somebody else's answer");
            assert!(answer.allowed);
            true
        }
        Source::FailedClosed(_) => {
            assert!(!answer.allowed && answer.degraded && answer.reason == Reason::Unavailable);
            false
        }
        Source::FailedOpen(cause) => panic!("nobody said open: {cause}"),
    }
}

/// Asks until told to stop; every other question is given up at some moment before its answer.
async fn restless(stream: Multiplexed, caller: usize, decided: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    let mut turn = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let key = format!("caller-{caller}-{turn}");
        let asking = stream.should_allow(question(&key));
        if turn.is_multiple_of(2) {
            if own(asking.await, &key) {
                decided.fetch_add(1, Ordering::Relaxed);
            }
        } else {
            let patience = Duration::from_micros(turn % 7 * 100);
            if let Ok(answer) = tokio::time::timeout(patience, asking).await {
                own(answer, &key);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_somebody_elses_answer_while_servers_stop_die_and_return() {
    let place = Place::new();
    let mut server = place.serve();
    let stream = place.client().multiplexed();
    let (decided, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..100 {
        callers.spawn(restless(
            stream.clone(),
            caller,
            Arc::clone(&decided),
            Arc::clone(&stop),
        ));
    }
    let more = async || {
        let before = decided.load(Ordering::Relaxed);
        time::eventually("decisions", || async {
            (decided.load(Ordering::Relaxed) > before + 200).then_some(())
        })
        .await;
    };
    for round in 0..4 {
        more().await;
        if round % 2 == 0 {
            server.halt();
            let failed = stream.should_allow(question("while it stands still")).await;
            assert!(!own(failed, "while it stands still"));
            server.resume();
        } else {
            drop(server);
            let failed = stream.should_allow(question("while it is gone")).await;
            assert!(!own(failed, "while it is gone"));
            server = place.serve();
        }
        more().await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(caller) = within(callers.join_next()).await {
        caller.expect("every answer was the caller's own");
    }
}

#[tokio::test]
async fn a_server_that_stands_still_costs_its_callers_the_deadline_and_no_more() {
    let place = Place::new();
    let server = place.serve();
    let client = place.client();
    time::eventually("a decision", || async {
        own(client.should_allow(question("k")).await, "k").then_some(())
    })
    .await;
    server.halt();
    let open = client.with_fail_policy(FailPolicy::Open);
    for _ in 0..3 {
        let before = Instant::now();
        let answer = open.should_allow(question("k")).await.expect("answered");
        assert_eq!(answer.source, Source::FailedOpen(Cause::Deadline));
        assert!(answer.allowed && answer.degraded && before.elapsed() >= DEADLINE);
    }
    server.resume();
    time::eventually("a decision", || async {
        own(client.should_allow(question("k")).await, "k").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_sender_makes_too_large_is_never_let_through_by_a_client_that_fails_open() {
    let place = Place::new();
    let _server = place.serve();
    let config = place.config().deadline(Duration::from_secs(120)).fail_open();
    let client = Client::new(config).expect("a good configuration");
    let stream = client.multiplexed();
    let huge = "x".repeat(5 << 20);
    for ask in [
        Ask::key(&huge),
        Ask::key("k").endpoint(&huge),
        Ask::key("k").attribute("user", &huge),
    ] {
        for answer in [client.should_allow(ask.clone()).await, stream.should_allow(ask).await] {
            let shown = format!("{answer:?}");
            let passed = answer.is_ok_and(|answer| answer.allowed);
            assert!(!passed, "it was let through: {}", &shown[..shown.len().min(500)]);
        }
    }
    assert!(
        own(stream.should_allow(question("k")).await, "k"),
        "others are not harmed"
    );
}
