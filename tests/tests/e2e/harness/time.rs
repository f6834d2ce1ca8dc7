//! Waits for instants that the server stated.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Waits until a duration that an answer stated has passed since the answer arrived: the decision was made before, so
/// the instant that the server meant has passed then.
pub async fn pass(stated_ns: u64) {
    assert_ne!(stated_ns, 0, "the server stated no time");
    // tidy: allow sleep because the server stated the instant
    tokio::time::sleep_until(Instant::now() + Duration::from_nanos(stated_ns)).await;
}

/// Repeats an attempt until it gives something, within ten seconds: for what a process does in its own time.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within ten seconds");
        // tidy: allow sleep because it is the pause between polls of another process
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
