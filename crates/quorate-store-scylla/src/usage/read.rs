//! Reading usage: page by page within a partition, and from one partition to the next.

use std::collections::BTreeSet;

use quorate_store::usage::{UsageKey, UsageQuery, Used};
use quorate_store::{StoreError, bound};
use scylla::response::PagingState;
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;

use super::TABLE;
use super::columns::{Partition, Period, Row, exported, span_column};
use crate::ScyllaStore;
use crate::error;
use crate::number::{from_column, limit, to_column};

/// How many partitions may have one token.
const PARTITIONS_OF_ONE_TOKEN_MAX: usize = 8;
/// Partitions that an export looks for at once.
const PARTITIONS_AHEAD: usize = 64;

impl ScyllaStore {
    /// The starts that a query is about and that are not all before `after`, in order.
    pub(super) async fn periods(
        &self,
        query: &UsageQuery,
        after: Option<&UsageKey>,
    ) -> Result<BTreeSet<u64>, StoreError> {
        let mut starts = BTreeSet::new();
        let of_query = |after: &UsageKey| (after.org.as_ref(), after.span) <= (query.org.as_ref(), query.span);
        let from_s = match after {
            Some(after) if (after.org.as_ref(), after.span) == (query.org.as_ref(), query.span) => {
                query.from_s.max(after.start_s)
            }
            Some(after) if !of_query(after) => return Ok(starts),
            _ => query.from_s,
        };
        // The last that is wanted, since the first that is not may be more than a column holds.
        let last_s = query.until_s.checked_sub(1).map(|last| last.min(bound::NUMBER_MAX));
        let (Some(last_s), Ok(from_s)) = (last_s, to_column(from_s)) else {
            return Ok(starts);
        };
        let last_s = to_column(last_s)?;
        let values = (query.org.as_ref(), span_column(query.span), from_s, last_s);
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
    pub(super) async fn sums(
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
    pub(super) async fn rows(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow + Clone,
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
    pub(super) async fn partitions_after(&self, after: Option<&Partition>) -> Result<Vec<Partition>, StoreError> {
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
