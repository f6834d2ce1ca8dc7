//! How long a connection lives: until its peer goes, until it idles, or until the server stops.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::activity::Activity;
use super::limits::GOODBYE_MAX;

/// Serves a connection to its end. `goodbye` tells it to take no more calls and to end when those that are open have.
pub(super) async fn live<C: Future>(
    mut connection: Pin<&mut C>,
    goodbye: impl Fn(Pin<&mut C>),
    activity: &Activity,
    idle_timeout: Duration,
    stop: impl Future<Output = ()>,
) {
    let stops = tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = stop => true,
        () = idle(idle_timeout, || activity.idled()) => false,
    };
    goodbye(connection.as_mut());
    // Calls that are open are answered first; how long that may take when the server stops is not known here. A peer
    // without one has only a goodbye of its own to say, and who never said hello never says that.
    let finished = || activity.idled() && !(stops && activity.keeps());
    tokio::select! {
        biased;
        _ = connection => {}
        () = idle(GOODBYE_MAX, finished) => {}
    }
}

/// Waits until a connection has idled for `timeout`. It is looked at twice per timeout, so that may take one and a half
/// of it.
async fn idle(timeout: Duration, idled: impl Fn() -> bool) {
    let mut looks = tokio::time::interval((timeout / 2).max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.reset();
    let mut idle_looks = 0_u32;
    while idle_looks < 2 {
        looks.tick().await;
        idle_looks = if idled() { idle_looks + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests;
