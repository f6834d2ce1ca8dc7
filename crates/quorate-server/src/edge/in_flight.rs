//! The bound on work in flight: how many requests may be accepted and not yet answered, over the whole process.
//! Beyond it a request is answered `OVERLOADED` at once instead of waiting in a queue until nobody wants the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts requests in flight.
#[derive(Debug)]
pub struct InFlight {
    now: AtomicUsize,
    max: usize,
    refused: AtomicU64,
}

impl InFlight {
    /// At most `max` at once.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self {
            now: AtomicUsize::new(0),
            max,
            refused: AtomicU64::new(0),
        }
    }

    /// Takes a place, or counts a refusal.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Permit> {
        // Relaxed: the count guards no other memory. A place taken beyond the bound is given back at once, so the
        // count may exceed it for a moment, the work in flight never does.
        if self.now.fetch_add(1, Ordering::Relaxed) < self.max {
            Some(Permit(Arc::clone(self)))
        } else {
            self.now.fetch_sub(1, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
            None
        }
    }

    /// Requests in flight now.
    #[must_use]
    pub fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed).min(self.max)
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
}
