//! Waits for instants that the server stated, and tests that need a slow machine to be quick for a moment.
//!
//! A test may not fail because the machine was busy. What has to happen within a window is tried again when the test
//! was too slow to see it: [`once_quick`] and [`until`] bound how long that may go on.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use quorate_api::v1::{Reason, ShouldAllowRequest};
use tokio::time::Instant;

use super::Client;

/// A condition that does not hold by then never will.
const EVENTUALLY: Duration = Duration::from_secs(120);
/// How long [`once_quick`] lets its first attempt take: what an idle machine needs, several times over.
const QUICK_AT_FIRST: Duration = Duration::from_secs(1);
/// How often it tries, each time with twice as long: two minutes in all.
const ATTEMPTS: u32 = 7;

/// Waits until a duration that an answer stated has passed since the answer arrived: the decision was made before, so
/// the instant that the server meant has passed then.
pub async fn pass(stated_ns: u64) {
    assert_ne!(stated_ns, 0, "the server stated no time");
    // tidy: allow sleep because the server stated the instant
    tokio::time::sleep_until(Instant::now() + Duration::from_nanos(stated_ns)).await;
}

/// Repeats an attempt until it gives something: for what a process does in its own time.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + EVENTUALLY;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {EVENTUALLY:?}");
        // tidy: allow sleep because it is the pause between polls of another process
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Repeats an attempt, without a pause, until it gives something: for what takes the server as long as it takes.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + EVENTUALLY;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {EVENTUALLY:?}");
    }
}

/// Repeats an attempt that has to do something within a time that it is given, until it did: `None` says that the
/// machine was too slow, and then it is given twice as long. An attempt that is quick enough and sees something wrong
/// fails the test at once.
pub async fn once_quick<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut(Duration) -> F) -> T {
    let mut within = QUICK_AT_FIRST;
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt(within).await {
            return done;
        }
        within *= 2;
    }
    panic!("{what} was not seen: even {:?} were too short", within / 2);
}

/// Asks without a pause until it is denied, and on until it passes: never before the instant that the denial stated,
/// always from it on, by the server's own clock.
pub async fn passes_exactly_when_stated(client: &Client, request: ShouldAllowRequest, reason: Reason) {
    passes_when_stated(client, request, reason, Duration::ZERO).await;
}

/// The same, but for a limit whose clock may run apart from that by which decisions are dated.
pub async fn passes_when_stated(client: &Client, request: ShouldAllowRequest, reason: Reason, drift: Duration) {
    let denied = until("a denial", || async {
        let answer = client.ask(request.clone()).await;
        (!answer.allowed).then_some(answer)
    })
    .await;
    assert_eq!(denied.reason(), reason, "{denied:?}");
    assert!(denied.retry_after_ns > 0, "{denied:?}");
    let stated = decided_at(&denied.decision_id) + Duration::from_nanos(denied.retry_after_ns);
    until("an answer that lets it pass", || async {
        let answer = client.ask(request.clone()).await;
        let at = decided_at(&answer.decision_id);
        if answer.allowed {
            assert!(at + drift >= stated, "it passed at {at}, before {stated}");
            return Some(());
        }
        assert!(at < stated + drift, "denied at {at}, not before {stated}: {answer:?}");
        None
    })
    .await;
}

/// When a decision was made, by the server's own clock: a decision's id begins with that, in nanoseconds since 1970.
/// What the test's clock says of it may lie far off on a busy machine.
pub fn decided_at(decision_id: &str) -> Timestamp {
    const BASE_32: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let id = decision_id.chars().fold(0_u128, |id, digit| {
        let digit = BASE_32.find(digit).expect("a digit of Crockford's base 32");
        id << 5 | u128::try_from(digit).expect("below 32")
    });
    Timestamp::from_nanosecond(i128::try_from(id >> 64).expect("64 bits")).expect("before 2262")
}
