//! Where a request waits a moment for units that are on their way: outside every lock, for a bounded time, with
//! bounded company.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep, sleep_until};

/// The longest that a request is parked: no caller's deadline is to suffer much.
pub const PARKED_NS_MAX: u64 = 20_000_000;

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

    pub(crate) fn enter(&self, shard: usize, until: Instant) -> Option<Parked> {
        // A bound that may be missed by as many as arrive together: no ordering is needed.
        if self.taken.fetch_add(1, Ordering::Relaxed) >= PARKED_MAX {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Parked {
            arrival: Box::pin(Arc::clone(&self.rooms[shard]).notified_owned()),
            until: Box::pin(sleep_until(until)),
            place: Arc::clone(&self.taken),
        })
    }
}

/// A request that waits. Poll it once before asking again, so that no arrival is missed, and then until it is ready.
#[derive(Debug)]
pub struct Parked {
    arrival: Pin<Box<OwnedNotified>>,
    until: Pin<Box<Sleep>>,
    place: Arc<AtomicUsize>,
}

impl Future for Parked {
    type Output = Arrival;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Arrival> {
        if self.arrival.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Arrival::Came);
        }
        self.until.as_mut().poll(cx).map(|()| Arrival::TimeIsUp)
    }
}

/// Why a request waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Something arrived: ask again.
    Came,
    /// It waited as long as it may.
    TimeIsUp,
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.place.fetch_sub(1, Ordering::Relaxed);
    }
}
