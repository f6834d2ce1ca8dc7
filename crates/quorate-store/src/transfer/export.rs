//! Writes everything that a store holds.

use std::io::{self, Write};
use std::sync::Arc;

use super::line::{Counts, Line, Record};
use super::marker::{MARKER_KIND, unfinished};
use super::{FORMAT, TransferError};
use crate::Store;

/// Rows read at once.
const PAGE: usize = 1_000;

/// Documents read at once; each may be a megabyte.
const DOCUMENTS_PAGE: usize = 32;

/// Audit records read at once; each may be 64 KiB.
const AUDIT_PAGE: usize = 200;

/// Pieces of snapshots read at once; each may be half a megabyte.
const PIECES_PAGE: usize = 16;

/// Writes everything that `store` holds to `to`, and returns how much that was. Nobody may write to the store meanwhile.
/// The calling thread waits for `to`: give it a buffer, and do this where nothing is served.
///
/// # Errors
/// The store is away, an import into it did not finish, or `to` cannot be written to. What was written then has no last
/// line, and is not imported.
pub async fn export<W: Write + Send>(store: &dyn Store, to: W) -> Result<Counts, TransferError> {
    if unfinished(store).await? {
        return Err(TransferError::Unfinished);
    }
    let mut lines = Lines {
        to,
        counts: Counts::default(),
    };
    lines.write(&Line::Export {
        format: FORMAT,
        written_by: env!("CARGO_PKG_VERSION").to_owned(),
    })?;
    records(store, &mut lines).await?;
    let counts = lines.counts;
    lines.write(&Line::End(counts))?;
    lines.to.flush().map_err(TransferError::Write)?;
    Ok(counts)
}

/// How much a store holds, all of it read.
pub(super) async fn count(store: &dyn Store) -> Result<Counts, TransferError> {
    let mut lines = Lines {
        to: io::sink(),
        counts: Counts::default(),
    };
    records(store, &mut lines).await?;
    Ok(lines.counts)
}

async fn records<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    grants(store, lines).await?;
    documents(store, lines).await?;
    usage(store, lines).await?;
    audit(store, lines).await?;
    pools(store, lines).await?;
    pieces(store, lines).await
}

/// Where lines go.
struct Lines<W> {
    to: W,
    counts: Counts,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &Line) -> Result<(), TransferError> {
        let mut bytes = serde_json::to_vec(line).map_err(|error| TransferError::Write(error.into()))?;
        bytes.push(b'\n');
        self.to.write_all(&bytes).map_err(TransferError::Write)
    }

    fn record(&mut self, record: Record) -> Result<(), TransferError> {
        self.counts.add(&record);
        self.write(&record.into())
    }
}

async fn grants<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    let mut after = None;
    loop {
        let page = store.grants(after.as_ref(), PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (key, grant) in page {
            lines.record(Record::Grant(key, grant))?;
        }
    }
}

async fn documents<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    let kinds = store.document_kinds().await?;
    for kind in kinds.into_iter().filter(|kind| &**kind != MARKER_KIND) {
        let mut after = None;
        loop {
            let page = store.documents(&kind, after.as_ref(), DOCUMENTS_PAGE).await?;
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(last.clone());
            for (key, document) in page {
                lines.record(Record::Document(key, document))?;
            }
        }
    }
    Ok(())
}

async fn usage<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    let mut after = None;
    loop {
        let page = store.usage_rows(after.as_ref(), PAGE).await?;
        let Some((key, writer, _)) = page.last() else {
            return Ok(());
        };
        after = Some((key.clone(), *writer));
        for (key, writer, used) in page {
            lines.record(Record::Usage(key, writer, used))?;
        }
    }
}

async fn audit<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    for writer in store.audit_writers().await? {
        let mut after = 0;
        loop {
            let page = store.audit(writer, after, AUDIT_PAGE).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = last.sequence;
            for record in page {
                lines.record(Record::Audit(record))?;
            }
        }
    }
    Ok(())
}

async fn pools<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    let mut after: Option<(Arc<str>, Arc<str>)> = None;
    loop {
        let page = store
            .pools(after.as_ref().map(|(org, pool)| (&**org, &**pool)), PAGE)
            .await?;
        let Some((org, pool, _)) = page.last() else {
            return Ok(());
        };
        after = Some((Arc::clone(org), Arc::clone(pool)));
        for (org, pool, level) in page {
            lines.record(Record::Pool(org, pool, level))?;
        }
    }
}

async fn pieces<W: Write>(store: &dyn Store, lines: &mut Lines<W>) -> Result<(), TransferError> {
    let mut after: Option<String> = None;
    loop {
        let page = store.pieces("", after.as_deref(), PIECES_PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (name, content) in page {
            lines.record(Record::Piece(name, content))?;
        }
    }
}

impl Counts {
    pub(super) const fn add(&mut self, record: &Record) {
        let count = match record {
            Record::Grant(..) => &mut self.grants,
            Record::Document(..) => &mut self.documents,
            Record::Usage(..) => &mut self.usage,
            Record::Audit(_) => &mut self.audit,
            Record::Pool(..) => &mut self.pools,
            Record::Piece(..) => &mut self.pieces,
        };
        *count = count.saturating_add(1);
    }
}
