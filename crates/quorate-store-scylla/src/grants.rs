//! Rows of quotas: one partition and one row each, changed by one conditional statement at a time and read serially.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use quorate_core::grant::{Grant, GrantKey, GrantOperation, GrantOutcome};
use quorate_store::code::{decode_account, encode_account};
use quorate_store::{Grants, StoreError, bound};
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use crate::ScyllaStore;
use crate::database::{Database, Failure, PAGE_ROWS};
use crate::error::{self, ConnectError};
use crate::number::{from_column, from_uuid, limit, to_column, to_uuid};

const TABLE: &str = "quota_grant";
/// How many rows may have one token. Two of a billion rows have with a chance of one in forty.
const ROWS_OF_ONE_TOKEN_MAX: usize = 8;

/// The statements on rows.
pub(crate) struct Statements {
    read: PreparedStatement,
    create: PreparedStatement,
    change: PreparedStatement,
    cap: PreparedStatement,
    fold: PreparedStatement,
    import: PreparedStatement,
    first_page: PreparedStatement,
    next_page: PreparedStatement,
}

/// A partition key's columns.
type Key = (String, String, Vec<u8>, String);
/// A row's other columns.
type Columns = (Option<i64>, Option<i64>, Option<i64>, Option<HashMap<Uuid, i64>>);

impl Statements {
    pub async fn prepare(on: &Database) -> Result<Self, ConnectError> {
        const COLUMNS: &str = "cap, granted, version, holdings";
        const KEY: &str = "org, quota, account, period";
        const ROW: &str = "org = ? AND quota = ? AND account = ? AND period = ?";
        Ok(Self {
            read: on
                .prepare_serial_read(&format!("SELECT {COLUMNS} FROM $.quota_grant WHERE {ROW}"))
                .await?,
            create: on
                .prepare_change(&format!(
                    "INSERT INTO $.quota_grant ({KEY}, cap, granted, version) VALUES (?, ?, ?, ?, ?, 0, 0) IF NOT EXISTS"
                ))
                .await?,
            change: on
                .prepare_change(&format!(
                    "UPDATE $.quota_grant SET granted = ?, version = ?, holdings[?] = ? WHERE {ROW} \
                     IF version = ? AND granted = ? AND cap = ?"
                ))
                .await?,
            cap: on
                .prepare_change(&format!("UPDATE $.quota_grant SET cap = ?, version = ? WHERE {ROW} IF version = ?"))
                .await?,
            fold: on
                .prepare_change(&format!(
                    "UPDATE $.quota_grant SET version = ?, holdings[?] = ?, holdings[?] = ? WHERE {ROW} IF version = ?"
                ))
                .await?,
            import: on
                .prepare_change(&format!(
                    "INSERT INTO $.quota_grant ({KEY}, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
                ))
                .await?,
            first_page: on
                .prepare_plain(&format!("SELECT {KEY}, {COLUMNS} FROM $.quota_grant LIMIT ?"))
                .await?,
            next_page: on
                .prepare_plain(&format!(
                    "SELECT {KEY}, {COLUMNS} FROM $.quota_grant WHERE token({KEY}) >= token(?, ?, ?, ?) LIMIT ?"
                ))
                .await?,
        })
    }
}

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

/// The columns of a change.
enum Change {
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
    fn of(operation: GrantOperation) -> Result<Self, StoreError> {
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

fn columns_of(key: &GrantKey) -> Key {
    (
        key.org.to_string(),
        key.quota.to_string(),
        encode_account(&key.account),
        key.period.to_string(),
    )
}

fn key_of((org, quota, account, period): Key) -> Result<GrantKey, StoreError> {
    Ok(GrantKey {
        org: Arc::from(org),
        quota: Arc::from(quota),
        account: decode_account(&account)?,
        period: Arc::from(period),
    })
}

fn grant_of((cap, granted, version, holdings): Columns) -> Result<Grant, StoreError> {
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
