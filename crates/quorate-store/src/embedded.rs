//! The embedded engine: everything in one file of `redb`, for a server without a database beside it.
//!
//! One thread writes. It takes what is queued, makes it one transaction, syncs, and only then answers: what was answered
//! is on the disk, and many changes share a sync. Two threads read committed state beside it. Tasks never wait for the
//! disk themselves: they wait for an answer, and a full queue turns them away at once.
//!
//! After a failure of the file (a full disk, say) the changes of that commit are answered as unknown, the file is opened
//! anew with every checksum verified, and work goes on.

mod audit;
mod clock;
mod counts;
mod directory;
mod disk;
mod documents;
mod fault;
mod file;
mod format;
mod grants;
mod locks;
mod open_error;
mod pools;
mod queue;
mod readers;
mod snapshots;
mod tables;
mod usage;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use redb::ReadTransaction;
use tokio::sync::oneshot;

pub use clock::{Clock, SystemClock};
pub use counts::Stats;
pub use format::FORMAT;
pub use open_error::OpenError;

use counts::Counts;
use directory::Directory;
use fault::{Fault, Lost};
use file::{StoreFile, Terms};
use queue::{Queue, Turned};
use readers::{READERS, Reads};
use tables::Tables;
use write::Write;
use writer::Writer;

use crate::{Operations, Store, StoreError};

/// The most changes that wait for the writer. Eight commits' worth: what comes on top would wait for long, and is better
/// told so.
pub const CHANGES_WAITING_MAX: usize = 4_096;

/// The most bytes of changes that wait for the writer, so that snapshots cannot fill the memory.
pub const CHANGES_WAITING_BYTES_MAX: usize = 64 << 20;

/// The most bytes of the file that are kept in memory: a store of quotas and documents fits as a whole.
const CACHE_BYTES: usize = 64 << 20;

/// How long a file that cannot be opened is left alone: trying may mean reading all of it.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// The most bytes of one change. Larger writes are cut into several.
const CHANGE_BYTES_MAX: usize = 4 << 20;

/// The most rows of one change, for the same reason.
const CHANGE_ROWS_MAX: usize = 1_024;

/// A store in a directory of this machine.
pub struct Embedded {
    file: Arc<StoreFile>,
    changes: Arc<Queue<Box<dyn Write>>>,
    reads: Arc<Reads>,
    counts: Arc<Counts>,
    clock: Arc<dyn Clock>,
    /// Where the next step of forgetting usage begins.
    usage_sweep: Mutex<Vec<u8>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    closed: Mutex<Option<oneshot::Receiver<Result<(), StoreError>>>>,
}

impl Embedded {
    /// Opens the store in a directory, and makes both unless they exist. Reads the whole file once, to verify it: the
    /// calling thread waits for that, some seconds for a file of a gigabyte.
    ///
    /// # Errors
    /// [`OpenError`] says which path, and what about it.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with_clock(directory, Arc::new(SystemClock))
    }

    /// The same with another clock for the time after which a lock ends.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with_clock(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let terms = Terms {
            cache_bytes: CACHE_BYTES,
            reopen_pause: REOPEN_PAUSE,
            interference: None,
        };
        Self::open_on_terms(directory, clock, terms)
    }

    fn open_on_terms(directory: &Path, clock: Arc<dyn Clock>, terms: Terms) -> Result<Self, OpenError> {
        let file = Arc::new(StoreFile::open(Directory::hold(directory)?, terms)?);
        let changes = Arc::new(Queue::new(CHANGES_WAITING_MAX, CHANGES_WAITING_BYTES_MAX));
        let counts = Arc::new(Counts::default());
        let reads = Arc::new(Reads::new(Arc::clone(&changes)));
        let (closing, closed) = oneshot::channel();
        let mut store = Self {
            file: Arc::clone(&file),
            changes: Arc::clone(&changes),
            reads,
            counts: Arc::clone(&counts),
            clock,
            usage_sweep: Mutex::default(),
            threads: Mutex::default(),
            closed: Mutex::new(Some(closed)),
        };
        let writer = Writer::new(changes, file, counts);
        let run = move || {
            // Nobody waits when the store was dropped instead of closed.
            let _ = closing.send(writer.run());
        };
        store.start(directory, "store-write", run)?;
        for _ in 0..READERS {
            let (reads, file) = (Arc::clone(&store.reads), Arc::clone(&store.file));
            store.start(directory, "store-read", move || reads.run(&file))?;
        }
        Ok(store)
    }

    fn start(&mut self, directory: &Path, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let started = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = started.map_err(|reason| OpenError::Directory {
            path: directory.to_owned(),
            reason,
        })?;
        self.threads.get_mut().push(thread);
        Ok(())
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counts.stats(self.changes.len())
    }

    /// Writes what waits, and gives the directory back. What is asked afterwards is turned away.
    ///
    /// # Errors
    /// The file could not be closed in order; what was answered before is in it all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.reads.close();
        self.changes.close();
        let closed = self.closed.lock().take();
        match closed {
            Some(closed) => closed.await.unwrap_or_else(|_| Err(ended())),
            None => Ok(()),
        }
    }

    /// Has a change made; the answer comes when it is durable.
    async fn write<T, F>(&self, bytes: usize, change: F) -> Result<Result<T, StoreError>, Lost>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (change, answered) = write::ask(change);
        if let Err(turned) = self.changes.push(bytes, change) {
            return Err(Lost {
                may_have_applied: false,
                error: self.turned_away(turned),
            });
        }
        self.counts.asked_to_write();
        answered.await.unwrap_or_else(|_| {
            Err(Lost {
                may_have_applied: true,
                error: ended(),
            })
        })
    }

    /// The same for changes of which it does not matter whether one that failed may have applied.
    async fn change<T, F>(&self, bytes: usize, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Fault> + Send + 'static,
    {
        self.write(bytes, change).await.unwrap_or_else(|lost| Err(lost.error))
    }

    /// Has something read.
    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    {
        match self.reads.ask(read) {
            Ok(answered) => {
                self.counts.asked_to_read();
                answered.await.unwrap_or_else(|_| Err(ended()))
            }
            Err(turned) => Err(self.turned_away(turned)),
        }
    }

    fn turned_away(&self, turned: Turned) -> StoreError {
        StoreError::Unavailable(match turned {
            Turned::Full => {
                self.counts.turned_away();
                "too many operations wait already".to_owned()
            }
            Turned::Closed => "the store is closed".to_owned(),
        })
    }
}

/// Waits for the threads, so that the directory is free when this returns: a moment when the store was closed before,
/// else as long as writing what waits takes.
impl Drop for Embedded {
    fn drop(&mut self) {
        self.reads.close();
        self.changes.close();
        for thread in self.threads.get_mut().drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Store for Embedded {
    fn describe(&self) -> String {
        format!("embedded in {}", self.file.directory().display())
    }

    fn operations(&self) -> Operations {
        self.counts.operations()
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the store's thread has ended".to_owned())
}

#[cfg(test)]
mod tests;
