//! Rows of quotas as columns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use quorate_core::grant::{Grant, GrantKey, GrantOperation};
use quorate_store::StoreError;
use quorate_store::code::{decode_account, encode_account};
use uuid::Uuid;

use super::TABLE;
use crate::error;
use crate::number::{from_column, from_uuid, to_column, to_uuid};

/// A partition key's columns.
pub(super) type Key = (String, String, Vec<u8>, String);
/// A row's other columns.
pub(super) type Columns = (Option<i64>, Option<i64>, Option<i64>, Option<HashMap<Uuid, i64>>);

/// The columns of a change.
pub(super) enum Change {
    Create {
        cap: i64,
    },
    Move {
        after: [i64; 2],
        holder: Uuid,
        holding: Option<i64>,
        before: [i64; 3],
    },
    Cap {
        cap: i64,
        version: i64,
        before: i64,
    },
    Fold {
        version: i64,
        gone: Uuid,
        folded: Option<i64>,
        before: i64,
    },
}

impl Change {
    pub fn of(operation: GrantOperation) -> Result<Self, StoreError> {
        // A holding of 0 is no element, so that the map stays small.
        let holding = |units: u64| Ok::<_, StoreError>(Some(to_column(units)?).filter(|units| *units > 0));
        Ok(match operation {
            GrantOperation::Read => return Err(StoreError::Refused("a read changes nothing".to_owned())),
            GrantOperation::Create { limit } => Self::Create { cap: to_column(limit)? },
            GrantOperation::Move(to) => Self::Move {
                after: [to_column(to.granted)?, to_column(to.version + 1)?],
                holder: to_uuid(to.holder),
                holding: holding(to.holding)?,
                before: [
                    to_column(to.version)?,
                    to_column(to.granted_before)?,
                    to_column(to.limit)?,
                ],
            },
            GrantOperation::Cap(to) => Self::Cap {
                cap: to_column(to.limit)?,
                version: to_column(to.version + 1)?,
                before: to_column(to.version)?,
            },
            GrantOperation::Fold(to) => Self::Fold {
                version: to_column(to.version + 1)?,
                gone: to_uuid(to.gone),
                folded: holding(to.folded)?,
                before: to_column(to.version)?,
            },
        })
    }
}

pub(super) fn columns_of(key: &GrantKey) -> Key {
    (
        key.org.to_string(),
        key.quota.to_string(),
        encode_account(&key.account),
        key.period.to_string(),
    )
}

pub(super) fn key_of((org, quota, account, period): Key) -> Result<GrantKey, StoreError> {
    Ok(GrantKey {
        org: Arc::from(org),
        quota: Arc::from(quota),
        account: decode_account(&account)?,
        period: Arc::from(period),
    })
}

pub(super) fn grant_of((cap, granted, version, holdings): Columns) -> Result<Grant, StoreError> {
    let number = |name: &str, value: Option<i64>| match value {
        Some(value) => from_column(TABLE, value),
        None => Err(error::corrupt(TABLE, &format!("a row without {name}"))),
    };
    let holdings: Result<BTreeMap<_, _>, StoreError> = holdings
        .into_iter()
        .flatten()
        .map(|(holder, units)| Ok((from_uuid(holder), from_column(TABLE, units)?)))
        .collect();
    Ok(Grant {
        limit: number("cap", cap)?,
        granted: number("granted", granted)?,
        version: number("version", version)?,
        holdings: holdings?,
    })
}
