//! Reads what an export wrote into an empty store.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::BufRead;
use std::sync::Arc;

use futures_util::future::try_join_all;
use quorate_core::grant::HolderId;

use super::export::count;
use super::input::Input;
use super::line::{Counts, Line, Record};
use super::marker;
use super::{FORMAT, TransferError};
use crate::pool::PoolLevel;
use crate::usage::{Life, UsageKey, Used};
use crate::{Store, StoreError};

/// The most records that are held in memory.
const BATCH_RECORDS_MAX: usize = 1_024;

/// The most bytes of lines that are held in memory, but for the last.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Calls in flight at once: enough for the store to write many together, few enough for a small cluster.
const IN_FLIGHT: usize = 64;

/// How often a call is made that a store was too slow for. Every call of an import may be repeated.
const TRIES_MAX: usize = 5;

/// Rows of usage that have less to live than this may be gone before they are read back.
const ENDING_S: u64 = 24 * 3_600;

/// What was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What the target holds now, as was read back from it.
    pub counts: Counts,
    /// Rows of usage that were not written, since their life is over.
    pub left_out: u64,
}

/// Reads an export from `from` into `store`, which must be empty, and reads back how much it holds then. Rows of usage
/// whose `life` is over are not written.
///
/// # Errors
/// [`TransferError`]. Unless it says that the store is not empty, or what is read is no export, the store is then in part
/// imported and not to be used: [`super::unfinished`] says so too.
pub async fn import<R: BufRead + Send>(store: &dyn Store, from: R, life: Life) -> Result<Imported, TransferError> {
    let mut input = Input::new(from);
    begin(&mut input)?;
    if marker::unfinished(store).await? {
        return Err(TransferError::Unfinished);
    }
    if let Some(what) = holds(store).await? {
        return Err(TransferError::NotEmpty(what));
    }
    marker::set(store).await?;
    let mut batch = Batch::default();
    let mut counts = Counts::default();
    let (mut left_out, mut ending) = (0, 0);
    let said = loop {
        let Some(read) = input.next()? else {
            return Err(TransferError::CutOff { line: input.line });
        };
        if let Line::End(said) = read.line {
            break said;
        }
        let record = read.line.into_record().map_err(|reason| TransferError::Line {
            line: input.line,
            reason: reason.to_owned(),
        })?;
        counts.add(&record);
        if let Record::Usage(key, ..) = &record {
            let left_s = life.left_s(key.span, key.start_s);
            left_out += u64::from(left_s == Some(0));
            ending += u64::from(left_s.is_some_and(|left_s| left_s > 0 && left_s < ENDING_S));
        }
        batch.records.push(record);
        batch.bytes = batch.bytes.saturating_add(read.bytes);
        if batch.records.len() >= BATCH_RECORDS_MAX || batch.bytes >= BATCH_BYTES_MAX {
            batch.write(store, input.line, life).await?;
        }
    };
    batch.write(store, input.line, life).await?;
    compare(said, counts)?;
    if input.next()?.is_some() {
        return Err(TransferError::Line {
            line: input.line,
            reason: "there is more after the last line of the export".to_owned(),
        });
    }
    counts.usage -= left_out;
    let held = verify(store, counts, ending).await?;
    marker::clear(store).await?;
    Ok(Imported { counts: held, left_out })
}

/// Reads the first line.
fn begin<R: BufRead>(input: &mut Input<R>) -> Result<(), TransferError> {
    match input.next() {
        Ok(Some(read)) => match read.line {
            Line::Export { format, .. } if format == FORMAT => Ok(()),
            Line::Export { format, written_by } => Err(TransferError::Format {
                found: format,
                written_by,
            }),
            _ => Err(TransferError::NoExport),
        },
        Err(TransferError::Read(error)) => Err(TransferError::Read(error)),
        Ok(None) | Err(_) => Err(TransferError::NoExport),
    }
}

