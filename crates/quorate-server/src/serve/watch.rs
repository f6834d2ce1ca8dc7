//! Watches files: says that something changed, once it is quiet again.
//!
//! What a path leads to may change in more ways than by writing to a file: a symbolic link on the way is turned
//! (mounted volumes and releases do that), a directory is removed and made again. So every directory is watched in
//! which a name on the way stands, and after every change the way is gone again. A directory's files may be links to
//! files elsewhere: their ways are gone too.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::policy_files::{folders_of, linked_documents, linked_rules};

/// How long files must be quiet before they are read: an editor writes in several steps, and a mounted volume
/// replaces its files one by one.
const QUIET: Duration = Duration::from_millis(150);

/// How long they may keep from being read by not being quiet: somebody may write a log beside them.
const RESTLESS_MAX: Duration = Duration::from_secs(2);

/// The most symbolic links that one path is followed through: as many as Linux follows.
const LINKS_MAX: usize = 40;

/// How often the way is gone again when it changed while it was gone.
const FOLLOW_MAX: usize = 4;

/// Watches files and directories for as long as it lives.
pub(super) struct FileWatch {
    paths: Vec<PathBuf>,
    /// Those of them that are directories whose folders are read too.
    trees: Vec<PathBuf>,
    watching: Mutex<Watching>,
    changed: Arc<Notify>,
}

struct Watching {
    watcher: RecommendedWatcher,
    directories: BTreeSet<PathBuf>,
}

impl FileWatch {
    /// Watches what the paths lead to, and of trees all folders; and what the links lead to that are read in them.
    pub(super) fn start<'a>(
        paths: impl IntoIterator<Item = &'a Path>,
        trees: impl IntoIterator<Item = &'a Path>,
    ) -> notify::Result<Self> {
        let trees: Vec<PathBuf> = trees.into_iter().map(Path::to_owned).collect();
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may mean lost events, so it counts as a change.
            if event.as_ref().map_or(true, is_change) {
                notify.notify_one();
            }
        })?;
        let watch = Self {
            paths: paths.into_iter().map(Path::to_owned).chain(trees.clone()).collect(),
            trees,
            watching: Mutex::new(Watching {
                watcher,
                directories: BTreeSet::new(),
            }),
            changed,
        };
        watch.follow()?;
        Ok(watch)
    }

    /// Waits until something changed and nothing has changed since for a moment.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
        let latest = Instant::now() + RESTLESS_MAX;
        while Instant::now() < latest && tokio::time::timeout(QUIET, self.changed.notified()).await.is_ok() {}
    }

    /// Watches what the paths lead to now. To be called before they are read: what changes after that is another
    /// change. Asks the file system: not for a thread that answers.
    ///
    /// # Errors
    /// A directory cannot be watched; the others are.
    pub(super) fn follow(&self) -> notify::Result<()> {
        let mut watching = self.watching.lock();
        let mut followed = Ok(());
        // A name may be put where none was after that was seen and before it was watched.
        for _ in 0..FOLLOW_MAX {
            let directories = self.directories();
            followed = watching.watch(&directories);
            if directories == self.directories() {
                break;
            }
        }
        followed
    }

    fn directories(&self) -> BTreeSet<PathBuf> {
        let mut directories = BTreeSet::new();
        for path in &self.paths {
            directories.extend(on_the_way(path));
            directories.extend(linked_documents(path).iter().flat_map(|link| on_the_way(link)));
        }
        for tree in self.trees.iter().filter(|path| path.is_dir()) {
            let folders = folders_of(tree);
            let links = folders.iter().flat_map(|folder| linked_rules(folder));
            directories.extend(links.flat_map(|link| on_the_way(&link)));
            // The first one is the tree itself.
            directories.extend(folders.into_iter().skip(1));
        }
        directories
    }
}

impl Watching {
    fn watch(&mut self, directories: &BTreeSet<PathBuf>) -> notify::Result<()> {
        for gone in self.directories.difference(directories) {
            // Where it is no more nothing is watched any more.
            let _ = self.watcher.unwatch(gone);
        }
        let mut watched = Ok(());
        for directory in directories {
            // Also those that are watched already: another directory may have the name now.
            if let Err(error) = self.watcher.watch(directory, RecursiveMode::NonRecursive) {
                watched = Err(error);
            }
        }
        self.directories.clone_from(directories);
        watched
    }
}

/// The directories in which the names stand that lead to a path, its own if it is one. Of a path that leads nowhere,
/// as far as it leads.
fn on_the_way(path: &Path) -> BTreeSet<PathBuf> {
    let mut directories = BTreeSet::new();
    let mut links = 0;
    let mut at = PathBuf::from(if path.is_absolute() { "/" } else { "." });
    // The names that are still to be gone, the next one last.
    let mut names: Vec<PathBuf> = names(path);
    while let Some(name) = names.pop() {
        if name == Path::new("..") {
            // Of a directory that was found: links on the way to it are resolved.
            at = at.canonicalize().unwrap_or(at);
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let is_last = names.is_empty();
        match std::fs::read_link(&next) {
            Ok(target) => {
                directories.insert(at.clone());
                links += 1;
                if links > LINKS_MAX {
                    return directories;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                names.extend(self::names(&target));
            }
            Err(_) if !next.exists() => {
                directories.insert(at);
                return directories;
            }
            Err(_) => {
                if is_last {
                    directories.insert(at);
                }
                at = next;
            }
        }
    }
    if at.is_dir() {
        directories.insert(at);
    }
    directories
}

/// The names of a path, the first one last.
fn names(path: &Path) -> Vec<PathBuf> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    names.rev().collect()
}

/// Whether an event can mean other content. Opening and reading a file cannot: that is what a reload does itself.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests;
