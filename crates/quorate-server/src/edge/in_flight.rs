//! The bound on work in flight: how many requests may be accepted and not yet answered, over the whole process.
//! Beyond it a request is answered `OVERLOADED` at once instead of waiting in a queue until nobody wants the answer.
//!
//! A request whose message is still on its way is no work yet: it has its place, and does not count until the message
//! is there. Else whoever opens calls and sends nothing on them would have everybody else answered `OVERLOADED`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts requests in flight.
#[derive(Debug)]
pub struct InFlight {
    now: AtomicUsize,
    /// Those of them whose message is not there yet.
    waiting: AtomicUsize,
    max: usize,
    refused: AtomicU64,
}

impl InFlight {
    /// At most `max` at once.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self {
            now: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            max,
            refused: AtomicU64::new(0),
        }
    }

    /// Takes a place, or counts a refusal.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Permit> {
        // Relaxed: the count guards no other memory. A place taken beyond the bound is given back at once, so the
        // count may exceed it for a moment, the work in flight never does.
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        if before.saturating_sub(self.waiting.load(Ordering::Relaxed)) < self.max {
            Some(Permit(Arc::clone(self)))
        } else {
            self.now.fetch_sub(1, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
            None
        }
    }

    /// Says that the message of a request that has a place is not there yet, until what is returned is dropped.
    #[must_use]
    pub fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(self))
    }

    /// Requests in flight now.
    #[must_use]
    pub fn now(&self) -> usize {
        let waiting = self.waiting.load(Ordering::Relaxed);
        self.now.load(Ordering::Relaxed).saturating_sub(waiting).min(self.max)
    }

    /// Requests that have a place and whose message is not there yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The bound.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// Requests refused since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A place among the requests in flight; given back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<InFlight>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request with a place whose message is not there yet. Ends before its place does.
#[derive(Debug)]
pub struct Waiting(Arc<InFlight>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_a_place_is_given_back() {
        let in_flight = Arc::new(InFlight::new(2));
        let first = in_flight.enter().expect("there is room");
        let second = in_flight.enter().expect("there is room");
        assert!(in_flight.enter().is_none());
        assert_eq!((in_flight.now(), in_flight.refused()), (2, 1));
        drop(first);
        assert!(in_flight.enter().is_some());
        drop(second);
        assert_eq!(in_flight.now(), 0);
    }

    #[test]
    fn who_waits_for_a_message_takes_nobody_elses_place() {
        let in_flight = Arc::new(InFlight::new(1));
        let slow = in_flight.enter().expect("there is room");
        let waiting = in_flight.wait();
        assert_eq!(in_flight.now(), 0);
        let other = in_flight.enter().expect("the slow one does not count");
        assert!(in_flight.enter().is_none());
        drop(other);
        drop(waiting);
        assert!(in_flight.enter().is_none(), "now it does");
        drop(slow);
        assert!(in_flight.enter().is_some());
    }
}
