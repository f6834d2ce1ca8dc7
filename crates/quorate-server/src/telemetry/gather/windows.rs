//! Metrics of windows that outlive the process.

use quorate_node::windows::WindowStats;

use super::super::family::Family;
use super::super::family::Kind::{Counter, Gauge};

pub(super) fn windows(stats: &WindowStats) -> Vec<Family> {
    vec![
        Family::new(
            "quorate_windows_restored_entries",
            Gauge,
            "Entries of counters that the start has restored",
        )
        .of(stats.restored_entries),
        Family::new(
            "quorate_windows_restored_bytes",
            Gauge,
            "Bytes that they were read from",
        )
        .of(stats.restored_bytes),
        Family::new(
            "quorate_windows_restore_microseconds",
            Gauge,
            "How long restoring them took",
        )
        .of(stats.restored_us),
        Family::new(
            "quorate_windows_restore_unread",
            Gauge,
            "Pieces of what was kept that could not be read at the start",
        )
        .of(stats.unread),
        Family::new(
            "quorate_windows_restore_no_room",
            Gauge,
            "Entries that were kept and found no room in memory at the start",
        )
        .of(stats.no_room),
        Family::new(
            "quorate_windows_written_entries",
            Counter,
            "Entries of counters that were written behind, or at the stop",
        )
        .of(stats.entries),
        Family::new("quorate_windows_written_bytes", Counter, "Bytes that they took").of(stats.bytes),
        Family::new(
            "quorate_windows_rounds",
            Counter,
            "Rounds of writing behind that are done: what was counted before one began is durable then",
        )
        .of(stats.rounds),
        Family::new(
            "quorate_windows_round_microseconds",
            Gauge,
            "How long the last round of writing behind took",
        )
        .of(stats.round_us),
        Family::new(
            "quorate_windows_write_failures",
            Counter,
            "Writes of windows that failed and are tried again",
        )
        .of(stats.failures),
    ]
}
