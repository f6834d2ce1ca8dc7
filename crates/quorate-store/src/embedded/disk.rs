//! What redb writes to: its own file backend, watched. Tests break it here, call by call.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// One call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Bytes are written up to this length of the file.
    Write(u64),
    /// The file gets this length.
    SetLength(u64),
    /// What was written is made durable.
    Sync,
    /// Bytes are read.
    Read,
}

/// Stands before every call; an error is returned in its place.
pub(super) trait Interference: Send + Sync + std::fmt::Debug {
    fn before(&self, call: Call) -> io::Result<()>;
}

/// The file.
#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    /// The same file, to drop what the system remembers of it.
    handle: File,
    sync_failed: AtomicBool,
    interference: Option<Arc<dyn Interference>>,
}

impl Disk {
    pub(super) fn new(file: File, interference: Option<Arc<dyn Interference>>) -> io::Result<Self> {
        let handle = file.try_clone()?;
        let file = FileBackend::new(file).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            file,
            handle,
            sync_failed: AtomicBool::new(false),
            interference,
        })
    }

    fn before(&self, call: Call) -> io::Result<()> {
        self.interference.as_ref().map_or(Ok(()), |other| other.before(call))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.before(Call::Read)?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.before(Call::SetLength(len))?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.before(Call::Sync).and_then(|()| self.file.sync_data());
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::Relaxed);
        }
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = u64::try_from(data.len()).map_or(u64::MAX, |length| offset.saturating_add(length));
        self.before(Call::Write(end))?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        // After a failed sync the system may show as written what is not on the disk, and say nothing at the next sync.
        // Dropping its copies makes the next open, which verifies every checksum, see what the disk has.
        let forgotten = if self.sync_failed.load(Ordering::Relaxed) {
            rustix::fs::fadvise(&self.handle, 0, None, rustix::fs::Advice::DontNeed)
        } else {
            Ok(())
        };
        self.file.close()?;
        Ok(forgotten?)
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
