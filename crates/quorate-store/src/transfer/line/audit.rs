//! An audit record, as a line. Its hash comes along: a chain that was broken stays broken.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Record, hex, holder};
use crate::audit::{AuditKind, AuditPlace, AuditRecord};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::transfer) struct AuditLine {
    writer: String,
    sequence: u64,
    at_ns: u64,
    kind: KindField,
    body: Arc<str>,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum KindField {
    Event,
    Intent,
    Outcome { writer: String, sequence: u64 },
}

impl AuditLine {
    pub(super) fn of(record: AuditRecord) -> Self {
        Self {
            writer: record.writer.to_string(),
            sequence: record.sequence,
            at_ns: record.at_ns,
            kind: match record.kind {
                AuditKind::Event => KindField::Event,
                AuditKind::Intent => KindField::Intent,
                AuditKind::Outcome(of) => KindField::Outcome {
                    writer: of.writer.to_string(),
                    sequence: of.sequence,
                },
            },
            body: record.body,
            hash: hex::encode(&record.hash),
        }
    }

    pub(super) fn into_record(self) -> Result<Record, &'static str> {
        let kind = match self.kind {
            KindField::Event => AuditKind::Event,
            KindField::Intent => AuditKind::Intent,
            KindField::Outcome { writer, sequence } => AuditKind::Outcome(AuditPlace {
                writer: holder(&writer)?,
                sequence,
            }),
        };
        Ok(Record::Audit(AuditRecord {
            writer: holder(&self.writer)?,
            sequence: self.sequence,
            at_ns: self.at_ns,
            kind,
            body: self.body,
            hash: hex::decode_array(&self.hash).ok_or("a hash is 64 hexadecimal digits")?,
        }))
    }
}
