//! The file of the store: made whole or not at all, checked when it is opened, opened anew after a failure.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use redb::{Database, ReadTransaction, ReadableDatabase};

use super::directory::{Directory, open_private};
use super::disk::{Disk, Interference};
use super::format::{self, Found};
use super::{Fault, OpenError};
use crate::StoreError;

/// The store.
const FILE: &str = "quorate.redb";
/// A store in the making: it gets its name when it is whole.
const UNFINISHED: &str = "quorate.redb.new";

/// How the file is worked with.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) cache_bytes: usize,
    /// How long a file that cannot be opened is left alone before it is tried again.
    pub(super) reopen_pause: Duration,
    pub(super) interference: Option<Arc<dyn Interference>>,
}

/// The file, open or waiting to be opened again.
pub(super) struct StoreFile {
    directory: PathBuf,
    path: PathBuf,
    terms: Terms,
    /// Given back when the file is closed.
    held: Mutex<Option<Directory>>,
    /// Locked for reading by whoever works with it, for writing while it is replaced.
    database: RwLock<Option<Database>>,
    /// Whether it failed since it was opened: redb goes on only with a fresh one.
    failed: AtomicBool,
    reason: Mutex<StoreError>,
}

impl StoreFile {
    /// Opens the store in a directory, and makes it unless there is one.
    pub(super) fn open(directory: Directory, terms: Terms) -> Result<Self, OpenError> {
        let path = directory.path().join(FILE);
        if !path.exists() {
            make(&directory, &path, &terms)?;
        }
        let database = open(&path, &terms)?;
        Ok(Self {
            directory: directory.path().to_owned(),
            path,
            terms,
            held: Mutex::new(Some(directory)),
            database: RwLock::new(Some(database)),
            failed: AtomicBool::new(false),
            reason: Mutex::new(StoreError::Unavailable("the store is closed".to_owned())),
        })
    }

    pub(super) const fn reopen_pause(&self) -> Duration {
        self.terms.reopen_pause
    }

    /// The data directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads what was committed.
    pub(super) fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, StoreError> {
        let done = self.with(|database| {
            let transaction = database.begin_read()?;
            read(&transaction)
        });
        done.map_err(Fault::into_error)
    }

    /// Works with the database. A failure of the file, or a panic over what is in it, is remembered.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        let database = self.database.read();
        let Some(database) = database.as_ref() else {
            return Err(Fault::File(self.reason.lock().clone()));
        };
        let done = catch_unwind(AssertUnwindSafe(|| work(database))).unwrap_or_else(|_| {
            let what = format!("working with {} panicked", self.path.display());
            Err(Fault::File(StoreError::Corrupt(what)))
        });
        if matches!(done, Err(Fault::File(_))) {
            self.failed.store(true, Ordering::Release);
        }
        done
    }

    /// Whether it has to be opened anew.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Opens it anew. What was committed is there; what was being committed may be.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write();
        // The file's own lock has to be given back before it can be taken again. What dropping says is known already.
        *database = None;
        match open(&self.path, &self.terms) {
            Ok(opened) => {
                *database = Some(opened);
                self.failed.store(false, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                let error = StoreError::from(error);
                *self.reason.lock() = error.clone();
                Err(error)
            }
        }
    }

    /// Closes it for good, and gives the directory back.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let database = self.database.write().take();
        // The next open finds everything that was committed, whatever this says.
        let closed = database.map_or(Ok(()), Database::close);
        self.held.lock().take();
        closed.map_err(|error| OpenError::of_redb(&self.path, error.into()).into())
    }
}

/// Makes a new store under another name first: a store that has its name is whole, whenever the making was interrupted.
fn make(directory: &Directory, path: &Path, terms: &Terms) -> Result<(), OpenError> {
    let unfinished = directory.path().join(UNFINISHED);
    let failed = |error: io::Error| OpenError::of_io(path, &error);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let database = database(&unfinished, terms).map_err(|error| OpenError::of_redb(path, error))?;
    format::found(&database).map_err(|fault| OpenError::of_store(path, fault.into_error()))?;
    database
        .close()
        .map_err(|error| OpenError::of_redb(path, error.into()))?;
    fs::rename(&unfinished, path).map_err(failed)?;
    directory.sync().map_err(failed)
}

/// Opens a store, verifies every checksum in it, and settles its format.
fn open(path: &Path, terms: &Terms) -> Result<Database, OpenError> {
    // redb makes a database of an empty file, and so would an empty store look like a new one.
    let length = fs::metadata(path)
        .map_err(|error| OpenError::of_io(path, &error))?
        .len();
    if length == 0 {
        return Err(OpenError::of_io(path, &io::ErrorKind::UnexpectedEof.into()));
    }
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = database(path, terms).map_err(|error| OpenError::of_redb(path, error))?;
        let found = format::settle(&database).map_err(|fault| OpenError::of_store(path, fault.into_error()))?;
        Ok((database, found))
    }));
    let (database, found) = opened.unwrap_or_else(|_| {
        Err(OpenError::Corrupt {
            path: path.to_owned(),
            reason: "reading it panicked".to_owned(),
        })
    })?;
    match found {
        Found::Known => Ok(database),
        Found::Newer(format) => Err(OpenError::NewerFormat {
            path: path.to_owned(),
            found: format.version,
            written_by: format.written_by,
        }),
        Found::Foreign => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn database(path: &Path, terms: &Terms) -> Result<Database, redb::Error> {
    let file = open_private(path)?;
    let disk = Disk::new(file, terms.interference.clone())?;
    let database = Database::builder()
        .set_cache_size(terms.cache_bytes)
        .set_check_integrity_on_open(true)
        .create_with_backend(disk)?;
    Ok(database)
}
