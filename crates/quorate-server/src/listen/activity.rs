//! What a connection is used for: its open calls, so that an idle one can be told to go, and what it makes the server
//! keep, so that one caller cannot take all memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::limits::KEPT_BYTES_MAX;

/// The use of one connection.
#[derive(Debug)]
pub struct Activity {
    open: AtomicUsize,
    used: AtomicBool,
    kept_bytes: AtomicUsize,
    kept_bytes_max: usize,
}

impl Activity {
    /// Of a connection whose calls may together make the server keep `kept_bytes_max` bytes.
    #[must_use]
    pub const fn new(kept_bytes_max: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            used: AtomicBool::new(false),
            kept_bytes: AtomicUsize::new(0),
            kept_bytes_max,
        }
    }

    /// Whether nothing is open now and nothing was opened since this was asked last.
    #[must_use]
    pub fn idled(&self) -> bool {
        let used = self.used.swap(false, Ordering::Relaxed);
        !used && self.open.load(Ordering::Relaxed) == 0
    }

    /// Whether anything is kept for it.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.kept_bytes.load(Ordering::Relaxed) > 0
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self::new(KEPT_BYTES_MAX)
    }
}

/// Bytes that a connection makes the server keep: the beginning of a message whose end has not come, or an answer that
/// the caller has not taken. Given back when dropped.
#[derive(Debug)]
pub struct Kept {
    activity: Arc<Activity>,
    bytes: usize,
}

impl Kept {
    /// Nothing yet.
    #[must_use]
    pub fn nothing(activity: &Arc<Activity>) -> Self {
        let activity = Arc::clone(activity);
        Self { activity, bytes: 0 }
    }

    /// Keeps so many bytes from now on; whether the connection may make the server keep as much.
    pub fn set(&mut self, bytes: usize) -> bool {
        let kept = &self.activity.kept_bytes;
        let before = std::mem::replace(&mut self.bytes, bytes);
        // Relaxed: the count guards no other memory.
        let all = if bytes >= before {
            let more = bytes - before;
            kept.fetch_add(more, Ordering::Relaxed).saturating_add(more)
        } else {
            let less = before - bytes;
            kept.fetch_sub(less, Ordering::Relaxed).saturating_sub(less)
        };
        all <= self.activity.kept_bytes_max
    }

    /// Whether the connection makes the server keep more than it may.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.activity.kept_bytes.load(Ordering::Relaxed) > self.activity.kept_bytes_max
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.set(0);
        }
    }
}

/// An open call, from its first header until its answer is there; of a stream until its end.
#[derive(Debug)]
pub struct OpenCall {
    answer: Kept,
    is_open: bool,
}

impl OpenCall {
    /// A call that begins now.
    #[must_use]
    pub fn new(activity: &Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Ordering::Relaxed);
        activity.used.store(true, Ordering::Relaxed);
        Self {
            answer: Kept::nothing(activity),
            is_open: true,
        }
    }

    /// Its answer of `bytes` is there. It is kept until the caller takes it, and does not make the connection one in
    /// use: else a caller who takes nothing would keep both for ever.
    pub fn answered(&mut self, bytes: usize) {
        self.close();
        // Whether that is too much is asked before the next answer is made: this one was charged.
        let _ = self.answer.set(bytes);
    }

    fn close(&mut self) {
        if std::mem::replace(&mut self.is_open, false) {
            let activity = &self.answer.activity;
            activity.open.fetch_sub(1, Ordering::Relaxed);
            // A call that was open all the while counts as use until now.
            activity.used.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_idles_when_nothing_was_open_since_the_last_look() {
        let activity = Arc::new(Activity::default());
        assert!(activity.idled());
        let call = OpenCall::new(&activity);
        assert!(!activity.idled());
        assert!(!activity.idled(), "a call that stays open is use");
        drop(call);
        assert!(!activity.idled(), "it was in use a moment ago");
        assert!(activity.idled());
    }

    #[test]
    fn an_answer_that_nobody_takes_is_kept_and_is_no_use() {
        let activity = Arc::new(Activity::default());
        let mut call = OpenCall::new(&activity);
        call.answered(7);
        assert!(!activity.idled(), "it was in use a moment ago");
        assert!(activity.idled() && activity.keeps());
        drop(call);
        assert!(activity.idled() && !activity.keeps(), "it was closed once");
    }

    #[test]
    fn what_the_calls_of_a_connection_keep_is_bounded_in_sum() {
        let activity = Arc::new(Activity::new(10));
        let (mut one, mut other) = (Kept::nothing(&activity), Kept::nothing(&activity));
        assert!(one.set(6) && other.set(4));
        assert!(!other.is_too_much());
        assert!(!other.set(5));
        assert!(one.is_too_much());
        assert!(!other.set(6) && !other.set(5), "less is still too much");
        drop(other);
        assert!(!one.is_too_much() && one.set(10) && !one.set(11));
        drop(one);
        assert!(!activity.keeps());
    }
}
