//! The lines of an export.

mod audit;
mod document;
mod grant;
mod usage;

use std::sync::Arc;

use quorate_core::grant::{Grant, GrantKey, HolderId};
use serde::{Deserialize, Serialize};

use self::audit::AuditLine;
use self::document::{DocumentLine, PieceLine, PoolLine};
use self::grant::GrantLine;
use self::usage::UsageLine;
use super::hex;
use crate::audit::AuditRecord;
use crate::document::{Document, DocumentKey};
use crate::pool::PoolLevel;
use crate::usage::{UsageKey, Used};

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// The first.
    Export {
        format: u64,
        written_by: String,
    },
    Grant(GrantLine),
    Document(DocumentLine),
    Usage(UsageLine),
    Audit(AuditLine),
    Pool(PoolLine),
    Piece(PieceLine),
    /// The last.
    End(Counts),
}

/// How many records of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Rows of quotas.
    pub grants: u64,
    /// Documents, tombstones included.
    pub documents: u64,
    /// Rows of usage.
    pub usage: u64,
    /// Audit records.
    pub audit: u64,
    /// Levels of pools.
    pub pools: u64,
    /// Pieces of snapshots.
    pub pieces: u64,
}

/// What a line between the first and the last holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Grant(GrantKey, Grant),
    Document(DocumentKey, Document),
    Usage(UsageKey, HolderId, Used),
    Audit(AuditRecord),
    Pool(Arc<str>, Arc<str>, PoolLevel),
    Piece(String, Vec<u8>),
}

impl From<Record> for Line {
    fn from(record: Record) -> Self {
        match record {
            Record::Grant(key, grant) => Self::Grant(GrantLine::of(key, grant)),
            Record::Document(key, document) => Self::Document(DocumentLine::of(key, document)),
            Record::Usage(key, writer, used) => Self::Usage(UsageLine::of(key, writer, used)),
            Record::Audit(record) => Self::Audit(AuditLine::of(record)),
            Record::Pool(org, pool, level) => Self::Pool(PoolLine::of(org, pool, level)),
            Record::Piece(name, content) => Self::Piece(PieceLine::of(name, &content)),
        }
    }
}

impl Line {
    /// What the line holds; an error says what is wrong with it.
    pub(super) fn into_record(self) -> Result<Record, &'static str> {
        match self {
            Self::Export { .. } | Self::End(_) => Err("the first or the last line of an export, in its middle"),
            Self::Grant(line) => line.into_record(),
            Self::Document(line) => Ok(line.into_record()),
            Self::Usage(line) => line.into_record(),
            Self::Audit(line) => line.into_record(),
            Self::Pool(line) => Ok(line.into_record()),
            Self::Piece(line) => line.into_record(),
        }
    }
}

fn holder(digits: &str) -> Result<HolderId, &'static str> {
    let bytes = hex::decode_array(digits).ok_or("a holder or writer is 32 hexadecimal digits")?;
    Ok(HolderId(u128::from_be_bytes(bytes)))
}
