//! Timestamps of writes. Of two writes to one cell the later timestamp stays, so a server's own must never go back, nor
//! begin behind what another server wrote before: a clock that is behind would make its first writes vanish although they
//! were acknowledged.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use scylla::policies::timestamp_generator::TimestampGenerator;

/// Gives each write a later timestamp than any write it gave one to, or was told of.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    latest_us: AtomicI64,
}

impl Stamps {
    /// Notes a timestamp that was read with a cell.
    pub fn observe(&self, stamp_us: i64) {
        self.latest_us.fetch_max(stamp_us, Ordering::Relaxed);
    }

    fn next(&self, now_us: i64) -> i64 {
        let later = |latest: i64| now_us.max(latest.saturating_add(1));
        let before = self
            .latest_us
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| Some(later(latest)));
        before.map_or(now_us, later)
    }
}

impl TimestampGenerator for Stamps {
    fn next_timestamp(&self) -> i64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.next(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::Stamps;

    #[test]
    fn timestamps_follow_the_clock_and_never_go_back() {
        let stamps = Stamps::default();
        assert_eq!(stamps.next(100), 100);
        assert_eq!(stamps.next(100), 101);
        assert_eq!(stamps.next(50), 102, "the clock went back");
        assert_eq!(stamps.next(200), 200);
    }

    #[test]
    fn what_another_server_wrote_is_behind() {
        let stamps = Stamps::default();
        stamps.observe(1_000);
        stamps.observe(10);
        assert_eq!(stamps.next(500), 1_001);
    }
}
