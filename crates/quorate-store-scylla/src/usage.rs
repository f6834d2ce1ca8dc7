//! Usage: a partition per org, span and start, with a row per key, endpoint, meter and writer. Each writer overwrites its
//! own rows with what it has counted in all, so writing twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use quorate_core::grant::HolderId;
use quorate_store::usage::{Span, Usage, UsageKey, UsageQuery, Used};
use quorate_store::{StoreError, bound};
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use crate::ScyllaStore;
use crate::database::{self, AT_ONCE, Database, PAGE_ROWS};
use crate::error::{self, ConnectError};
use crate::number::{from_column, from_uuid, limit, to_column, to_uuid};

const TABLE: &str = "usage";
/// Rows of one batch: with names of usual lengths 20 to 40 KB, one mutation that every database takes.
const BATCH_ROWS: usize = 200;
/// Bytes of names in one batch. Half of the commit log's segment is the most that a mutation may have: 16 MB by default.
const BATCH_BYTES: usize = 256 * 1_024;
/// Periods that this writer remembers to have named. Forgetting them costs an operation each.
const PERIODS_KNOWN_MAX: usize = 100_000;
/// How many partitions may have one token.
const PARTITIONS_OF_ONE_TOKEN_MAX: usize = 8;
/// Partitions that an export looks for at once.
const PARTITIONS_AHEAD: usize = 64;

