//! Watches the files that the server was started with and puts changes in force: the policy and the certificates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::policy::PolicyReloader;
use crate::listen::Tls;

/// How long files must be quiet before they are read: an editor writes in several steps, and a mounted volume
/// replaces its files one by one.
const QUIET: Duration = Duration::from_millis(150);

/// What is put in force again.
#[derive(Debug)]
pub(super) struct Reloads {
    policy: PolicyReloader,
    tls: Vec<Arc<Tls>>,
}

/// What came to pass that files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A person said so.
    Told,
    /// A file changed.
    Changed,
}

impl Reloads {
    pub(super) const fn new(policy: PolicyReloader, tls: Vec<Arc<Tls>>) -> Self {
        Self { policy, tls }
    }

    /// Reads everything again. Reads files: not for a thread that answers.
    pub(super) fn run(&self, cause: Cause) {
        self.policy.reload(cause == Cause::Told);
        for tls in &self.tls {
            match tls.reload() {
                Ok(()) => tracing::debug!(certificate = %tls.files().certificate.display(), "certificates read"),
                Err(error) => tracing::error!(%error, "certificates not reloaded: the old ones stay in force"),
            }
        }
    }
}

/// Watches files for as long as it lives.
pub(super) struct FileWatch {
    _watcher: RecommendedWatcher,
    changed: Arc<Notify>,
}

impl FileWatch {
    /// Watches files and directories. A file is watched by its directory: editors and mounted volumes replace files
    /// instead of writing them.
    pub(super) fn start<'a>(paths: impl IntoIterator<Item = &'a Path>) -> notify::Result<Self> {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may mean lost events, so it counts as a change.
            if event.as_ref().map_or(true, is_change) {
                notify.notify_one();
            }
        })?;
        let directories: BTreeSet<PathBuf> = paths.into_iter().map(directory).collect();
        for directory in directories {
            watcher.watch(&directory, RecursiveMode::NonRecursive)?;
        }
        Ok(Self {
            _watcher: watcher,
            changed,
        })
    }

    /// Waits until something changed and nothing has changed since for a moment.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
        while tokio::time::timeout(QUIET, self.changed.notified()).await.is_ok() {}
    }
}

fn directory(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whether an event can mean other content. Opening and reading a file cannot: that is what a reload does itself.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}
