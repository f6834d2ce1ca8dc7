//! The audit log in the file.

use std::ops::Bound;

use quorate_core::grant::HolderId;

use super::Embedded;
use super::tables::{AUDIT, Scan, page, scan};
use crate::audit::{Audit, AuditKind, AuditPlace, AuditRecord};
use crate::code::{Reader, Writer, after_prefix};
use crate::{StoreError, bound};

/// The layout of a record's value.
const LAYOUT: u8 = 1;

#[async_trait::async_trait]
impl Audit for Embedded {
    async fn append_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        bound::check_audit(record)?;
        let place = record.place();
        let (key, value) = (encode_place(place), encode(record));
        let change = self.change(value.len(), move |tables| {
            match tables.audit.get(&key, |found| Ok(found == value))? {
                None => tables.audit.insert(&key, &value),
                Some(true) => Ok(()),
                Some(false) => {
                    let name = format!("another audit record {} of writer {}", place.sequence, place.writer);
                    Err(StoreError::Exists(name).into())
                }
            }
        });
        change.await
    }

    async fn audit_writers(&self) -> Result<Vec<HolderId>, StoreError> {
        let read = self.read(|transaction| {
            let table = transaction.open_table(AUDIT)?;
            let mut writers = Vec::new();
            let mut from = Vec::new();
            // From the first record of a writer to the first of the next.
            loop {
                let mut found = None;
                scan(&table, Bound::Included(&from), None, |key, _| {
                    found = Some(Reader::key(key).id()?);
                    Ok(Scan::Enough)
                })?;
                let Some(writer) = found else {
                    return Ok(writers);
                };
                writers.push(HolderId(writer));
                match after_prefix(&writer.to_be_bytes()) {
                    Some(next) => from = next,
                    None => return Ok(writers),
                }
            }
        });
        read.await
    }

    async fn audit(&self, writer: HolderId, after: u64, max: usize) -> Result<Vec<AuditRecord>, StoreError> {
        let read = self.read(move |transaction| {
            let table = transaction.open_table(AUDIT)?;
            let from = encode_place(AuditPlace {
                writer,
                sequence: after,
            });
            let until = after_prefix(&writer.0.to_be_bytes());
            page(&table, Bound::Excluded(&from), until.as_deref(), max, decode)
        });
        read.await
    }
}

fn encode_place(place: AuditPlace) -> Vec<u8> {
    Writer::key().id(place.writer.0).number(place.sequence).finish()
}

fn encode(record: &AuditRecord) -> Vec<u8> {
    let (kind, of) = record.kind.to_parts();
    Writer::value(LAYOUT)
        .number(record.at_ns)
        .byte(kind)
        .id(of.writer.0)
        .number(of.sequence)
        .raw(&record.hash)
        .sized(record.body.as_bytes())
        .finish()
}

fn decode(key: &[u8], value: &[u8]) -> Result<AuditRecord, StoreError> {
    let mut place = Reader::key(key);
    let (writer, sequence) = (HolderId(place.id()?), place.number()?);
    place.finish()?;
    let mut reader = Reader::value(value, LAYOUT)?;
    let at_ns = reader.number()?;
    let kind = reader.byte()?;
    let of = AuditPlace {
        writer: HolderId(reader.id()?),
        sequence: reader.number()?,
    };
    let hash = reader.array()?;
    let body = reader.text()?;
    reader.finish()?;
    Ok(AuditRecord {
        writer,
        sequence,
        at_ns,
        kind: AuditKind::from_parts(kind, of)
            .ok_or_else(|| StoreError::Corrupt("an audit record of an unknown kind".to_owned()))?,
        body,
        hash,
    })
}