/// A partition: org, span, start.
type Partition = (String, i8, i64);

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
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .await?,
            write_period: on
                .prepare_plain("INSERT INTO $.usage_period (org, span, start_s) VALUES (?, ?, ?)")
                .await?,
            periods: on
                .prepare_plain(
                    "SELECT start_s FROM $.usage_period WHERE org = ? AND span = ? AND start_s >= ? AND start_s < ?",
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

/// One row as it is written.
type Written = (String, i8, i64, String, String, String, Uuid, i64, i64);
/// One row as it is read from its partition.
type Row = (String, String, String, Uuid, Option<i64>, Option<i64>);

#[async_trait::async_trait]
impl Usage for ScyllaStore {
    async fn write_usage(&self, writer: HolderId, rows: &[(UsageKey, Used)]) -> Result<u64, StoreError> {
        let mut partitions: BTreeMap<Partition, Vec<Written>> = BTreeMap::new();
        for (key, used) in rows {
            bound::check_usage(key, used)?;
            let partition = partition_of(key)?;
            let row = written(&partition, key, writer, used)?;
            partitions.entry(partition).or_default().push(row);
        }
        let named = self.name_periods(partitions.keys()).await?;
        let batches: Vec<&[Written]> = partitions.values().flat_map(|rows| batches(rows)).collect();
        let count = batches.len();
        let writes = batches
            .into_iter()
            .map(|batch| self.database.write_together(&self.usage.write, batch));
        database::all(AT_ONCE, writes.collect()).await?;
        Ok(u64::try_from(named.saturating_add(count)).unwrap_or(u64::MAX))
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

/// A partition, in the words of the store.
struct Period {
    org: Arc<str>,
    span: Span,
    start_s: u64,
}

impl Period {
    fn of((org, span, start_s): &Partition) -> Result<Self, StoreError> {
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

impl ScyllaStore {
    /// Names periods before anything is written in them, and says how many operations it took.
    async fn name_periods(&self, periods: impl Iterator<Item = &Partition>) -> Result<usize, StoreError> {
        let named = || self.usage.named.lock().expect("nobody panics with it");
        let new: Vec<&Partition> = {
            let named = named();
            periods.filter(|period| !named.contains(*period)).collect()
        };
        let writes = new
            .iter()
            .map(|(org, span, start_s)| self.database.write(&self.usage.write_period, (org, *span, *start_s)));
        database::all(AT_ONCE, writes.collect()).await?;
        let mut named = named();
        if named.len() + new.len() > PERIODS_KNOWN_MAX {
            named.clear();
        }
        named.extend(new.iter().map(|period| (*period).clone()));
        Ok(new.len())
    }

    /// The starts that a query is about and that are not all before `after`, in order.
    async fn periods(&self, query: &UsageQuery, after: Option<&UsageKey>) -> Result<BTreeSet<u64>, StoreError> {
        let mut starts = BTreeSet::new();
        let of_query = |after: &UsageKey| (after.org.as_ref(), after.span) <= (query.org.as_ref(), query.span);
        let from_s = match after {
            Some(after) if (after.org.as_ref(), after.span) == (query.org.as_ref(), query.span) => {
                query.from_s.max(after.start_s)
            }
            Some(after) if !of_query(after) => return Ok(starts),
            _ => query.from_s,
        };
        let (Ok(from_s), until_s) = (to_column(from_s), to_column(query.until_s).unwrap_or(i64::MAX)) else {
            return Ok(starts);
        };
        let values = (query.org.as_ref(), span_column(query.span), from_s, until_s);
        let mut next = Some(PagingState::start());
        while let Some(state) = next {
            let (rows, following) = self.database.read_page(&self.usage.periods, values, state).await?;
            for row in rows.rows::<(i64,)>().map_err(|error| error::corrupt(TABLE, &error))? {
                starts.insert(from_column(
                    TABLE,
                    row.map_err(|error| error::corrupt(TABLE, &error))?.0,
                )?);
            }
            next = following;
        }
        Ok(starts)
    }

    /// The sums of a period over all writers, in order: at most `max`, each complete.
    async fn sums(
        &self,
        period: &Period,
        after: Option<&UsageKey>,
        max: usize,
    ) -> Result<Vec<(UsageKey, Used)>, StoreError> {
        let mut sums: Vec<(UsageKey, Used)> = Vec::new();
        let each = |row: Row| {
            let (key, _, used) = exported(period, row)?;
            match sums.last_mut() {
                Some((last, sum)) if *last == key => {
                    sum.calls = sum.calls.saturating_add(used.calls);
                    sum.units = sum.units.saturating_add(used.units);
                }
                // One more than wanted says that the last wanted one is complete.
                _ => sums.push((key, used)),
            }
            Ok(sums.len() <= max)
        };
        let (org, span, start_s) = (
            period.org.as_ref(),
            span_column(period.span),
            to_column(period.start_s)?,
        );
        match after {
            None => self.rows(&self.usage.rows, (org, span, start_s), each).await?,
            Some(after) => {
                let names = (after.key.as_ref(), after.endpoint.as_ref(), after.meter.as_ref());
                let values = (org, span, start_s, names.0, names.1, names.2);
                self.rows(&self.usage.rows_after, values, each).await?;
            }
        }
        sums.truncate(max);
        Ok(sums)
    }

    /// Reads rows of one partition page by page until `each` has enough.
    async fn rows(
        &self,
        statement: &PreparedStatement,
        values: impl scylla::serialize::row::SerializeRow + Clone,
        mut each: impl FnMut(Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut next = Some(PagingState::start());
        while let Some(state) = next {
            let (rows, following) = self.database.read_page(statement, values.clone(), state).await?;
            for row in rows.rows::<Row>().map_err(|error| error::corrupt(TABLE, &error))? {
                if !each(row.map_err(|error| error::corrupt(TABLE, &error))?)? {
                    return Ok(());
                }
            }
            next = following;
        }
        Ok(())
    }

    /// Some partitions after one, in the order of the ring.
    async fn partitions_after(&self, after: Option<&Partition>) -> Result<Vec<Partition>, StoreError> {
        let rows = match after {
            None => {
                let wanted = limit(PARTITIONS_AHEAD);
                self.database.read(&self.usage.first_partitions, (wanted,)).await?
            }
            Some((org, span, start_s)) => {
                let wanted = limit(PARTITIONS_AHEAD + PARTITIONS_OF_ONE_TOKEN_MAX);
                let values = (org, *span, *start_s, wanted);
                self.database.read(&self.usage.next_partitions, values).await?
            }
        };
        let rows = rows
            .rows::<Partition>()
            .map_err(|error| error::corrupt(TABLE, &error))?;
        let mut partitions: Vec<Partition> = rows
            .collect::<Result<_, _>>()
            .map_err(|error| error::corrupt(TABLE, &error))?;
        // `>=`, and what is not after it left out: partitions of one token are in the order of their keys.
        if let Some(at) = partitions.iter().position(|partition| Some(partition) == after) {
            partitions.drain(..=at);
        }
        Ok(partitions)
    }
}

/// A row with the names of its partition.
fn exported(period: &Period, row: Row) -> Result<(UsageKey, HolderId, Used), StoreError> {
    let (key, endpoint, meter, writer, calls, units) = row;
    let used = Used {
        calls: from_column(TABLE, calls.unwrap_or(0))?,
        units: from_column(TABLE, units.unwrap_or(0))?,
    };
    Ok((period.key(key, endpoint, meter), from_uuid(writer), used))
}

fn written(partition: &Partition, key: &UsageKey, writer: HolderId, used: &Used) -> Result<Written, StoreError> {
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
    ))
}

fn partition_of(key: &UsageKey) -> Result<Partition, StoreError> {
    Ok((key.org.to_string(), span_column(key.span), to_column(key.start_s)?))
}

const fn span_column(span: Span) -> i8 {
    match span {
        Span::Hour => 0,
        Span::Day => 1,
        Span::Month => 2,
    }
}

/// Cuts the rows of one partition into batches.
fn batches(rows: &[Written]) -> Vec<&[Written]> {
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
