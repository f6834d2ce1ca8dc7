//! The one thread that writes. It takes what is queued, makes it one transaction, and answers when that is on the disk:
//! many changes for one sync.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Database, Durability};

use super::counts::Counts;
use super::file::StoreFile;
use super::queue::Queue;
use super::tables::Tables;
use super::write::Write;
use super::{Fault, Lost};
use crate::StoreError;

/// The most changes of one commit: enough that the sync is shared by many, few enough that the first does not wait long
/// for the last.
pub(super) const BATCH_CHANGES_MAX: usize = 512;

/// The most bytes of one commit; they are held in memory until it is done.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// How long a commit waits for company at most, from its first change on.
const GATHER_MAX: Duration = Duration::from_millis(2);

/// The writer's side of the engine.
pub(super) struct Writer {
    queue: Arc<Queue<Box<dyn Write>>>,
    file: Arc<StoreFile>,
    counts: Arc<Counts>,
    /// How many changes the last commit had: as many are likely to come again.
    company: usize,
    /// When a file that could not be opened is tried again.
    reopen_at: Option<Instant>,
}

/// The changes of one commit.
struct Batch {
    changes: Vec<Box<dyn Write>>,
    bytes: usize,
    /// Whether the commit was begun: from then on nobody can say that nothing was written.
    committing: bool,
}

impl Writer {
    pub(super) const fn new(queue: Arc<Queue<Box<dyn Write>>>, file: Arc<StoreFile>, counts: Arc<Counts>) -> Self {
        Self {
            queue,
            file,
            counts,
            company: 1,
            reopen_at: None,
        }
    }

    /// Writes until the queue is closed and empty, then closes the file.
    pub(super) fn run(mut self) -> Result<(), StoreError> {
        let queue = Arc::clone(&self.queue);
        let _attending = queue.attend();
        while let Some(first) = queue.pop() {
            self.commit(first);
        }
        self.file.close()
    }

    fn commit(&mut self, (bytes, first): (usize, Box<dyn Write>)) {
        let mut batch = Batch {
            changes: vec![first],
            bytes,
            committing: false,
        };
        let file = Arc::clone(&self.file);
        let written = self
            .look_after_file()
            .map_err(Fault::File)
            .and_then(|()| file.with(|database| self.write(database, &mut batch)));
        let lost = written.err().map(|fault| Lost {
            may_have_applied: batch.committing,
            error: fault.into_error(),
        });
        self.company = batch.changes.len();
        self.counts.answered(batch.changes.len(), lost.as_ref());
        for change in batch.changes {
            change.answer(lost.as_ref());
        }
        // After the answers: opening a large file takes a while.
        if lost.is_some() {
            let _ = self.look_after_file();
        }
    }

    /// One transaction: applies what is queued, then commits.
    fn write(&self, database: &Database, batch: &mut Batch) -> Result<(), Fault> {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        let changed = Cell::new(false);
        {
            let mut tables = Tables::open(&transaction, &changed)?;
            self.gather(&mut tables, batch)?;
        }
        if !changed.get() {
            // Refusals only: what they rest on is committed.
            return Ok(transaction.abort()?);
        }
        batch.committing = true;
        let begun = Instant::now();
        transaction.commit()?;
        self.counts.committed(begun.elapsed());
        Ok(())
    }

    /// Applies the first change, those that wait already, and those that arrive in time. It waits only for as many as the
    /// last commit had: nobody who writes alone waits for company that does not come.
    fn gather(&self, tables: &mut Tables<'_>, batch: &mut Batch) -> Result<(), Fault> {
        let deadline = Instant::now() + GATHER_MAX;
        loop {
            if let Some(change) = batch.changes.last_mut() {
                change.apply(tables)?;
            }
            if batch.changes.len() >= BATCH_CHANGES_MAX || batch.bytes >= BATCH_BYTES_MAX {
                return Ok(());
            }
            let next = if batch.changes.len() < self.company {
                self.queue.pop_before(deadline)
            } else {
                self.queue.pop_now()
            };
            let Some((bytes, change)) = next else {
                return Ok(());
            };
            batch.bytes = batch.bytes.saturating_add(bytes);
            batch.changes.push(change);
        }
    }

    /// Opens a file anew that failed, but one that cannot be opened not all the time.
    fn look_after_file(&mut self) -> Result<(), StoreError> {
        if !self.file.has_failed() {
            return Ok(());
        }
        if self.reopen_at.is_some_and(|at| Instant::now() < at) {
            return Err(StoreError::Unavailable(
                "the store's file could not be opened again yet".to_owned(),
            ));
        }
        let opened = self.file.reopen();
        self.reopen_at = match &opened {
            Ok(()) => None,
            Err(_) => Some(Instant::now() + self.file.reopen_pause()),
        };
        self.counts.reopened(&opened);
        opened
    }
}
