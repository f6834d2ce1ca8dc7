//! When calls are due. A closed loop sends the next call when one is answered; an open loop sends at a rate, whatever
//! the server does, and times every call from when it was due: a server that stalls cannot hide by slowing the load
//! down (coordinated omission).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// How often an open loop looks at what is due: it sends at most this late. Shorter costs more of the load's own time
/// than it brings.
const TICK: Duration = Duration::from_micros(100);
const SECOND_NS: u128 = 1_000_000_000;

/// When everything begins and ends; shared by all threads.
#[derive(Debug)]
pub struct Span {
    pub start: Instant,
    /// Answers before it are not counted.
    pub counted_from: Instant,
    pub end: Option<Instant>,
    stopped: AtomicBool,
}

impl Span {
    pub fn new(warm_up: Duration, duration: Option<Duration>) -> Self {
        let start = Instant::now();
        Self {
            start,
            counted_from: start + warm_up,
            end: duration.map(|duration| start + warm_up + duration),
            stopped: AtomicBool::new(false),
        }
    }

    /// Ends it early.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn over(&self, now: Instant) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.end.is_some_and(|end| end <= now)
    }
}

/// The calls of one thread, as they become due.
#[derive(Debug)]
pub struct Pace {
    span: Arc<Span>,
    /// Calls per second as a fraction; `None` for a closed loop.
    rate: Option<Rate>,
    due: Arc<Semaphore>,
    taken: Cell<u64>,
    /// Calls that are still to be sent, if they are counted.
    left: Cell<Option<u64>>,
}

/// `decisions / per_call` calls a second.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub decisions: u64,
    pub per_call: u64,
}

impl Rate {
    /// How many calls are due after some time.
    fn due(self, elapsed: Duration) -> u64 {
        let calls = elapsed.as_nanos() * u128::from(self.decisions) / (SECOND_NS * u128::from(self.per_call.max(1)));
        u64::try_from(calls).unwrap_or(u64::MAX)
    }

    /// How long after the start the `call`-th is due, counted from 0. Rounded up, so that it is due in [`Rate::due`].
    fn offset(self, call: u64) -> Duration {
        let nanos = (u128::from(call) + 1) * SECOND_NS * u128::from(self.per_call);
        let nanos = nanos.div_ceil(u128::from(self.decisions.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Pace {
    /// A thread's pace, and for an open loop what [`release`] fills.
    pub fn new(span: Arc<Span>, rate: Option<Rate>, count: Option<u64>, due: Arc<Semaphore>) -> Self {
        if count == Some(0) {
            due.close();
        }
        Self {
            span,
            rate,
            due,
            taken: Cell::new(0),
            left: Cell::new(count),
        }
    }

    /// Waits until a call is due and says since when; `None` when there are no more.
    pub async fn next(&self) -> Option<Instant> {
        let intended = match self.rate {
            None => Instant::now(),
            Some(rate) => {
                self.due.acquire().await.ok()?.forget();
                let call = self.taken.get();
                self.taken.set(call + 1);
                self.span.start + rate.offset(call)
            }
        };
        if self.span.over(Instant::now()) {
            return None;
        }
        // What runs before it counts is not of the count.
        if let Some(left) = self.left.get().filter(|_| self.counts(intended)) {
            let left = left.checked_sub(1)?;
            self.left.set(Some(left));
            if left == 0 {
                // Nobody waits until one more would be due.
                self.due.close();
            }
        }
        Some(intended)
    }

    /// Whether an answer to a call that was due then is counted.
    pub fn counts(&self, intended: Instant) -> bool {
        intended >= self.span.counted_from
    }

    /// Calls that were due by the end and were never taken.
    pub fn unsent(&self) -> u64 {
        let elapsed = self.span.end.map(|end| end.min(Instant::now()) - self.span.start);
        match (self.rate, elapsed, self.left.get()) {
            (Some(rate), Some(elapsed), None) => rate.due(elapsed).saturating_sub(self.taken.get()),
            _ => 0,
        }
    }
}

/// Releases calls to the threads as they become due, until the end. Blocks: it has a thread of its own, because the
/// timers of tokio tick in milliseconds.
pub fn release(span: &Span, threads: &[(Rate, Arc<Semaphore>)]) {
    let mut released = vec![0_u64; threads.len()];
    loop {
        let now = Instant::now();
        if span.over(now) {
            break;
        }
        for ((rate, due), released) in threads.iter().zip(&mut released) {
            let calls = rate.due(now - span.start);
            let more = usize::try_from(calls - *released).unwrap_or_default();
            // What is beyond the semaphore's bound stays due.
            let room = Semaphore::MAX_PERMITS - due.available_permits().min(Semaphore::MAX_PERMITS);
            let more = more.min(room);
            due.add_permits(more);
            *released += u64::try_from(more).unwrap_or_default();
        }
        std::thread::sleep(TICK);
    }
    for (_, due) in threads {
        due.close();
    }
}

#[cfg(test)]
mod tests;
