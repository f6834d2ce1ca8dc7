//! Levels of burst pools in the file.

use std::ops::Bound;
use std::sync::Arc;

use super::tables::{POOLS, get, page};
use super::{CHANGE_ROWS_MAX, Embedded};
use crate::code::{Reader, Writer};
use crate::pool::{PoolLevel, Pools};
use crate::{StoreError, bound};

/// The layout of a level.
const LAYOUT: u8 = 1;

#[async_trait::async_trait]
impl Pools for Embedded {
    async fn write_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError> {
        levels
            .iter()
            .try_for_each(|(org, pool, level)| bound::check_pool(org, pool, level))?;
        for chunk in levels.chunks(CHANGE_ROWS_MAX) {
            let encoded: Vec<_> = chunk
                .iter()
                .map(|(org, pool, level)| (encode_key(org, pool), encode(*level)))
                .collect();
            let bytes = encoded.iter().map(|(key, value)| key.len() + value.len()).sum();
            let change = self.change(bytes, move |tables| {
                encoded
                    .iter()
                    .try_for_each(|(key, value)| tables.pools.insert(key, value))
            });
            change.await?;
        }
        Ok(())
    }

    async fn forget_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError> {
        levels
            .iter()
            .try_for_each(|(org, pool, _)| bound::check_pool_name(org, pool))?;
        for chunk in levels.chunks(CHANGE_ROWS_MAX) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|(org, pool, level)| (encode_key(org, pool), *level))
                .collect();
            let bytes = rows.iter().map(|(key, _)| key.len()).sum();
            let change = self.change(bytes, move |tables| {
                for (key, level) in &rows {
                    if tables.pools.get(key, decode_level)? == Some(*level) {
                        tables.pools.remove(key)?;
                    }
                }
                Ok(())
            });
            change.await?;
        }
        Ok(())
    }

    async fn levels(&self, names: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Option<PoolLevel>>, StoreError> {
        let mut keys = Vec::with_capacity(names.len());
        for (org, pool) in names {
            bound::check_pool_name(org, pool)?;
            keys.push(encode_key(org, pool));
        }
        let read = self.read(move |transaction| {
            let table = transaction.open_table(POOLS)?;
            keys.iter().map(|key| get(&table, key, decode_level)).collect()
        });
        read.await
    }

    async fn pools(
        &self,
        after: Option<(&str, &str)>,
        max: usize,
    ) -> Result<Vec<(Arc<str>, Arc<str>, PoolLevel)>, StoreError> {
        let after = after.map(|(org, pool)| encode_key(org, pool));
        let read = self.read(move |transaction| {
            let table = transaction.open_table(POOLS)?;
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            page(&table, from, None, max, decode)
        });
        read.await
    }
}

fn encode_key(org: &str, pool: &str) -> Vec<u8> {
    Writer::key().part(org).part(pool).finish()
}

fn encode(level: PoolLevel) -> Vec<u8> {
    Writer::value(LAYOUT).number(level.missing).number(level.at_ns).finish()
}

fn decode(key: &[u8], value: &[u8]) -> Result<(Arc<str>, Arc<str>, PoolLevel), StoreError> {
    let mut names = Reader::key(key);
    let (org, pool) = (names.part()?, names.part()?);
    names.finish()?;
    Ok((org, pool, decode_level(value)?))
}

fn decode_level(value: &[u8]) -> Result<PoolLevel, StoreError> {
    let mut reader = Reader::value(value, LAYOUT)?;
    let level = PoolLevel {
        missing: reader.number()?,
        at_ns: reader.number()?,
    };
    reader.finish()?;
    Ok(level)
}
