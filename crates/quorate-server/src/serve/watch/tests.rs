//! What is watched of a path, and that changes come through however files change.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(300);

fn watched(root: &Path, path: &str) -> Vec<String> {
    shown(root, &on_the_way(&root.join(path)))
}

fn shown(root: &Path, directories: &BTreeSet<PathBuf>) -> Vec<String> {
    let shown = directories.iter().map(|directory| {
        let inside = directory.strip_prefix(root).expect("it is inside");
        format!("/{}", inside.display())
    });
    shown.collect()
}

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for directory in ["releases/1", "releases/2", "plain/inner"] {
        fs::create_dir_all(root.path().join(directory)).expect("it is ours");
        fs::write(root.path().join(directory).join("p.yaml"), directory).expect("it is writable");
    }
    root
}

#[test]
fn every_directory_is_watched_in_which_a_name_on_the_way_stands() {
    let root = root();
    let of = |path: &str| watched(root.path(), path);
    assert_eq!(of("plain/inner/p.yaml"), ["/plain/inner"]);
    assert_eq!(of("plain/inner"), ["/plain", "/plain/inner"]);
    assert_eq!(of("plain/inner/../inner/p.yaml"), ["/plain/inner"]);
    assert_eq!(of("plain/none/p.yaml"), ["/plain"], "as far as it leads");

    symlink("releases/1", root.path().join("current")).expect("it is ours");
    assert_eq!(of("current"), ["/", "/releases", "/releases/1"]);
    assert_eq!(of("current/p.yaml"), ["/", "/releases/1"]);
    symlink(root.path().join("current/p.yaml"), root.path().join("plain/link.yaml")).expect("it is ours");
    assert_eq!(of("plain/link.yaml"), ["/", "/plain", "/releases/1"]);

    symlink("round", root.path().join("round")).expect("it is ours");
    assert_eq!(of("round/p.yaml"), ["/"], "it ends");
    symlink("nowhere/p.yaml", root.path().join("dangling")).expect("it is ours");
    assert_eq!(of("dangling"), ["/"]);
}

#[test]
fn what_the_files_of_a_directory_link_to_is_watched() {
    let root = root();
    let plain = root.path().join("plain");
    symlink("../releases/1/p.yaml", plain.join("link.yaml")).expect("it is ours");
    symlink("../../releases/2/none", plain.join("inner/link")).expect("it is ours");
    let of = |watch: notify::Result<FileWatch>| {
        let watch = watch.expect("it can be watched");
        shown(root.path(), &watch.directories())
    };
    let documents = || of(FileWatch::start([plain.as_path()], []));
    let rules = || of(FileWatch::start([], [plain.as_path()]));
    let expected = ["/", "/plain", "/plain/inner", "/releases/1", "/releases/2"];
    assert_eq!(documents(), ["/", "/plain", "/releases/1"]);
    assert_eq!(rules(), expected);

    // What is not read is not watched either.
    symlink("../releases", plain.join("folder.yaml")).expect("it is ours");
    fs::create_dir_all(root.path().join("papers")).expect("it is ours");
    symlink("../papers/README", plain.join(".README")).expect("it is ours");
    assert_eq!(rules(), expected);
    symlink("../papers/README", plain.join("README")).expect("it is ours");
    assert_eq!(documents(), ["/", "/plain", "/releases/1"]);
}

#[test]
fn a_relative_path_is_watched_from_here() {
    assert_eq!(
        on_the_way(Path::new("no-such.yaml")),
        BTreeSet::from([PathBuf::from(".")])
    );
}

/// Changes something, and waits until that is noticed; the watch then follows.
async fn noticed(watch: &FileWatch, what: &str, change: impl FnOnce()) {
    change();
    let noticed = tokio::time::timeout(PATIENCE, watch.changed()).await;
    assert!(noticed.is_ok(), "{what}");
    watch.follow().expect("all of it can be watched");
    // What is left of the same change.
    while tokio::time::timeout(QUIET, watch.changed.notified()).await.is_ok() {}
}

