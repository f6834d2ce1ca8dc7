//! Keeps callers from hammering, and from waiting for, a server that is known to be away: after a failed connection
//! calls fail at once until the next attempt is due, and then one caller tries while the others still fail at once.
//!
//! It judges connections only. A server that answers slowly, or with errors, is connected.

use std::time::Duration;

use parking_lot::Mutex;
use rand::Rng;
use tokio::time::Instant;

/// The pause after the first failed connection: a restart of the server on the same machine takes about this long.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause: a server that comes back is found within this time.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Whether calls may pass to one connection.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Connected, or never tried.
    #[default]
    Open,
    /// The last attempt failed; nobody may try before `until`.
    Paused { pause: Duration, until: Instant },
    /// One caller tries.
    Trying { pause: Duration },
}

/// A caller's leave to pass. One that is dropped without a word, because its caller gave up, lets the next one try.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    trying: bool,
}

impl Gate {
    /// Lets a caller pass, or says that it is too early.
    pub(crate) fn enter(&self, now: Instant) -> Option<Pass<'_>> {
        let mut state = self.state.lock();
        let trying = match *state {
            State::Open => false,
            State::Paused { pause, until } if until <= now => {
                *state = State::Trying { pause };
                true
            }
            State::Paused { .. } | State::Trying { .. } => return None,
        };
        Some(Pass { gate: self, trying })
    }

    /// No connection could be made. Many callers may say so of one attempt: only the first counts.
    pub(crate) fn failed(&self, now: Instant) {
        let mut state = self.state.lock();
        let pause = match *state {
            State::Open => PAUSE_MIN,
            State::Trying { pause } => pause.saturating_mul(2).min(PAUSE_MAX),
            State::Paused { .. } => return,
        };
        // Between a half and the whole of it, so that many clients do not come back together.
        let jittered = rand::rng().random_range(pause / 2..=pause);
        *state = State::Paused {
            pause,
            until: now + jittered,
        };
    }
}

impl Pass<'_> {
    /// The server was reached, whatever it said.
    pub(crate) fn reached(mut self) {
        if self.trying {
            *self.gate.state.lock() = State::Open;
            self.trying = false;
        }
    }

    /// No connection could be made.
    pub(crate) fn failed(mut self, now: Instant) {
        self.trying = false;
        self.gate.failed(now);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.trying {
            return;
        }
        let mut state = self.gate.state.lock();
        if let State::Trying { pause } = *state {
            // A caller that ran out of time learned nothing good: the pause is as long as before.
            *state = State::Paused {
                pause,
                until: Instant::now() + pause,
            };
        }
    }
}

#[cfg(test)]
mod tests;
