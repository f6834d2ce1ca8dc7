//! A document, a pool's level and a piece of a snapshot, as lines.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Record, hex};
use crate::document::{Document, DocumentKey};
use crate::pool::PoolLevel;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transfer) struct DocumentLine {
    kind: Arc<str>,
    org: Arc<str>,
    id: Arc<str>,
    version: u64,
    /// `null` for a tombstone, and never left out: nobody is to lose a document by a slip.
    #[serde(deserialize_with = "Option::deserialize")]
    body: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transfer) struct PoolLine {
    org: Arc<str>,
    pool: Arc<str>,
    missing: u64,
    at_ns: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transfer) struct PieceLine {
    name: String,
    content: String,
}

impl DocumentLine {
    pub(super) fn of(key: DocumentKey, document: Document) -> Self {
        Self {
            kind: key.kind,
            org: key.org,
            id: key.id,
            version: document.version,
            body: document.body,
        }
    }

    pub(super) fn into_record(self) -> Record {
        let key = DocumentKey {
            kind: self.kind,
            org: self.org,
            id: self.id,
        };
        let document = Document {
            version: self.version,
            body: self.body,
        };
        Record::Document(key, document)
    }
}

impl PoolLine {
    pub(super) const fn of(org: Arc<str>, pool: Arc<str>, level: PoolLevel) -> Self {
        Self {
            org,
            pool,
            missing: level.missing,
            at_ns: level.at_ns,
        }
    }

    pub(super) fn into_record(self) -> Record {
        let level = PoolLevel {
            missing: self.missing,
            at_ns: self.at_ns,
        };
        Record::Pool(self.org, self.pool, level)
    }
}

impl PieceLine {
    pub(super) fn of(name: String, content: &[u8]) -> Self {
        Self {
            name,
            content: hex::encode(content),
        }
    }

    pub(super) fn into_record(self) -> Result<Record, &'static str> {
        let content = hex::decode(&self.content).ok_or("a piece is hexadecimal digits")?;
        Ok(Record::Piece(self.name, content))
    }
}
