//! Stores on disks that fail or stop when told, and a few calls for short.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use quorate_core::grant::{Account, Grant, GrantKey, GrantMove, GrantOperation, GrantOutcome, HolderId};
use tempfile::TempDir;

use crate::Grants;
use crate::embedded::disk::{Call, Interference};
use crate::embedded::file::Terms;
use crate::embedded::{Embedded, OpenError, SystemClock};

pub(super) const HOLDER: HolderId = HolderId(7);
pub(super) const LIMIT: u64 = 1_000_000;

/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A directory where a sync costs little, if there is one.
pub(super) fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Opens a store on a disk that can be interfered with. Nothing is kept in memory, so that reads reach the disk.
pub(super) fn open_on<D: Interference + 'static>(path: &Path, disk: &Arc<D>) -> Result<Embedded, OpenError> {
    let disk: Arc<dyn Interference> = disk.clone();
    let terms = Terms {
        cache_bytes: 0,
        reopen_pause: Duration::ZERO,
        interference: Some(disk),
    };
    Embedded::open_on_terms(path, Arc::new(SystemClock), terms)
}

pub(super) fn row_key(org: &str) -> GrantKey {
    GrantKey {
        org: org.into(),
        quota: "monthly".into(),
        account: Account::Org,
        period: "month/2026-11-01".into(),
    }
}

/// Takes one unit from a row at a version, as [`HOLDER`], who made all the moves before.
pub(super) fn take_one(version: u64) -> GrantOperation {
    GrantOperation::Move(GrantMove {
        version,
        limit: LIMIT,
        granted_before: version,
        granted: version + 1,
        holder: HOLDER,
        holding: version + 1,
    })
}

/// The row after so many of them.
pub(super) fn taken(version: u64) -> Grant {
    Grant {
        limit: LIMIT,
        granted: version,
        version,
        holdings: [(HOLDER, version)]
            .into_iter()
            .filter(|(_, units)| *units > 0)
            .collect(),
    }
}

pub(super) async fn read_row(store: &Embedded, org: &str) -> Option<Grant> {
    match store.grant(&row_key(org), GrantOperation::Read).await {
        GrantOutcome::Row(row) => row,
        other => panic!("a read was answered {other:?}"),
    }
}

/// Waits until something holds.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    until_some(what, async || holds().then_some(())).await;
}

/// Asks until there is an answer.
pub(super) async fn until_some<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}

/// A disk whose calls fail from one of them on, until it is healed.
#[derive(Debug)]
pub(super) struct FailingDisk {
    failing: Mutex<Failing>,
}

#[derive(Debug)]
struct Failing {
    /// Which calls are counted and fail.
    which: fn(Call) -> bool,
    /// How many of them still work; `None` when all do.
    left: Option<u64>,
    kind: io::ErrorKind,
    hit: bool,
}

impl FailingDisk {
    pub(super) fn healthy() -> Arc<Self> {
        Arc::new(Self {
            failing: Mutex::new(Failing {
                which: |_| false,
                left: None,
                kind: io::ErrorKind::Other,
                hit: false,
            }),
        })
    }

    /// From now on, after so many of these calls, the rest fail.
    pub(super) fn fail_after(&self, left: u64, which: fn(Call) -> bool, kind: io::ErrorKind) {
        *self.failing.lock() = Failing {
            which,
            left: Some(left),
            kind,
            hit: false,
        };
    }

    /// Everything works again. Whether anything had failed.
    pub(super) fn heal(&self) -> bool {
        let mut failing = self.failing.lock();
        failing.left = None;
        failing.hit
    }
}

impl Interference for FailingDisk {
    fn before(&self, call: Call) -> io::Result<()> {
        let mut failing = self.failing.lock();
        if !(failing.which)(call) {
            return Ok(());
        }
        match &mut failing.left {
            None => Ok(()),
            Some(0) => {
                failing.hit = true;
                Err(failing.kind.into())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// A disk whose syncs wait while the gate is shut.
#[derive(Debug, Default)]
pub(super) struct GatedDisk {
    gate: Mutex<Gate>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    shut: bool,
    waiting: bool,
}

impl GatedDisk {
    pub(super) fn shut(&self) {
        self.gate.lock().shut = true;
    }

    pub(super) fn open(&self) {
        self.gate.lock().shut = false;
        self.opened.notify_all();
    }

    /// Whether a sync waits.
    pub(super) fn somebody_waits(&self) -> bool {
        self.gate.lock().waiting
    }
}

impl Interference for GatedDisk {
    fn before(&self, call: Call) -> io::Result<()> {
        let mut gate = self.gate.lock();
        while call == Call::Sync && gate.shut {
            gate.waiting = true;
            self.opened.wait(&mut gate);
        }
        gate.waiting = false;
        Ok(())
    }
}

/// Says to a test that runs in another process which directory it is about.
const CHILD: &str = "QUORATE_STORE_TEST_DIRECTORY";

/// One test of this module in another process.
pub(super) fn child(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "--test-threads", "1"])
        .arg(format!("embedded::tests::{test}"))
        .env(CHILD, directory);
    command
}

/// The directory that [`child`] was given, in the other process.
pub(super) fn child_directory() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}
