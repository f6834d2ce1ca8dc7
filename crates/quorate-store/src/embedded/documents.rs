//! Documents in the file, and the feed of their changes: an entry and its change are one transaction here.

use std::ops::Bound;
use std::sync::Arc;

use redb::ReadableTable;

use super::tables::{CHANGES, DOCUMENTS, Scan, Tables, get, page, scan};
use super::{Embedded, Fault};
use crate::code::{Reader, Writer, after_prefix};
use crate::document::{Change, Changed, Cursor, Document, DocumentKey, Documents};
use crate::{StoreError, bound};

/// The layout of a document's value, and of an entry's.
const LAYOUT: u8 = 1;

/// A document as it is kept.
struct Kept {
    document: Document,
    /// Where the feed tells of its last change. Earlier entries of it are taken away: so the feed is never longer than
    /// the list of documents.
    cursor: u64,
}

#[async_trait::async_trait]
impl Documents for Embedded {
    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError> {
        let key = encode_key(key);
        let read = self.read(move |transaction| {
            let table = transaction.open_table(DOCUMENTS)?;
            get(&table, &key, |value| Ok(decode(value)?.document))
        });
        read.await
    }

    async fn put_document(
        &self,
        key: &DocumentKey,
        expected: Option<u64>,
        body: Option<&str>,
    ) -> Result<Changed, StoreError> {
        bound::check_document_key(key)?;
        bound::check_document_body(body)?;
        let key = key.clone();
        let body: Option<Arc<str>> = body.map(Into::into);
        let bytes = body.as_ref().map_or(0, |body| body.len());
        let change = self.change(bytes, move |tables| {
            let kept = tables.documents.get(&encode_key(&key), decode)?;
            let version = kept.as_ref().map(|kept| kept.document.version);
            if version != expected {
                return Ok(Changed::Conflict(version));
            }
            let version = version.unwrap_or(0).saturating_add(1);
            let document = Document { version, body };
            bound::check_document(&document)?;
            write(tables, &key, document, kept.map(|kept| kept.cursor))?;
            Ok(Changed::Applied(version))
        });
        change.await
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&DocumentKey>,
        max: usize,
    ) -> Result<Vec<(DocumentKey, Document)>, StoreError> {
        let prefix = Writer::key().part(kind).finish();
        let after = after.map(|after| Writer::key().part(kind).part(&after.org).part(&after.id).finish());
        let read = self.read(move |transaction| {
            let table = transaction.open_table(DOCUMENTS)?;
            let from = after.as_deref().map_or(Bound::Included(&*prefix), Bound::Excluded);
            page(&table, from, after_prefix(&prefix).as_deref(), max, |key, value| {
                Ok((decode_key(key)?, decode(value)?.document))
            })
        });
        read.await
    }

    async fn document_kinds(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let read = self.read(|transaction| {
            let table = transaction.open_table(DOCUMENTS)?;
            let mut kinds: Vec<Arc<str>> = Vec::new();
            let mut from = Vec::new();
            // From the first document of a kind to the first of the next.
            loop {
                let mut found = None;
                scan(&table, Bound::Included(&from), None, |key, _| {
                    found = Some(Reader::key(key).part()?);
                    Ok(Scan::Enough)
                })?;
                let Some(kind) = found else {
                    return Ok(kinds);
                };
                let next = after_prefix(&Writer::key().part(&kind).finish());
                kinds.push(kind);
                match next {
                    Some(next) => from = next,
                    None => return Ok(kinds),
                }
            }
        });
        read.await
    }

    async fn import_document(&self, key: &DocumentKey, document: &Document) -> Result<(), StoreError> {
        bound::check_document_key(key)?;
        bound::check_document(document)?;
        let (key, document) = (key.clone(), document.clone());
        let bytes = document.body.as_ref().map_or(0, |body| body.len());
        let change = self.change(bytes, move |tables| {
            match tables.documents.get(&encode_key(&key), decode)? {
                None => write(tables, &key, document, None),
                Some(kept) if kept.document == document => Ok(()),
                Some(_) => {
                    let name = format!("the document {} {} of {:?}", key.kind, key.id, key.org);
                    Err(StoreError::Exists(name).into())
                }
            }
        });
        change.await
    }

    async fn changes(&self, after: Cursor, max: usize) -> Result<Vec<Change>, StoreError> {
        let read = self.read(move |transaction| {
            let table = transaction.open_table(CHANGES)?;
            let after = after.0.to_be_bytes();
            page(&table, Bound::Excluded(&after), None, max, decode_change)
        });
        read.await
    }
}

/// Writes a document, and its entry at the end of the feed in place of the earlier one.
fn write(tables: &mut Tables<'_>, key: &DocumentKey, document: Document, earlier: Option<u64>) -> Result<(), Fault> {
    // The entry with the highest cursor is only taken away when another one follows, so a cursor is never used again.
    let last = match tables.changes.table().last()? {
        Some((cursor, _)) => Reader::key(cursor.value()).number()?,
        None => 0,
    };
    let cursor = last
        .checked_add(1)
        .ok_or_else(|| StoreError::Corrupt("the feed has no place left".to_owned()))?;
    let entry = encode_change(key, document.version);
    tables
        .documents
        .insert(&encode_key(key), &encode(&Kept { document, cursor }))?;
    tables.changes.insert(&cursor.to_be_bytes(), &entry)?;
    match earlier {
        Some(earlier) => tables.changes.remove(&earlier.to_be_bytes()),
        None => Ok(()),
    }
}

fn encode_key(key: &DocumentKey) -> Vec<u8> {
    Writer::key().part(&key.kind).part(&key.org).part(&key.id).finish()
}

fn decode_key(bytes: &[u8]) -> Result<DocumentKey, StoreError> {
    let mut reader = Reader::key(bytes);
    let key = DocumentKey {
        kind: reader.part()?,
        org: reader.part()?,
        id: reader.part()?,
    };
    reader.finish()?;
    Ok(key)
}

fn encode(kept: &Kept) -> Vec<u8> {
    let writer = Writer::value(LAYOUT).number(kept.document.version).number(kept.cursor);
    match &kept.document.body {
        Some(body) => writer.byte(1).sized(body.as_bytes()),
        None => writer.byte(0),
    }
    .finish()
}

fn decode(bytes: &[u8]) -> Result<Kept, StoreError> {
    let mut reader = Reader::value(bytes, LAYOUT)?;
    let (version, cursor) = (reader.number()?, reader.number()?);
    let body = match reader.byte()? {
        0 => None,
        1 => Some(reader.text()?),
        _ => return Err(StoreError::Corrupt("a document neither there nor deleted".to_owned())),
    };
    reader.finish()?;
    Ok(Kept {
        document: Document { version, body },
        cursor,
    })
}

fn encode_change(key: &DocumentKey, version: u64) -> Vec<u8> {
    Writer::value(LAYOUT).number(version).raw(&encode_key(key)).finish()
}

fn decode_change(cursor: &[u8], value: &[u8]) -> Result<Change, StoreError> {
    let mut reader = Reader::value(value, LAYOUT)?;
    let version = reader.number()?;
    Ok(Change {
        cursor: Cursor(Reader::key(cursor).number()?),
        key: decode_key(reader.rest())?,
        version,
    })
}

#[cfg(test)]
mod tests;