/// Something that a store holds; `None` for an empty one.
async fn holds(store: &dyn Store) -> Result<Option<&'static str>, StoreError> {
    if !store.grants(None, 1).await?.is_empty() {
        return Ok(Some("quotas"));
    }
    let kinds = store.document_kinds().await?;
    if kinds.iter().any(|kind| &**kind != marker::MARKER_KIND) {
        return Ok(Some("documents"));
    }
    if !store.usage_rows(None, 1).await?.is_empty() {
        return Ok(Some("usage"));
    }
    if !store.audit_writers().await?.is_empty() {
        return Ok(Some("audit records"));
    }
    if !store.pools(None, 1).await?.is_empty() {
        return Ok(Some("pools"));
    }
    if !store.pieces("", None, 1).await?.is_empty() {
        return Ok(Some("snapshots"));
    }
    Ok(None)
}

/// Compares what the last line says with the lines.
fn compare(said: Counts, found: Counts) -> Result<(), TransferError> {
    match differing(said, found) {
        Some((kind, said, found)) => Err(TransferError::Count { kind, said, found }),
        None => Ok(()),
    }
}

/// Reads back what the target holds; of its usage so many rows may have ended meanwhile.
async fn verify(store: &dyn Store, written: Counts, ending: u64) -> Result<Counts, TransferError> {
    let held = count(store).await?;
    let mut expected = written;
    if held.usage < written.usage && held.usage.saturating_add(ending) >= written.usage {
        expected.usage = held.usage;
    }
    match differing(expected, held) {
        Some((kind, written, held)) => Err(TransferError::Held { kind, written, held }),
        None => Ok(held),
    }
}

fn differing(one: Counts, other: Counts) -> Option<(&'static str, u64, u64)> {
    let kinds = [
        ("quotas", one.grants, other.grants),
        ("documents", one.documents, other.documents),
        ("rows of usage", one.usage, other.usage),
        ("audit records", one.audit, other.audit),
        ("pools", one.pools, other.pools),
        ("pieces of snapshots", one.pieces, other.pieces),
    ];
    kinds.into_iter().find(|(_, one, other)| one != other)
}

/// Records that were read and not yet written.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

/// Those that stores take several of at once.
#[derive(Default)]
struct Together {
    usage: BTreeMap<HolderId, Vec<(UsageKey, Used)>>,
    pools: Vec<(Arc<str>, Arc<str>, PoolLevel)>,
    pieces: Vec<(String, Vec<u8>)>,
}

impl Batch {
    /// Writes all of them. `line` is where the last of them came from.
    async fn write(&mut self, store: &dyn Store, line: u64, life: Life) -> Result<(), TransferError> {
        self.bytes = 0;
        self.write_records(store, life)
            .await
            .map_err(|reason| TransferError::Record { line, reason })
    }

    async fn write_records(&mut self, store: &dyn Store, life: Life) -> Result<(), StoreError> {
        let mut together = Together::default();
        let mut single = Vec::new();
        for record in self.records.drain(..) {
            match record {
                Record::Usage(key, writer, used) => together.usage.entry(writer).or_default().push((key, used)),
                Record::Pool(org, pool, level) => together.pools.push((org, pool, level)),
                Record::Piece(name, content) => together.pieces.push((name, content)),
                record => single.push(record),
            }
        }
        for records in single.chunks(IN_FLIGHT) {
            try_join_all(records.iter().map(|record| write_one(store, record))).await?;
        }
        for (writer, rows) in &together.usage {
            tried(|| store.write_usage(*writer, rows, life)).await?;
        }
        if !together.pools.is_empty() {
            tried(|| store.write_pools(&together.pools)).await?;
        }
        if !together.pieces.is_empty() {
            tried(|| store.write_pieces(&together.pieces)).await?;
        }
        Ok(())
    }
}

async fn write_one(store: &dyn Store, record: &Record) -> Result<(), StoreError> {
    match record {
        Record::Grant(key, grant) => tried(|| store.import_grant(key, grant)).await,
        Record::Document(key, document) => tried(|| store.import_document(key, document)).await,
        Record::Audit(record) => tried(|| store.append_audit(record)).await,
        Record::Usage(..) | Record::Pool(..) | Record::Piece(..) => unreachable!("these are written together"),
    }
}

/// Makes a call that may be repeated until the store is not away, but not for ever.
async fn tried<T, C, F>(mut call: C) -> Result<T, StoreError>
where
    C: FnMut() -> F,
    F: Future<Output = Result<T, StoreError>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        match call().await {
            Err(StoreError::Unavailable(_)) if tries < TRIES_MAX => {}
            other => return other,
        }
    }
}
