//! Many callers at once on one key: what any observer could count in any window is never more than the limit.

use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{AskExt, Launch, ask, policy};

const LIMIT: usize = 1_000;
const WINDOW: Duration = Duration::from_secs(2);
const HAMMERED_FOR: Duration = Duration::from_secs(6);

/// When an admitted request was sent, and when its answer was there: it was decided between the two.
#[derive(Clone, Copy)]
struct Admitted {
    sent: Instant,
    answered: Instant,
}

/// Asks until the time is over; when denied it goes on asking, as a caller of bad manners would.
async fn hammer(client: crate::harness::Client, until: Instant) -> Vec<Admitted> {
    let mut admitted = Vec::new();
    while Instant::now() < until {
        let sent = Instant::now();
        if client.ask(ask("k").of("o")).await.allowed {
            let answered = Instant::now();
            admitted.push(Admitted { sent, answered });
        }
    }
    admitted
}

#[tokio::test]
async fn no_window_ever_holds_more_than_the_limit() {
    let server = Launch::with(policy::one_limit(1_000, "2s")).start();
    let until = Instant::now() + HAMMERED_FOR;
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = server.client().await;
        for _ in 0..4 {
            load.spawn(hammer(client.clone(), until));
        }
    }
    let mut admitted: Vec<Admitted> = load.join_all().await.into_iter().flatten().collect();
    admitted.sort_unstable_by_key(|admitted| admitted.sent);
    // Whatever was both sent and answered within one window was decided within it.
    for (index, first) in admitted.iter().enumerate() {
        let end = first.sent + WINDOW;
        let window = admitted[index..].iter().take_while(|other| other.sent < end);
        let within = window.filter(|other| other.answered < end).count();
        assert!(within <= LIMIT, "{within} in the window from request {index} on");
    }
    // And what the limit grants is had: 96.9 % of it in every window, of which there were three.
    let all = admitted.len();
    assert!(all >= 3 * LIMIT * 95 / 100, "only {all} were admitted");
    assert!(all <= 4 * LIMIT, "{all} in six seconds and a bit");
}
