//! Rows of quotas: one partition and one row each, changed by one conditional statement at a time and read serially.

mod columns;
mod statements;

use std::collections::HashMap;

use quorate_core::grant::{Grant, GrantKey, GrantOperation, GrantOutcome};
use quorate_store::{Grants, StoreError, bound};
use uuid::Uuid;

use crate::ScyllaStore;
use crate::database::{Failure, PAGE_ROWS};
use crate::error;
use crate::number::{limit, to_column, to_uuid};
use columns::{Change, Columns, columns_of, grant_of, key_of};

pub(crate) use statements::Statements;

const TABLE: &str = "quota_grant";
/// How many rows may have one token. Two of a billion rows have with a chance of one in forty.
const ROWS_OF_ONE_TOKEN_MAX: usize = 8;

#[async_trait::async_trait]
impl Grants for ScyllaStore {
    async fn grant(&self, key: &GrantKey, operation: GrantOperation) -> GrantOutcome {
        if bound::check_grant_key(key).is_err() {
            return GrantOutcome::NotTried;
        }
        if !bound::grant_fits(&operation) {
            return GrantOutcome::Refused;
        }
        match operation {
            GrantOperation::Read => match self.row(key).await {
                Ok(row) => GrantOutcome::Row(row),
                Err(failure) => failure.outcome(),
            },
            // What cannot be written as columns was never sent; the bounds say that there is nothing of the kind.
            other => match Change::of(other) {
                Ok(change) => self.changed(key, change).await,
                Err(_) => GrantOutcome::Refused,
            },
        }
    }

    async fn grants(&self, after: Option<&GrantKey>, max: usize) -> Result<Vec<(GrantKey, Grant)>, StoreError> {
        type Row = (
            String,
            String,
            Vec<u8>,
            String,
            Option<i64>,
            Option<i64>,
            Option<i64>,
            Option<HashMap<Uuid, i64>>,
        );
        if max == 0 {
            return Ok(Vec::new());
        }
        let wanted = max.min(PAGE_ROWS);
        let statements = &self.grants;
        let rows = match after {
            None => self.database.read(&statements.first_page, (limit(wanted),)).await?,
            // `>=`, and what is not after it left out: rows of one token are in the order of their keys.
            Some(after) => {
                let (org, quota, account, period) = columns_of(after);
                let rows = limit(wanted + ROWS_OF_ONE_TOKEN_MAX);
                self.database
                    .read(&statements.next_page, (org, quota, account, period, rows))
                    .await?
            }
        };
        let mut page = Vec::new();
        for row in rows.rows::<Row>().map_err(|error| error::corrupt(TABLE, &error))? {
            let (org, quota, account, period, cap, granted, version, holdings) =
                row.map_err(|error| error::corrupt(TABLE, &error))?;
            let key = key_of((org, quota, account, period))?;
            page.push((key, grant_of((cap, granted, version, holdings))?));
        }
        if let Some(at) = page.iter().position(|(key, _)| Some(key) == after) {
            page.drain(..=at);
        }
        page.truncate(wanted);
        Ok(page)
    }

    async fn import_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), StoreError> {
        bound::check_grant_key(key)?;
        bound::check_grant(grant)?;
        let (org, quota, account, period) = columns_of(key);
        let holdings = grant.holdings.iter().filter(|(_, units)| **units > 0);
        let holdings: Result<HashMap<Uuid, i64>, StoreError> = holdings
            .map(|(holder, units)| Ok((to_uuid(*holder), to_column(*units)?)))
            .collect();
        let values = (
            org,
            quota,
            account,
            period,
            to_column(grant.limit)?,
            to_column(grant.granted)?,
            to_column(grant.version)?,
            holdings?,
        );
        if self.database.change(&self.grants.import, values).await?.applied {
            return Ok(());
        }
        let there = self.row(key).await?;
        let without_empty = |grant: &Grant| {
            let mut grant = grant.clone();
            grant.holdings.retain(|_, units| *units > 0);
            grant
        };
        if there.as_ref().map(without_empty) == Some(without_empty(grant)) {
            return Ok(());
        }
        Err(StoreError::Exists(format!(
            "quota `{}` of org `{}`",
            key.quota, key.org
        )))
    }
}

impl ScyllaStore {
    async fn changed(&self, key: &GrantKey, change: Change) -> GrantOutcome {
        let (org, quota, account, period) = columns_of(key);
        let (on, statements) = (&self.database, &self.grants);
        // Values in the order of the statement's text. The driver tells types apart, not two numbers.
        let answer = match change {
            Change::Create { cap } => on.change(&statements.create, (org, quota, account, period, cap)).await,
            Change::Move {
                after: [granted, version],
                holder,
                holding,
                before: [from, granted_before, cap],
            } => {
                let row = (org, quota, account, period);
                let values = (
                    granted,
                    version,
                    holder,
                    holding,
                    row.0,
                    row.1,
                    row.2,
                    row.3,
                    from,
                    granted_before,
                    cap,
                );
                on.change(&statements.change, values).await
            }
            Change::Cap { cap, version, before } => {
                on.change(&statements.cap, (cap, version, org, quota, account, period, before))
                    .await
            }
            Change::Fold {
                version,
                gone,
                folded,
                before,
            } => {
                let nobody = to_uuid(quorate_core::grant::HolderId::FOLDED);
                let nothing: Option<i64> = None;
                let values = (
                    version, gone, nothing, nobody, folded, org, quota, account, period, before,
                );
                on.change(&statements.fold, values).await
            }
        };
        match answer {
            Ok(cas) if cas.applied => GrantOutcome::Applied,
            Ok(_) => GrantOutcome::Refused,
            Err(failure) => failure.outcome(),
        }
    }

    async fn row(&self, key: &GrantKey) -> Result<Option<Grant>, Failure> {
        let rows = self.database.serial_read(&self.grants.read, columns_of(key)).await?;
        let row: Option<Columns> = rows
            .maybe_first_row()
            .map_err(|error| Failure::Answer(error.to_string()))?;
        row.map(|row| grant_of(row).map_err(|error| Failure::Answer(error.to_string())))
            .transpose()
    }
}
