//! A pool's row, on the node's clock and on the store's, which is wall time.

use quorate_core::time::{Instant, Now};
use quorate_core::window::pool::Pool;
use quorate_store::bound::NUMBER_MAX;
use quorate_store::pool::PoolLevel;

/// A row as the store keeps it.
pub(super) fn level(row: &Pool, now: Now) -> PoolLevel {
    let at = if row.at > now.instant {
        now.wall.after(row.at.since(now.instant))
    } else {
        Instant(now.wall.0.saturating_sub(now.instant.since(row.at)))
    };
    PoolLevel {
        missing: row.missing.min(NUMBER_MAX),
        at_ns: at.0.min(NUMBER_MAX),
    }
}

/// A row as the node reckons with it.
pub(super) fn row(level: PoolLevel, now: Now) -> Pool {
    let written = Instant(level.at_ns);
    let at = if written > now.wall {
        now.instant.after(written.since(now.wall))
    } else {
        Instant(now.instant.0.saturating_sub(now.wall.since(written)))
    };
    Pool {
        missing: level.missing,
        shares: 0,
        at,
    }
}
