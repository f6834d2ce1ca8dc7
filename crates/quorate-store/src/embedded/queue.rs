//! A bounded queue between tasks, which must not block, and a thread, which may.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// What waits, in the order in which it came.
pub(super) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
    items_max: usize,
    bytes_max: usize,
}

struct Waiting<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    closed: bool,
}

/// Why something was not taken into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// It is full.
    Full,
    /// It takes nothing any more.
    Closed,
}

impl<T> Queue<T> {
    pub(super) const fn new(items_max: usize, bytes_max: usize) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                items: VecDeque::new(),
                bytes: 0,
                closed: false,
            }),
            arrived: Condvar::new(),
            items_max,
            bytes_max,
        }
    }

    /// Adds something of a size; never waits.
    pub(super) fn push(&self, bytes: usize, item: T) -> Result<(), Turned> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(Turned::Closed);
        }
        if waiting.items.len() >= self.items_max || waiting.bytes.saturating_add(bytes) > self.bytes_max {
            return Err(Turned::Full);
        }
        waiting.items.push_back((bytes, item));
        waiting.bytes += bytes;
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for the next; `None` when the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<(usize, T)> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(next) = waiting.take() {
                return Some(next);
            }
            if waiting.closed {
                return None;
            }
            self.arrived.wait(&mut waiting);
        }
    }

    /// The next, if there is one before `deadline`.
    pub(super) fn pop_before(&self, deadline: Instant) -> Option<(usize, T)> {
        let mut waiting = self.waiting.lock();
        loop {
            let next = waiting.take();
            if next.is_some() || waiting.closed || self.arrived.wait_until(&mut waiting, deadline).timed_out() {
                return next.or_else(|| waiting.take());
            }
        }
    }

    /// The next, if one waits.
    pub(super) fn pop_now(&self) -> Option<(usize, T)> {
        self.waiting.lock().take()
    }

    /// Takes nothing any more. What waits is still to be had.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Whoever holds this empties the queue. When they end, in whatever way, nothing waits for them any more.
    pub(super) const fn attend(&self) -> Attendance<'_, T> {
        Attendance { queue: self }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.lock().items.len()
    }
}

/// Somebody empties the queue.
pub(super) struct Attendance<'a, T> {
    queue: &'a Queue<T>,
}

impl<T> Drop for Attendance<'_, T> {
    fn drop(&mut self) {
        self.queue.close();
        let left = std::mem::take(&mut self.queue.waiting.lock().items);
        drop(left);
    }
}

impl<T> Waiting<T> {
    fn take(&mut self) -> Option<(usize, T)> {
        let (bytes, item) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some((bytes, item))
    }
}

#[cfg(test)]
mod tests;
