//! Metrics of what outlives the process: quotas and their store.

use quorate_node::pools::PoolStats;
use quorate_node::quotas::QuotaStats;
use quorate_store::Operations;
use quorate_store::embedded::Stats;

use super::super::family::Family;
use super::super::family::Kind::{Counter, Gauge};

/// Nanoseconds in a microsecond.
const MICROSECOND: u64 = 1_000;

pub(super) fn quotas(stats: &QuotaStats) -> Vec<Family> {
    vec![
        Family::new(
            "quorate_quota_running",
            Gauge,
            "1 when units of quotas are leased, 0 without a store or when that has failed",
        )
        .of(u64::from(stats.running)),
        Family::new(
            "quorate_quota_accounts",
            Gauge,
            "Accounts of quotas that are leased for",
        )
        .of(stats.accounts),
        Family::new(
            "quorate_quota_accounts_away",
            Gauge,
            "Leases whose last operation on the store failed",
        )
        .of(stats.away),
        Family::new(
            "quorate_quota_operations",
            Counter,
            "Operations on rows of quotas that were sent to the store",
        )
        .of(stats.operations),
        Family::new(
            "quorate_quota_operations_failed",
            Counter,
            "Operations on rows of quotas that did not reach the store, or of which nobody knows what they did",
        )
        .of(stats.failures),
        Family::new(
            "quorate_quota_alerts",
            Counter,
            "Thresholds of use that quotas have reached; the log names them",
        )
        .of(stats.alerts),
        Family::new(
            "quorate_quota_units_unbooked",
            Counter,
            "Units that were let through or recorded and will never be booked; the log says whose",
        )
        .of(stats.unbooked),
        Family::new(
            "quorate_usage_operations",
            Counter,
            "Operations on the store that wrote usage",
        )
        .of(stats.usage_operations),
        Family::new(
            "quorate_usage_writes_failed",
            Counter,
            "Writes of usage that failed and were tried again",
        )
        .of(stats.usage_failures),
        Family::new(
            "quorate_usage_rows_lost",
            Counter,
            "Rows of usage given up because too many waited for the store",
        )
        .of(stats.usage_lost),
    ]
}

pub(super) fn operations(operations: Operations) -> Family {
    Family::new(
        "quorate_store_operations",
        Counter,
        "Operations on the store's database, of every part of the server, by kind",
    )
    .by("kind", "read", operations.reads)
    .by("kind", "write", operations.writes)
}

pub(super) fn pools(stats: &PoolStats) -> Vec<Family> {
    vec![
        Family::new(
            "quorate_pools_running",
            Gauge,
            "1 when units of burst pools are deducted in the store, 0 where pools live in memory or when that has failed",
        )
        .of(u64::from(stats.running)),
        Family::new(
            "quorate_pools_kept",
            Gauge,
            "Burst pools whose use the store keeps and that are not full",
        )
        .of(stats.kept),
        Family::new(
            "quorate_pools_refused",
            Counter,
            "Requests that found too many burst pools kept for theirs to be",
        )
        .of(stats.refused),
        Family::new(
            "quorate_pool_operations",
            Counter,
            "Operations on the store that read or wrote levels of burst pools, each of many",
        )
        .of(stats.operations),
        Family::new(
            "quorate_pool_operations_failed",
            Counter,
            "Operations on levels of burst pools that failed and are tried again",
        )
        .of(stats.failures),
        Family::new(
            "quorate_pool_levels",
            Counter,
            "Levels of single burst pools that operations on the store read or wrote",
        )
        .of(stats.levels),
        Family::new(
            "quorate_pool_rows_forgotten",
            Counter,
            "Rows of burst pools that had been full for a day, and were removed from the store",
        )
        .of(stats.forgotten),
    ]
}

pub(super) fn store(stats: &Stats) -> Vec<Family> {
    vec![
        Family::new(
            "quorate_store_changes",
            Counter,
            "Changes that the embedded store has made durable, or refused",
        )
        .of(stats.changes),
        Family::new(
            "quorate_store_changes_lost",
            Counter,
            "Changes that went down with a commit of the embedded store that failed",
        )
        .of(stats.lost),
        Family::new(
            "quorate_store_changes_waiting",
            Gauge,
            "Changes that wait for the embedded store",
        )
        .of(u64::try_from(stats.waiting).unwrap_or(u64::MAX)),
        Family::new(
            "quorate_store_commits",
            Counter,
            "Commits of the embedded store, each synced to the disk",
        )
        .of(stats.commits),
        Family::new(
            "quorate_store_commit_microseconds",
            Counter,
            "Time that commits of the embedded store took",
        )
        .of(stats.commit_ns / MICROSECOND),
        Family::new(
            "quorate_store_commit_microseconds_max",
            Gauge,
            "The longest commit of the embedded store since the start",
        )
        .of(stats.commit_ns_max / MICROSECOND),
        Family::new(
            "quorate_store_turned_away",
            Counter,
            "Operations that found a queue of the embedded store full",
        )
        .of(stats.turned_away),
        Family::new(
            "quorate_store_reopened",
            Counter,
            "Times that the embedded store opened its file anew after a failure",
        )
        .of(stats.reopened),
        Family::new(
            "quorate_store_failing",
            Gauge,
            "1 while the last commit of the embedded store has failed",
        )
        .of(u64::from(stats.failure.is_some())),
    ]
}