#[tokio::test]
async fn a_link_that_is_turned_is_noticed_and_followed() {
    let root = root();
    let current = root.path().join("current");
    let turn = |to: &str| {
        let new = root.path().join("new");
        symlink(to, &new).expect("it is ours");
        fs::rename(&new, &current).expect("it is ours");
    };
    turn("releases/1");
    for path in [current.clone(), current.join("p.yaml")] {
        let watch = FileWatch::start([path.as_path()], []).expect("it can be watched");
        noticed(&watch, "turned", || turn("releases/2")).await;
        let written = || fs::write(root.path().join("releases/2/p.yaml"), "other").expect("it is writable");
        noticed(&watch, "written where it leads now", written).await;
        turn("releases/1");
    }
}

#[tokio::test]
async fn a_file_that_a_link_leads_to_is_watched() {
    let root = root();
    symlink("inner/p.yaml", root.path().join("plain/link.yaml")).expect("it is ours");
    let link = root.path().join("plain/link.yaml");
    let watch = FileWatch::start([link.as_path()], []).expect("it can be watched");
    let written = || fs::write(root.path().join("plain/inner/p.yaml"), "other").expect("it is writable");
    noticed(&watch, "written", written).await;
}

#[tokio::test]
async fn a_file_that_a_link_in_a_directory_leads_to_is_watched() {
    let root = root();
    let link = root.path().join("plain/link.yaml");
    let turn = |to: &str| {
        let new = root.path().join("new");
        symlink(root.path().join(to), &new).expect("it is ours");
        fs::rename(&new, &link).expect("it is ours");
    };
    let write = |name: &str| fs::write(root.path().join(name), "other").expect("it is writable");
    let plain = root.path().join("plain");
    for is_tree in [false, true] {
        turn("releases/1/p.yaml");
        let (paths, trees) = if is_tree {
            (None, Some(plain.as_path()))
        } else {
            (Some(plain.as_path()), None)
        };
        let watch = FileWatch::start(paths, trees).expect("it can be watched");
        noticed(&watch, "written", || write("releases/1/p.yaml")).await;
        noticed(&watch, "turned", || turn("releases/2/p.yaml")).await;
        noticed(&watch, "written where it leads now", || write("releases/2/p.yaml")).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_removed_and_made_again_is_watched_again() {
    let root = root();
    let directory = root.path().join("plain");
    let inner = directory.join("inner");
    let watch = FileWatch::start([inner.as_path()], []).expect("it can be watched");
    noticed(&watch, "removed", || {
        fs::remove_dir_all(&directory).expect("it is ours")
    })
    .await;
    noticed(&watch, "made again", || fs::create_dir_all(&inner).expect("it is ours")).await;
    let written = || fs::write(inner.join("p.yaml"), "other").expect("it is writable");
    noticed(&watch, "written", written).await;
}

#[tokio::test]
async fn the_folders_of_a_tree_are_watched() {
    let root = root();
    let watch = FileWatch::start([], [root.path()]).expect("it can be watched");
    let inner = root.path().join("plain/inner/new");
    noticed(&watch, "made", || fs::create_dir(&inner).expect("it is ours")).await;
    let written = || fs::write(inner.join("p.yaml"), "other").expect("it is writable");
    noticed(&watch, "written", written).await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_never_quiet_is_read_all_the_same() {
    let root = root();
    let inner = root.path().join("plain/inner");
    let watch = FileWatch::start([inner.as_path()], []).expect("it can be watched");
    let restless = async {
        loop {
            watch.changed.notify_one();
            // tidy: allow sleep because the clock is the test's own
            tokio::time::sleep(QUIET / 2).await;
        }
    };
    let started = Instant::now();
    tokio::select! {
        () = watch.changed() => {}
        () = restless => {}
    }
    assert!(started.elapsed() <= RESTLESS_MAX + QUIET, "{:?}", started.elapsed());
}
