//! The version of what is in the file: a newer one is refused by name, older ones are migrated in order, one transaction
//! each.

use std::cell::Cell;

use redb::{Database, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

use super::Fault;
use super::tables::Tables;
use crate::StoreError;

/// The format that this version writes.
pub const FORMAT: u64 = 1;

const TABLE: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("format");
const VERSION: &str = "version";
const WRITTEN_BY: &str = "written by";

/// Turns a file of one format into one of the next.
pub(super) type Migration = fn(&WriteTransaction) -> Result<(), Fault>;

/// From format 1 to 2, from 2 to 3, and so on.
const MIGRATIONS: [Migration; 0] = [];

/// The format of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) version: u64,
    pub(super) written_by: String,
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One that this version works with; it was migrated if it was older.
    Known,
    /// One of a later version.
    Newer(Format),
    /// A database of redb, but none of ours.
    Foreign,
}

/// Writes into a new file which format it has, and makes the tables of that format.
pub(super) fn found(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    write(&transaction, FORMAT)?;
    drop(Tables::open(&transaction, &Cell::new(false))?);
    transaction.commit()?;
    Ok(())
}

/// Looks which format a file has, and migrates it if it is older.
pub(super) fn settle(database: &Database) -> Result<Found, Fault> {
    settle_by(database, &MIGRATIONS)
}

pub(super) fn settle_by(database: &Database, migrations: &[Migration]) -> Result<Found, Fault> {
    let Some(format) = read(database)? else {
        return Ok(Found::Foreign);
    };
    let steps = u64::try_from(migrations.len()).expect("a list of migrations is short");
    if format.version > steps + 1 {
        return Ok(Found::Newer(format));
    }
    for (migrate, to) in migrations.iter().zip(2..) {
        if to > format.version {
            let transaction = database.begin_write()?;
            migrate(&transaction)?;
            write(&transaction, to)?;
            transaction.commit()?;
        }
    }
    Ok(Found::Known)
}

pub(super) fn read(database: &Database) -> Result<Option<Format>, Fault> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(TABLE) {
        Ok(table) => table,
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let version = table.get(VERSION)?.map(|value| <[u8; 8]>::try_from(value.value()));
    let written_by = table.get(WRITTEN_BY)?;
    match version {
        Some(Ok(version)) => Ok(Some(Format {
            version: u64::from_be_bytes(version),
            written_by: written_by.map_or_else(String::new, |by| String::from_utf8_lossy(by.value()).into_owned()),
        })),
        Some(Err(_)) => Err(StoreError::Corrupt("the version of the format is no number".to_owned()).into()),
        None => Ok(None),
    }
}

pub(super) fn write(transaction: &WriteTransaction, version: u64) -> Result<(), Fault> {
    let mut table = transaction.open_table(TABLE)?;
    table.insert(VERSION, version.to_be_bytes().as_slice())?;
    table.insert(WRITTEN_BY, env!("CARGO_PKG_VERSION").as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests;
