//! The tables, and how rows are read and written in them. Keys and values are bytes in the encoding of
//! [`crate::code`]; redb's own encodings of types are not part of our format.

use std::cell::Cell;
use std::ops::Bound;

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::Fault;
use crate::StoreError;

/// Bytes by bytes.
pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(super) const GRANTS: Definition = TableDefinition::new("grants");
pub(super) const DOCUMENTS: Definition = TableDefinition::new("documents");
pub(super) const CHANGES: Definition = TableDefinition::new("changes");
pub(super) const USAGE: Definition = TableDefinition::new("usage");
pub(super) const AUDIT: Definition = TableDefinition::new("audit");
pub(super) const POOLS: Definition = TableDefinition::new("pools");
pub(super) const PIECES: Definition = TableDefinition::new("pieces");
pub(super) const LOCKS: Definition = TableDefinition::new("locks");

/// The tables within one transaction of the writer.
pub(super) struct Tables<'t> {
    pub(super) grants: Rows<'t>,
    pub(super) documents: Rows<'t>,
    pub(super) changes: Rows<'t>,
    pub(super) usage: Rows<'t>,
    pub(super) audit: Rows<'t>,
    pub(super) pools: Rows<'t>,
    pub(super) pieces: Rows<'t>,
    pub(super) locks: Rows<'t>,
}

/// One of them. It knows whether it was changed: a transaction that changed nothing needs no commit.
pub(super) struct Rows<'t> {
    table: Table<'t, &'static [u8], &'static [u8]>,
    changed: &'t Cell<bool>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, changed: &'t Cell<bool>) -> Result<Self, Fault> {
        let rows = |definition| {
            let table = transaction.open_table(definition)?;
            Ok::<_, Fault>(Rows { table, changed })
        };
        Ok(Self {
            grants: rows(GRANTS)?,
            documents: rows(DOCUMENTS)?,
            changes: rows(CHANGES)?,
            usage: rows(USAGE)?,
            audit: rows(AUDIT)?,
            pools: rows(POOLS)?,
            pieces: rows(PIECES)?,
            locks: rows(LOCKS)?,
        })
    }
}

impl<'t> Rows<'t> {
    pub(super) const fn table(&self) -> &Table<'t, &'static [u8], &'static [u8]> {
        &self.table
    }

    pub(super) fn get<T>(
        &self,
        key: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, Fault> {
        get(&self.table, key, decode)
    }

    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        self.changed.set(true);
        self.table.insert(key, value)?;
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.changed.set(true);
        self.table.remove(key)?;
        Ok(())
    }
}

/// One value.
pub(super) fn get<T>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<Option<T>, Fault> {
    match table.get(key)? {
        Some(value) => Ok(Some(decode(value.value())?)),
        None => Ok(None),
    }
}

/// Hands on the rows from `from` (that key itself is left out if `exclusive`) to before `until`, in order, until `row`
/// says that it has enough.
pub(super) fn scan(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    from: Bound<&[u8]>,
    until: Option<&[u8]>,
    mut row: impl FnMut(&[u8], &[u8]) -> Result<Scan, StoreError>,
) -> Result<(), Fault> {
    if is_empty(from, until) {
        return Ok(());
    }
    let until = until.map_or(Bound::Unbounded, Bound::Excluded);
    for entry in table.range::<&[u8]>((from, until))? {
        let (key, value) = entry?;
        if row(key.value(), value.value())? == Scan::Enough {
            break;
        }
    }
    Ok(())
}

/// Whether a scan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    GoOn,
    Enough,
}

/// Collects a page of at most `max` entries, and of few enough bytes that the page is a bounded amount of memory.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    max: usize,
    bytes: usize,
}

/// The bytes after which a page ends.
const PAGE_BYTES_MAX: usize = 8 << 20;

impl<T> Page<T> {
    pub(super) const fn of(max: usize) -> Self {
        Self {
            entries: Vec::new(),
            max,
            bytes: 0,
        }
    }

    /// Whether nothing more fits.
    pub(super) const fn is_full(&self) -> bool {
        self.entries.len() >= self.max || self.bytes >= PAGE_BYTES_MAX
    }

    /// Adds what took so many bytes in the store.
    pub(super) fn push(&mut self, entry: T, bytes: usize) -> Scan {
        self.entries.push(entry);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.is_full() { Scan::Enough } else { Scan::GoOn }
    }
}

/// redb panics on a range that ends before it begins.
fn is_empty(from: Bound<&[u8]>, until: Option<&[u8]>) -> bool {
    match (from, until) {
        (Bound::Included(from) | Bound::Excluded(from), Some(until)) => from >= until,
        _ => false,
    }
}

/// Reads a page: the rows from `from` to before `until`, each decoded.
pub(super) fn page<T>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    from: Bound<&[u8]>,
    until: Option<&[u8]>,
    max: usize,
    mut decode: impl FnMut(&[u8], &[u8]) -> Result<T, StoreError>,
) -> Result<Vec<T>, Fault> {
    let mut page = Page::of(max);
    if page.is_full() {
        return Ok(page.entries);
    }
    scan(table, from, until, |key, value| {
        let entry = decode(key, value)?;
        Ok(page.push(entry, key.len() + value.len()))
    })?;
    Ok(page.entries)
}
