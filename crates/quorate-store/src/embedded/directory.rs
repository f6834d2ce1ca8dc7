//! The data directory: made for its owner alone, and held by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

/// The file whose lock says who has the directory, and in which they write who they are.
const LOCK_FILE: &str = "LOCK";

/// A directory that this process holds, until this is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked. The file stays when the lock is gone: taking it away would let two processes lock two files.
    _lock: File,
}

impl Directory {
    /// Makes the directory unless it exists, and takes hold of it.
    pub(super) fn hold(path: &Path) -> Result<Self, OpenError> {
        let failed = |reason| OpenError::Directory {
            path: path.to_owned(),
            reason,
        };
        make(path).map_err(failed)?;
        let mut lock = open_private(&path.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: path.to_owned(),
                    by: holder(&mut lock),
                });
            }
            Err(TryLockError::Error(reason)) => return Err(failed(reason)),
        }
        sign(&mut lock).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes new names in the directory durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Opens a file that only its owner may read, and makes it unless it exists.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // The name of the directory is as much part of what must survive as what is in it.
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Writes into the lock's file who holds it, for the message that another process gives.
fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

/// Who signed the lock's file; empty when nobody can tell. The holder may be signing just now.
fn holder(lock: &mut File) -> String {
    /// More than the longest process id.
    const SIGNATURE_BYTES_MAX: u64 = 32;
    let mut signature = String::new();
    let read = lock.take(SIGNATURE_BYTES_MAX).read_to_string(&mut signature);
    match (read, signature.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!(" by process {process}"),
        _ => " by another process".to_owned(),
    }
}
