//! The statements on rows of quotas.

use scylla::statement::prepared::PreparedStatement;

use crate::database::Database;
use crate::error::ConnectError;

/// The statements on rows.
pub(crate) struct Statements {
    pub(super) read: PreparedStatement,
    pub(super) create: PreparedStatement,
    pub(super) change: PreparedStatement,
    pub(super) cap: PreparedStatement,
    pub(super) fold: PreparedStatement,
    pub(super) import: PreparedStatement,
    pub(super) first_page: PreparedStatement,
    pub(super) next_page: PreparedStatement,
}

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
