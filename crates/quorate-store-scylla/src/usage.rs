//! Usage: a partition per org, span and start, with a row per key, endpoint, meter and writer. Each writer overwrites its
//! own rows with what it has counted in all, so writing twice changes nothing.

mod columns;
mod read;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use quorate_core::grant::HolderId;
use quorate_store::usage::{Life, Usage, UsageKey, UsageQuery, Used};
use quorate_store::{StoreError, bound};
use scylla::statement::prepared::PreparedStatement;

use crate::ScyllaStore;
use crate::database::{self, AT_ONCE, Database, PAGE_ROWS};
use crate::error::ConnectError;
use crate::number::{limit, to_uuid};
use columns::{Partition, Period, Written, batches, exported, partition_of, ttl_s, written};

const TABLE: &str = "usage";
/// Periods that this writer remembers to have named. Forgetting them costs an operation each.
const PERIODS_KNOWN_MAX: usize = 100_000;
/// The statements on usage, and the periods that were named.
pub(crate) struct Statements {
    write: PreparedStatement,
    write_period: PreparedStatement,
    periods: PreparedStatement,
    rows: PreparedStatement,
    rows_after: PreparedStatement,
    rows_after_writer: PreparedStatement,
    first_partitions: PreparedStatement,
    next_partitions: PreparedStatement,
    named: Mutex<HashSet<Partition>>,
}

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const ROWS: &str = "SELECT key_id, endpoint, meter, writer, calls, units FROM $.usage \
                            WHERE org = ? AND span = ? AND start_s = ?";
        const PARTITIONS: &str = "SELECT DISTINCT org, span, start_s FROM $.usage";
        Ok(Self {
            write: on
                .prepare_plain(
                    "INSERT INTO $.usage (org, span, start_s, key_id, endpoint, meter, writer, calls, units) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?",
                )
                .await?,
            write_period: on
                .prepare_plain("INSERT INTO $.usage_period (org, span, start_s) VALUES (?, ?, ?) USING TTL ?")
                .await?,
            periods: on
                .prepare_plain(
                    "SELECT start_s FROM $.usage_period WHERE org = ? AND span = ? AND start_s >= ? AND start_s <= ?",
                )
                .await?,
            rows: on.prepare_plain(ROWS).await?,
            rows_after: on
                .prepare_plain(&format!("{ROWS} AND (key_id, endpoint, meter) > (?, ?, ?)"))
                .await?,
            rows_after_writer: on
                .prepare_plain(&format!("{ROWS} AND (key_id, endpoint, meter, writer) > (?, ?, ?, ?)"))
                .await?,
            first_partitions: on.prepare_plain(&format!("{PARTITIONS} LIMIT ?")).await?,
            next_partitions: on
                .prepare_plain(&format!(
                    "{PARTITIONS} WHERE token(org, span, start_s) >= token(?, ?, ?) LIMIT ?"
                ))
                .await?,
            named: Mutex::new(HashSet::new()),
        })
    }
}

#[async_trait::async_trait]
impl Usage for ScyllaStore {
    async fn write_usage(&self, writer: HolderId, rows: &[(UsageKey, Used)], life: Life) -> Result<u64, StoreError> {
        let mut partitions: BTreeMap<Partition, Vec<Written>> = BTreeMap::new();
        for (key, used) in rows {
            bound::check_usage(key, used)?;
            let partition = partition_of(key)?;
            let Some(ttl) = ttl_s(life.left_s(key.span, key.start_s)) else {
                continue;
            };
            let row = written(&partition, key, (writer, used), ttl)?;
            partitions.entry(partition).or_default().push(row);
        }
        let periods = partitions
            .iter()
            .filter_map(|(period, rows)| Some((period, rows.first()?.9)));
        let named = self.name_periods(periods).await?;
        let batches: Vec<&[Written]> = partitions.values().flat_map(|rows| batches(rows)).collect();
        let count = batches.len();
        let writes = batches
            .into_iter()
            .map(|batch| self.database.write_together(&self.usage.write, batch));
        database::all(AT_ONCE, writes.collect()).await?;
        Ok(u64::try_from(named.saturating_add(count)).unwrap_or(u64::MAX))
    }

    /// The database forgets rows itself: each is written with the time that it has.
    async fn forget_usage(&self, _life: Life) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn usage(
        &self,
        query: &UsageQuery,
        after: Option<&UsageKey>,
        max: usize,
    ) -> Result<Vec<(UsageKey, Used)>, StoreError> {
        let mut page = Vec::new();
        for start_s in self.periods(query, after).await? {
            if page.len() >= max {
                break;
            }
            let period = Period {
                org: Arc::clone(&query.org),
                span: query.span,
                start_s,
            };
            // Only in its own period does `after` leave out rows.
            let after = after.filter(|after| after.start_s == start_s);
            page.extend(self.sums(&period, after, max - page.len()).await?);
        }
        Ok(page)
    }

    async fn usage_rows(
        &self,
        after: Option<&(UsageKey, HolderId)>,
        max: usize,
    ) -> Result<Vec<(UsageKey, HolderId, Used)>, StoreError> {
        let mut page = Vec::new();
        let mut last = None;
        if let Some((key, writer)) = after {
            let partition = partition_of(key)?;
            let names = (key.key.as_ref(), key.endpoint.as_ref(), key.meter.as_ref());
            let (org, span, start_s) = &partition;
            let values = (org, *span, *start_s, names.0, names.1, names.2, to_uuid(*writer));
            let period = Period::of(&partition)?;
            let mut rows = self.usage.rows_after_writer.clone();
            rows.set_page_size(limit(max.clamp(1, PAGE_ROWS)));
            self.rows(&rows, values, |row| {
                page.push(exported(&period, row)?);
                Ok(page.len() < max)
            })
            .await?;
            last = Some(partition);
        }
        while page.len() < max {
            let partitions = self.partitions_after(last.as_ref()).await?;
            if partitions.is_empty() {
                break;
            }
            for partition in partitions {
                if page.len() >= max {
                    break;
                }
                let period = Period::of(&partition)?;
                let (org, span, start_s) = &partition;
                self.rows(&self.usage.rows, (org, *span, *start_s), |row| {
                    page.push(exported(&period, row)?);
                    Ok(page.len() < max)
                })
                .await?;
                last = Some(partition);
            }
        }
        page.truncate(max);
        Ok(page)
    }
}

impl ScyllaStore {
    /// Names periods before anything is written in them, and says how many operations it took.
    async fn name_periods(&self, periods: impl Iterator<Item = (&Partition, i32)>) -> Result<usize, StoreError> {
        let named = || self.usage.named.lock().expect("nobody panics with it");
        let new: Vec<(&Partition, i32)> = {
            let named = named();
            periods.filter(|(period, _)| !named.contains(*period)).collect()
        };
        let writes = new.iter().map(|((org, span, start_s), ttl)| {
            let values = (org, *span, *start_s, *ttl);
            self.database.write(&self.usage.write_period, values)
        });
        database::all(AT_ONCE, writes.collect()).await?;
        let mut named = named();
        if named.len() + new.len() > PERIODS_KNOWN_MAX {
            named.clear();
        }
        named.extend(new.iter().map(|(period, _)| (*period).clone()));
        Ok(new.len())
    }
}
