//! Levels of burst pools: a row per pool in 32 partitions, so that the levels of many orgs are few operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_store::pool::{PoolLevel, Pools};
use quorate_store::{StoreError, bound};
use scylla::statement::prepared::PreparedStatement;

use crate::ScyllaStore;
use crate::bucket;
use crate::database::{self, AT_ONCE, Database, PAGE_ROWS};
use crate::error::{self, ConnectError};
use crate::number::{from_column, limit, to_column};

const TABLE: &str = "pool";
/// Levels of one batch: 10 to 20 KB.
const BATCH_ROWS: usize = 200;

/// The statements on pools.
pub(crate) struct Statements {
    write: PreparedStatement,
    read: PreparedStatement,
    forget: PreparedStatement,
    first_page: PreparedStatement,
    next_page: PreparedStatement,
}

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const PAGE: &str = "SELECT org, pool, missing, at_ns, writetime(missing) FROM $.pool WHERE bucket = ?";
        Ok(Self {
            write: on
                .prepare_plain("INSERT INTO $.pool (bucket, org, pool, missing, at_ns) VALUES (?, ?, ?, ?, ?)")
                .await?,
            read: on
                .prepare_plain(
                    "SELECT missing, at_ns, writetime(missing) FROM $.pool WHERE bucket = ? AND org = ? AND pool = ?",
                )
                .await?,
            forget: on
                .prepare_plain("DELETE FROM $.pool USING TIMESTAMP ? WHERE bucket = ? AND org = ? AND pool = ?")
                .await?,
            first_page: on.prepare_plain(&format!("{PAGE} LIMIT ?")).await?,
            next_page: on
                .prepare_plain(&format!("{PAGE} AND (org, pool) > (?, ?) LIMIT ?"))
                .await?,
        })
    }
}

#[async_trait::async_trait]
impl Pools for ScyllaStore {
    async fn write_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError> {
        type Written<'a> = (i32, &'a str, &'a str, i64, i64);
        let mut partitions: BTreeMap<i32, BTreeMap<(&str, &str), Written<'_>>> = BTreeMap::new();
        for (org, pool, level) in levels {
            bound::check_pool(org, pool, level)?;
            let bucket = bucket::of(org, bucket::POOLS);
            let row = (
                bucket,
                org.as_ref(),
                pool.as_ref(),
                to_column(level.missing)?,
                to_column(level.at_ns)?,
            );
            // Of two levels of one pool the later counts; within one batch the database would take the larger.
            partitions.entry(bucket).or_default().insert((org, pool), row);
        }
        let batches: Vec<Vec<Written<'_>>> = partitions
            .into_values()
            .flat_map(|rows| {
                let rows: Vec<Written<'_>> = rows.into_values().collect();
                rows.chunks(BATCH_ROWS).map(<[_]>::to_vec).collect::<Vec<_>>()
            })
            .collect();
        let writes = batches
            .iter()
            .map(|batch| self.database.write_together(&self.pools.write, batch));
        database::all(AT_ONCE, writes.collect()).await?;
        Ok(())
    }

    async fn forget_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError> {
        levels
            .iter()
            .try_for_each(|(org, pool, _)| bound::check_pool_name(org, pool))?;
        let forgotten = levels.iter().map(|(org, pool, level)| self.forget(org, pool, *level));
        database::all(AT_ONCE, forgotten.collect()).await?;
        Ok(())
    }

    async fn levels(&self, names: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Option<PoolLevel>>, StoreError> {
        names
            .iter()
            .try_for_each(|(org, pool)| bound::check_pool_name(org, pool))?;
        let reads = names.iter().map(|(org, pool)| self.level(org, pool));
        database::all(AT_ONCE, reads.collect()).await
    }

    async fn pools(
        &self,
        after: Option<(&str, &str)>,
        max: usize,
    ) -> Result<Vec<(Arc<str>, Arc<str>, PoolLevel)>, StoreError> {
        type Row = (String, String, Option<i64>, Option<i64>, Option<i64>);
        let mut page = Vec::new();
        let mut from = after.map(|(org, pool)| (org.to_owned(), pool.to_owned()));
        let mut bucket = after.map_or(0, |(org, _)| bucket::of(org, bucket::POOLS));
        while page.len() < max && bucket < bucket::POOLS {
            let rows = (max - page.len()).min(PAGE_ROWS);
            let answer = match &from {
                None => {
                    self.database
                        .read(&self.pools.first_page, (bucket, limit(rows)))
                        .await?
                }
                Some((org, pool)) => {
                    let values = (bucket, org, pool, limit(rows));
                    self.database.read(&self.pools.next_page, values).await?
                }
            };
            let mut read = 0;
            for row in answer.rows::<Row>().map_err(|error| error::corrupt(TABLE, &error))? {
                let (org, pool, missing, at_ns, stamp_us) = row.map_err(|error| error::corrupt(TABLE, &error))?;
                read += 1;
                // Whoever reads a level will write the next.
                self.database.stamps.observe(stamp_us.unwrap_or(0));
                from = Some((org.clone(), pool.clone()));
                let level = PoolLevel {
                    missing: from_column(TABLE, missing.unwrap_or(0))?,
                    at_ns: from_column(TABLE, at_ns.unwrap_or(0))?,
                };
                page.push((Arc::from(org), Arc::from(pool), level));
            }
            if read < rows {
                bucket += 1;
                from = None;
            }
        }
        Ok(page)
    }
}

impl ScyllaStore {
    async fn level(&self, org: &str, pool: &str) -> Result<Option<PoolLevel>, StoreError> {
        Ok(self.stamped(org, pool).await?.map(|(level, _)| level))
    }

    /// Deletes a row as of when it was written: a write since, or one that is still under way, is later than that and
    /// stays.
    async fn forget(&self, org: &str, pool: &str, level: PoolLevel) -> Result<(), StoreError> {
        let row = self.stamped(org, pool).await?;
        if let Some((_, stamp_us)) = row.filter(|(known, _)| *known == level) {
            let values = (stamp_us, bucket::of(org, bucket::POOLS), org, pool);
            self.database.write(&self.pools.forget, values).await?;
        }
        Ok(())
    }

    /// A level, and the timestamp that it was written with.
    async fn stamped(&self, org: &str, pool: &str) -> Result<Option<(PoolLevel, i64)>, StoreError> {
        type Row = (Option<i64>, Option<i64>, Option<i64>);
        let values = (bucket::of(org, bucket::POOLS), org, pool);
        let answer = self.database.read(&self.pools.read, values).await?;
        let row = answer
            .maybe_first_row::<Row>()
            .map_err(|error| error::corrupt(TABLE, &error))?;
        let Some((missing, at_ns, stamp_us)) = row else {
            return Ok(None);
        };
        // Whoever reads a level will write the next.
        let stamp_us = stamp_us.unwrap_or(0);
        self.database.stamps.observe(stamp_us);
        let level = PoolLevel {
            missing: from_column(TABLE, missing.unwrap_or(0))?,
            at_ns: from_column(TABLE, at_ns.unwrap_or(0))?,
        };
        Ok(Some((level, stamp_us)))
    }
}
