//! Keeps rate windows for longer than a process lives: writes behind the decisions what was counted over an hour or
//! more, writes all windows at an orderly stop, and restores them before anything is decided. It decides nothing, and no
//! decision waits for it: a shard's lock is held for a small step at a time.
//!
//! What is written is a log of numbered pieces. Each round, two a second, writes the entries that were changed since
//! the last, and about as many bytes of others, in turn (`keeper`). When the turn is round, everything that older
//! pieces tell is told again by later ones: the head then says from which number on pieces count, and the places of older
//! ones are written over. So one byte of change costs two, whatever the number of keys, and the log holds at most about
//! four times what lives.

mod clocks;
mod keeper;
mod pieces;
mod restore;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use keeper::WindowKeeper;
pub use restore::{Found, Restoration};

/// Something of the writing behind that a person should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The store did not take pieces: they are tried again.
    Behind(String),
    /// It takes them again.
    Caught,
}

/// Who hears of notices. Called on the keeper's task: it must not block.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// What was written at an orderly stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Entries.
    pub entries: u64,
    /// Bytes of their pieces.
    pub bytes: u64,
}

/// What the keeper has done since the start, for metrics.
#[derive(Debug, Default)]
pub struct WindowCounters {
    restored_entries: AtomicU64,
    restored_bytes: AtomicU64,
    restored_us: AtomicU64,
    unread: AtomicU64,
    no_room: AtomicU64,
    entries: AtomicU64,
    bytes: AtomicU64,
    rounds: AtomicU64,
    round_us: AtomicU64,
    failures: AtomicU64,
}

/// What [`WindowCounters`] say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowStats {
    /// Entries that were restored at the start.
    pub restored_entries: u64,
    /// Bytes that were read for them.
    pub restored_bytes: u64,
    /// How long that took, in microseconds.
    pub restored_us: u64,
    /// Pieces that could not be read.
    pub unread: u64,
    /// Entries that found no room.
    pub no_room: u64,
    /// Entries written.
    pub entries: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Rounds of writing that were finished: what was counted before a round began is durable when it is.
    pub rounds: u64,
    /// How long the last round took, in microseconds.
    pub round_us: u64,
    /// Writes that failed, and are tried again.
    pub failures: u64,
}

impl WindowCounters {
    /// What they say now.
    #[must_use]
    pub fn stats(&self) -> WindowStats {
        // Single numbers that nothing else is read together with: no ordering is needed.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WindowStats {
            restored_entries: read(&self.restored_entries),
            restored_bytes: read(&self.restored_bytes),
            restored_us: read(&self.restored_us),
            unread: read(&self.unread),
            no_room: read(&self.no_room),
            entries: read(&self.entries),
            bytes: read(&self.bytes),
            rounds: read(&self.rounds),
            round_us: read(&self.round_us),
            failures: read(&self.failures),
        }
    }
}
