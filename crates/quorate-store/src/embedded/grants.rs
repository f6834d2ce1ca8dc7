//! Rows of quotas in the file.

use std::collections::BTreeMap;
use std::ops::Bound;

use quorate_core::grant::{Grant, GrantKey, GrantOperation, GrantOutcome, HolderId};

use super::tables::{GRANTS, Tables, get, page};
use super::{Embedded, Fault};
use crate::code::{Reader, Writer};
use crate::{Grants, StoreError, bound};

/// The layout of a row's value.
const LAYOUT: u8 = 1;

/// What a change weighs in the queue, about.
const CHANGE_BYTES: usize = 256;

#[async_trait::async_trait]
impl Grants for Embedded {
    async fn grant(&self, key: &GrantKey, operation: GrantOperation) -> GrantOutcome {
        if bound::check_grant_key(key).is_err() {
            return GrantOutcome::NotTried;
        }
        if !bound::grant_fits(&operation) {
            return GrantOutcome::Refused;
        }
        let key = encode_key(key);
        if operation == GrantOperation::Read {
            let read = self.read(move |transaction| {
                let table = transaction.open_table(GRANTS)?;
                get(&table, &key, decode_grant)
            });
            return read.await.map_or(GrantOutcome::Unknown, GrantOutcome::Row);
        }
        match self
            .write(CHANGE_BYTES, move |tables| apply(tables, &key, operation))
            .await
        {
            Ok(Ok(true)) => GrantOutcome::Applied,
            Ok(Ok(false)) => GrantOutcome::Refused,
            // The row could not be read, and was left alone.
            Ok(Err(_)) => GrantOutcome::NotTried,
            Err(lost) if lost.may_have_applied => GrantOutcome::Unknown,
            Err(_) => GrantOutcome::NotTried,
        }
    }

    async fn grants(&self, after: Option<&GrantKey>, max: usize) -> Result<Vec<(GrantKey, Grant)>, StoreError> {
        let after = after.map(encode_key);
        let read = self.read(move |transaction| {
            let table = transaction.open_table(GRANTS)?;
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            page(&table, from, None, max, |key, value| {
                Ok((decode_key(key)?, decode_grant(value)?))
            })
        });
        read.await
    }

    async fn import_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), StoreError> {
        bound::check_grant_key(key)?;
        bound::check_grant(grant)?;
        let name = format!("the quota {} of {}", key.quota, key.org);
        let (key, value) = (encode_key(key), encode_grant(grant));
        let change = self.change(value.len(), move |tables| {
            match get(tables.grants.table(), &key, |found| Ok(found == value))? {
                None => tables.grants.insert(&key, &value),
                Some(true) => Ok(()),
                Some(false) => Err(StoreError::Exists(name).into()),
            }
        });
        change.await
    }
}

/// Makes a change if the row is as it expects; says whether.
fn apply(tables: &mut Tables<'_>, key: &[u8], operation: GrantOperation) -> Result<bool, Fault> {
    let row = tables.grants.get(key, decode_grant)?;
    let Some(changed) = changed(row, operation) else {
        return Ok(false);
    };
    tables.grants.insert(key, &encode_grant(&changed))?;
    Ok(true)
}

/// The row after a change; `None` if the change does not apply to it.
fn changed(row: Option<Grant>, operation: GrantOperation) -> Option<Grant> {
    let mut row = match (operation, row) {
        (GrantOperation::Create { limit }, None) => {
            return Some(Grant {
                limit,
                ..Grant::default()
            });
        }
        (GrantOperation::Create { .. } | GrantOperation::Read, _) | (_, None) => return None,
        (_, Some(row)) => row,
    };
    let expected = match operation {
        GrantOperation::Move(to) => to.version,
        GrantOperation::Cap(to) => to.version,
        GrantOperation::Fold(to) => to.version,
        GrantOperation::Create { .. } | GrantOperation::Read => return None,
    };
    if row.version != expected {
        return None;
    }
    match operation {
        GrantOperation::Move(to) => {
            if row.limit != to.limit || row.granted != to.granted_before {
                return None;
            }
            row.granted = to.granted;
            row.holdings.insert(to.holder, to.holding);
        }
        GrantOperation::Cap(to) => row.limit = to.limit,
        GrantOperation::Fold(to) => {
            row.holdings.remove(&to.gone);
            row.holdings.insert(HolderId::FOLDED, to.folded);
        }
        GrantOperation::Create { .. } | GrantOperation::Read => return None,
    }
    row.version = row.version.checked_add(1)?;
    Some(row)
}

fn encode_key(key: &GrantKey) -> Vec<u8> {
    Writer::key()
        .part(&key.org)
        .part(&key.quota)
        .account(&key.account)
        .part(&key.period)
        .finish()
}

fn decode_key(bytes: &[u8]) -> Result<GrantKey, StoreError> {
    let mut reader = Reader::key(bytes);
    let key = GrantKey {
        org: reader.part()?,
        quota: reader.part()?,
        account: reader.account()?,
        period: reader.part()?,
    };
    reader.finish()?;
    Ok(key)
}

/// Holdings of 0 are left out.
fn encode_grant(grant: &Grant) -> Vec<u8> {
    let holdings = || grant.holdings.iter().filter(|(_, units)| **units > 0);
    let begin = Writer::value(LAYOUT)
        .number(grant.limit)
        .number(grant.granted)
        .number(grant.version)
        .count(holdings().count());
    holdings()
        .fold(begin, |writer, (holder, units)| writer.id(holder.0).number(*units))
        .finish()
}

fn decode_grant(bytes: &[u8]) -> Result<Grant, StoreError> {
    let mut reader = Reader::value(bytes, LAYOUT)?;
    let (limit, granted, version) = (reader.number()?, reader.number()?, reader.number()?);
    let mut holdings = BTreeMap::new();
    for _ in 0..reader.count()? {
        holdings.insert(HolderId(reader.id()?), reader.number()?);
    }
    reader.finish()?;
    Ok(Grant {
        limit,
        granted,
        version,
        holdings,
    })
}

#[cfg(test)]
mod tests;
