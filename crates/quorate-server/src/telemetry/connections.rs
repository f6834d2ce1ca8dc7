//! Connections, counted by listener. How many there may be is the business of `listen`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::door::Listener;

/// How many listeners there are.
const LISTENERS: usize = Listener::ALL.len();

/// Counts connections.
#[derive(Debug, Default)]
pub struct Connections {
    by_listener: [Arc<Counts>; LISTENERS],
}

#[derive(Debug, Default)]
struct Counts {
    opened: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
}

/// A connection that is open, from [`Connections::opened`] until it is dropped.
#[derive(Debug)]
#[must_use = "the connection counts as open until this is dropped"]
pub struct OpenConnection(Arc<Counts>);

/// What was counted of one listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionTotals {
    pub(super) open: u64,
    pub(super) opened: u64,
    pub(super) refused: u64,
}

impl Connections {
    /// Counts a connection as open until what is returned is dropped.
    pub fn opened(&self, listener: Listener) -> OpenConnection {
        let counts = &self.by_listener[listener.index()];
        counts.opened.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(counts))
    }

    /// Counts a connection that was closed at once: there were too many, or its handshake failed.
    pub fn refused(&self, listener: Listener) {
        let counts = &self.by_listener[listener.index()];
        counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn totals(&self, listener: Listener) -> ConnectionTotals {
        let counts = &self.by_listener[listener.index()];
        // What closed is read first: it must not be more than what was opened.
        let closed = counts.closed.load(Ordering::Acquire);
        let opened = counts.opened.load(Ordering::Relaxed);
        ConnectionTotals {
            open: opened.saturating_sub(closed),
            opened,
            refused: counts.refused.load(Ordering::Relaxed),
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Ordering::Release);
    }
}
