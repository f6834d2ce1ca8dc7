//! Whether a connection is in use: counts its open calls, so that an idle one can be told to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The use of one connection.
#[derive(Debug, Default)]
pub struct Activity {
    open: AtomicUsize,
    used: AtomicBool,
}

impl Activity {
    /// Whether nothing is open now and nothing was opened since this was asked last.
    #[must_use]
    pub fn idled(&self) -> bool {
        let used = self.used.swap(false, Ordering::Relaxed);
        !used && self.open.load(Ordering::Relaxed) == 0
    }
}

/// An open call, from its first header to the last byte of its answer.
#[derive(Debug)]
pub struct OpenCall(Arc<Activity>);

impl OpenCall {
    /// A call that begins now.
    #[must_use]
    pub fn new(activity: &Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Ordering::Relaxed);
        activity.used.store(true, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        // A call that was open all the while counts as use until now.
        self.0.used.store(true, Ordering::Relaxed);
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
}
