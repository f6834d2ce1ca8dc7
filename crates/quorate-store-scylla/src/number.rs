//! Numbers and names as columns hold them. What is written was checked against `quorate_store::bound`, so it fits; what is
//! read may be anything.

use quorate_core::grant::HolderId;
use quorate_store::StoreError;
use uuid::Uuid;

use crate::error;

/// A number for a `bigint`.
///
/// # Errors
/// It is over the bound of every store, which the caller should have checked.
pub(crate) fn to_column(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Refused(format!("{value} is more than a store keeps")))
}

/// A number from a `bigint`.
pub(crate) fn from_column(table: &str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| error::corrupt(table, &format!("{value} is negative")))
}

/// A holder as a `uuid`.
pub(crate) fn to_uuid(holder: HolderId) -> Uuid {
    Uuid::from_u128(holder.0)
}

/// A holder from a `uuid`.
pub(crate) fn from_uuid(id: Uuid) -> HolderId {
    HolderId(id.as_u128())
}

/// At most this many rows in one answer, for a `LIMIT`.
pub(crate) fn limit(rows: usize) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX)
}
