//! Usage as columns: partitions and rows, and the batches that rows are written in.

use std::sync::Arc;

use quorate_core::grant::HolderId;
use quorate_store::StoreError;
use quorate_store::usage::{Span, UsageKey, Used};
use uuid::Uuid;

use super::TABLE;
use crate::error;
use crate::number::{from_column, from_uuid, to_column, to_uuid};

/// Rows of one batch: with names of usual lengths 100 to 200 KB, one mutation of one partition, which no database counts
/// as a batch that is too large. So the usage of most orgs is one operation.
const BATCH_ROWS: usize = 1_000;
/// Bytes of names in one batch. Half of the commit log's segment is the most that a mutation may have: 16 MB by default.
const BATCH_BYTES: usize = 256 * 1_024;

/// A partition: org, span, start.
pub(super) type Partition = (String, i8, i64);

/// One row as it is written, with the seconds that it has; 0 for ever.
pub(super) type Written = (String, i8, i64, String, String, String, Uuid, i64, i64, i32);
/// One row as it is read from its partition.
pub(super) type Row = (String, String, String, Uuid, Option<i64>, Option<i64>);

/// A partition, in the words of the store.
pub(super) struct Period {
    pub org: Arc<str>,
    pub span: Span,
    pub start_s: u64,
}

impl Period {
    pub fn of((org, span, start_s): &Partition) -> Result<Self, StoreError> {
        let span = match span {
            0 => Span::Hour,
            1 => Span::Day,
            2 => Span::Month,
            other => return Err(error::corrupt(TABLE, &format!("an unknown span {other}"))),
        };
        Ok(Self {
            org: Arc::from(org.as_str()),
            span,
            start_s: from_column(TABLE, *start_s)?,
        })
    }

    fn key(&self, key: String, endpoint: String, meter: String) -> UsageKey {
        UsageKey {
            org: Arc::clone(&self.org),
            span: self.span,
            start_s: self.start_s,
            key: key.into(),
            endpoint: endpoint.into(),
            meter: meter.into(),
        }
    }
}

/// A row with the names of its partition.
pub(super) fn exported(period: &Period, row: Row) -> Result<(UsageKey, HolderId, Used), StoreError> {
    let (key, endpoint, meter, writer, calls, units) = row;
    let used = Used {
        calls: from_column(TABLE, calls.unwrap_or(0))?,
        units: from_column(TABLE, units.unwrap_or(0))?,
    };
    Ok((period.key(key, endpoint, meter), from_uuid(writer), used))
}

/// The most seconds that the databases let a row live: twenty years.
const TTL_MAX_S: u64 = 20 * 365 * 24 * 3_600;

/// The seconds that a row has, as a statement says it; `None` when it has none left. What would live longer than can be
/// said lives for ever.
pub(super) fn ttl_s(left_s: Option<u64>) -> Option<i32> {
    match left_s {
        Some(0) => None,
        Some(left) if left <= TTL_MAX_S => i32::try_from(left).ok(),
        Some(_) | None => Some(0),
    }
}

pub(super) fn written(
    partition: &Partition,
    key: &UsageKey,
    (writer, used): (HolderId, &Used),
    ttl: i32,
) -> Result<Written, StoreError> {
    let (org, span, start_s) = partition.clone();
    Ok((
        org,
        span,
        start_s,
        key.key.to_string(),
        key.endpoint.to_string(),
        key.meter.to_string(),
        to_uuid(writer),
        to_column(used.calls)?,
        to_column(used.units)?,
        ttl,
    ))
}

pub(super) fn partition_of(key: &UsageKey) -> Result<Partition, StoreError> {
    Ok((key.org.to_string(), span_column(key.span), to_column(key.start_s)?))
}

pub(super) const fn span_column(span: Span) -> i8 {
    match span {
        Span::Hour => 0,
        Span::Day => 1,
        Span::Month => 2,
    }
}

/// Cuts the rows of one partition into batches.
pub(super) fn batches(rows: &[Written]) -> Vec<&[Written]> {
    let mut batches = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        let size = row.0.len() + row.3.len() + row.4.len() + row.5.len();
        if at > begin && (at - begin >= BATCH_ROWS || bytes + size > BATCH_BYTES) {
            batches.push(&rows[begin..at]);
            (begin, bytes) = (at, 0);
        }
        bytes += size;
    }
    if begin < rows.len() {
        batches.push(&rows[begin..]);
    }
    batches
}

#[cfg(test)]
mod tests;
