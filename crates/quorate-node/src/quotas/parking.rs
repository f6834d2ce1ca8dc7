//! Where a request waits a moment for units that are on their way: outside every lock, for a bounded time, with
//! bounded company.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep, sleep_until};

/// The longest that a request is parked: no caller's deadline is to suffer much.
const PARKED_MAX_WAIT: Duration = Duration::from_millis(20);

/// The most requests that are parked at once; one more is denied `QUOTA_PENDING` at once. A thousandth of a second's
/// traffic of a busy server.
const PARKED_MAX: usize = 4_096;

/// The parking places of a node, one waiting room per shard.
#[derive(Debug)]
pub(crate) struct Parking {
    taken: Arc<AtomicUsize>,
    rooms: Box<[Arc<Notify>]>,
}

impl Parking {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            taken: Arc::default(),
            rooms: (0..shards).map(|_| Arc::default()).collect(),
        }
    }

    /// Something arrived for accounts of a shard: whoever waits there asks again.
    pub(crate) fn arrived(&self, shard: usize) {
        self.rooms[shard].notify_waiters();
    }

    pub(crate) fn enter(&self, shard: usize, patience: Patience) -> Option<Parked> {
        let until = match patience {
            Patience::Whole => Instant::now() + PARKED_MAX_WAIT,
            Patience::Until(until) => until,
            Patience::Over => return None,
        };
        // A bound that may be missed by as many as arrive together: no ordering is needed.
        if self.taken.fetch_add(1, Ordering::Relaxed) >= PARKED_MAX {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Parked {
            arrival: Box::pin(Arc::clone(&self.rooms[shard]).notified_owned()),
            until: Box::pin(sleep_until(until)),
            patience: Patience::Until(until),
            place: Arc::clone(&self.taken),
        })
    }
}

/// A request that waits. It hears of every arrival since it was made, polled or not.
#[derive(Debug)]
pub struct Parked {
    arrival: Pin<Box<OwnedNotified>>,
    until: Pin<Box<Sleep>>,
    patience: Patience,
    place: Arc<AtomicUsize>,
}

impl Future for Parked {
    type Output = Patience;

    /// Ready when it is time to ask again, with the patience that is left.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Patience> {
        if self.arrival.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.patience);
        }
        self.until.as_mut().poll(cx).map(|()| Patience::Over)
    }
}

/// For how long a request may still wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It has not waited yet: as long as any may.
    Whole,
    /// Until then.
    Until(Instant),
    /// Not at all: it is answered as things stand.
    Over,
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.place.fetch_sub(1, Ordering::Relaxed);
    }
}
