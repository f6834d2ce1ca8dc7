//! Many callers at once on one key: what any observer could count in any window is never more than the limit, and what
//! the limit grants is had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{AskExt, Client, Launch, ask, policy};

const LIMIT: usize = 200;
const WINDOW: Duration = Duration::from_secs(2);
/// Enough for three windows; how long that takes is the machine's business.
const ADMITTED: usize = 3 * LIMIT;
const DENIED: usize = LIMIT;
/// Not to run forever.
const AT_MOST: Duration = Duration::from_secs(300);
/// What a window holds at least, for cost 1, when somebody is denied: see the proof in `docs/ALGORITHMS.md`.
const LEAST: usize = LIMIT * 969 / 1_000;
/// Ticks of the window, and what the server's clock and the test's may run apart within one.
const TICK: Duration = Duration::from_millis(1);

/// When a request was sent, and when its answer was there: it was decided between the two.
#[derive(Clone, Copy)]
struct Asked {
    sent: Instant,
    answered: Instant,
}

#[derive(Default)]
struct Seen {
    admitted: Vec<Asked>,
    denied: Vec<Asked>,
}

#[derive(Default)]
struct Counts {
    admitted: AtomicUsize,
    denied: AtomicUsize,
}

/// Asks until all callers together have seen enough; when denied it goes on asking, as a caller of bad manners would.
async fn hammer(client: Client, counts: Arc<Counts>, until: Instant) -> Seen {
    let mut seen = Seen::default();
    let enough = || {
        counts.admitted.load(Ordering::Relaxed) >= ADMITTED && counts.denied.load(Ordering::Relaxed) >= DENIED
            || Instant::now() >= until
    };
    while !enough() {
        let sent = Instant::now();
        let allowed = client.ask(ask("k").of("o")).await.allowed;
        let answered = Instant::now();
        let (asked, count) = if allowed {
            (&mut seen.admitted, &counts.admitted)
        } else {
            (&mut seen.denied, &counts.denied)
        };
        asked.push(Asked { sent, answered });
        count.fetch_add(1, Ordering::Relaxed);
    }
    seen
}

#[tokio::test]
async fn no_window_ever_holds_more_than_the_limit() {
    let server = Launch::with(policy::one_limit(200, "2s")).start();
    let until = Instant::now() + AT_MOST;
    let counts = Arc::new(Counts::default());
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = server.client().await;
        for _ in 0..4 {
            load.spawn(hammer(client.clone(), Arc::clone(&counts), until));
        }
    }
    let (mut admitted, mut denied) = (Vec::new(), Vec::new());
    for seen in load.join_all().await {
        admitted.extend(seen.admitted);
        denied.extend(seen.denied);
    }
    assert!(
        admitted.len() >= ADMITTED && denied.len() >= DENIED,
        "only {} were admitted and {} denied",
        admitted.len(),
        denied.len()
    );
    never_more(&mut admitted);
    never_less(&admitted, &denied);
}

/// Whatever was both sent and answered within one window was decided within it.
fn never_more(admitted: &mut [Asked]) {
    admitted.sort_unstable_by_key(|admitted| admitted.sent);
    for (index, first) in admitted.iter().enumerate() {
        let end = first.sent + WINDOW;
        let window = admitted[index..].iter().take_while(|other| other.sent < end);
        let within = window.filter(|other| other.answered < end).count();
        assert!(within <= LIMIT, "{within} in the window from request {index} on");
    }
}

/// Whoever is denied finds the window before it full: of what was admitted in it, none was answered before it began,
/// and none was sent after the denial was answered.
fn never_less(admitted: &[Asked], denied: &[Asked]) {
    let mut sent: Vec<_> = admitted.iter().map(|admitted| admitted.sent).collect();
    let mut answered: Vec<_> = admitted.iter().map(|admitted| admitted.answered).collect();
    sent.sort_unstable();
    answered.sort_unstable();
    for denied in denied {
        let begin = denied.sent - WINDOW - TICK;
        let before = answered.partition_point(|answered| *answered < begin);
        let up_to = sent.partition_point(|sent| *sent <= denied.answered);
        let within = up_to - before;
        assert!(within >= LEAST, "only {within} in the window before a denial");
    }
}
