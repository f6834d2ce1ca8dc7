//! What a data directory may look like when it is opened, and what is said of one that cannot be.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use quorate_core::grant::{GrantOperation, GrantOutcome};
use redb::{Database, TableDefinition};

use super::support::*;
use crate::Grants;
use crate::embedded::{Embedded, FORMAT, OpenError, format};
use crate::transfer;

fn file_in(directory: &Path) -> PathBuf {
    directory.join("quorate.redb")
}

/// What is said of a directory that cannot be opened. The path is always named.
fn refused(directory: &Path) -> OpenError {
    let Err(error) = Embedded::open(directory) else {
        panic!("it was opened");
    };
    let message = error.to_string();
    assert!(message.contains(&directory.display().to_string()), "{message}");
    error
}

/// A directory with a store of one row in it.
async fn with_a_row() -> tempfile::TempDir {
    let directory = directory();
    let store = Embedded::open(directory.path()).unwrap();
    let create = GrantOperation::Create { limit: LIMIT };
    assert_eq!(store.grant(&row_key("acme"), create).await, GrantOutcome::Applied);
    assert_eq!(store.grant(&row_key("acme"), take_one(0)).await, GrantOutcome::Applied);
    store.close().await.unwrap();
    directory
}

#[tokio::test]
async fn a_directory_is_made_for_its_owner_alone() {
    let parent = directory();
    let path = parent.path().join("new/data");
    let store = Embedded::open(&path).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&file_in(&path)), 0o600);
    assert_eq!(
        crate::Store::describe(&store),
        format!("embedded in {}", path.display())
    );
}

#[tokio::test]
async fn a_directory_is_one_stores_at_a_time() {
    let directory = directory();
    let store = Embedded::open(directory.path()).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    let process = format!("in use by process {}", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    drop(store);
    Embedded::open(directory.path()).unwrap();
}

#[test]
fn a_second_process_is_refused() {
    let directory = directory();
    let _store = Embedded::open(directory.path()).unwrap();
    let said = child("opening::the_second_process", directory.path()).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout);
    let expected = format!(
        "said: the data directory {} is in use by process {}",
        directory.path().display(),
        std::process::id()
    );
    assert!(said.contains(&expected), "{said}");
}

/// The other process of the test before.
#[test]
fn the_second_process() {
    if let Some(directory) = child_directory() {
        match Embedded::open(&directory) {
            Ok(_) => println!("said: nothing"),
            Err(error) => println!("said: {error}"),
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let parent = directory();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = parent.path().join("data");
    fs::DirBuilder::new().mode(0o755).create(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    let new = path.join("new");
    for (path, tried) in [(path.clone(), path.clone()), (path, new)] {
        let error = without_rights(move || Embedded::open(&tried).map(drop)).unwrap_err();
        assert!(matches!(error, OpenError::Directory { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(message.contains("ermission denied"), "{message}");
    }
}

/// Does something in a thread that is not root, where this process is: root may write anywhere.
fn without_rights<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let run = move || {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        what()
    };
    thread::spawn(run).join().unwrap()
}

#[test]
fn a_path_that_is_no_directory_is_named() {
    let parent = directory();
    let path = parent.path().join("data");
    fs::write(&path, "").unwrap();
    for path in [path.clone(), path.join("within")] {
        let error = refused(&path);
        assert!(matches!(error, OpenError::Directory { .. }), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let directory = directory();
    fs::create_dir(file_in(directory.path())).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    let directory = with_a_row().await;
    let path = file_in(directory.path());
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    format::write(&transaction, FORMAT + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = refused(directory.path());
    let expected = format!(
        "the store {} has format 2, written by quorate {}; this version knows formats up to 1",
        path.display(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn somebody_elses_database_is_refused() {
    const THEIRS: TableDefinition<'static, u64, u64> = TableDefinition::new("theirs");
    let directory = directory();
    let database = Database::create(file_in(directory.path())).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(THEIRS).unwrap().insert(1, 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_refused_or_whole() {
    let directory = with_a_row().await;
    let path = file_in(directory.path());
    let whole = fs::read(&path).unwrap();
    let mut refusals = 0;
    for damaged in damages(&whole) {
        fs::write(&path, &damaged).unwrap();
        match Embedded::open(directory.path()) {
            // What was damaged was of no use.
            Ok(store) => assert_eq!(read_row(&store, "acme").await, Some(taken(1))),
            Err(error) => {
                assert!(
                    matches!(
                        error,
                        OpenError::Corrupt { .. } | OpenError::Foreign { .. } | OpenError::File { .. }
                    ),
                    "{error}"
                );
                assert!(error.to_string().contains(&path.display().to_string()), "{error}");
                refusals += 1;
            }
        }
    }
    assert!(refusals > 10, "{refusals} damages were noticed");
    fs::write(&path, &whole).unwrap();
    let store = Embedded::open(directory.path()).unwrap();
    assert_eq!(read_row(&store, "acme").await, Some(taken(1)));
}

/// Many ways to damage a file.
fn damages(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut damages = vec![Vec::new(), b"hello".to_vec(), vec![0; whole.len()], vec![0xFF; 4_096]];
    damages.extend([1, 64, 320, 4_096, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec()));
    // Pages that hold something, each with one byte changed, and the header byte by byte.
    let pages = (0..whole.len())
        .step_by(4_096)
        .filter(|at| whole[*at] != 0)
        .flat_map(|at| [at, at + 5, at + 40]);
    damages.extend((0..320).step_by(7).chain(pages).map(|at| {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 0x55;
        damaged
    }));
    damages
}

#[tokio::test]
async fn a_store_that_was_not_finished_is_made_anew() {
    let directory = directory();
    fs::write(directory.path().join("quorate.redb.new"), "half").unwrap();
    let store = Embedded::open(directory.path()).unwrap();
    assert_eq!(read_row(&store, "acme").await, None);
    assert!(!directory.path().join("quorate.redb.new").exists());
}

#[tokio::test]
async fn stores_of_every_format_open() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for version in 1..=FORMAT {
        let fixture = fixtures.join(format!("format-{version}"));
        let directory = directory();
        fs::copy(file_in(&fixture), file_in(directory.path())).unwrap();
        let store = Embedded::open(directory.path()).unwrap();
        let mut found = Vec::new();
        transfer::export(&store, &mut found).await.unwrap();
        let expected = fs::read_to_string(fixture.join("export.jsonl")).unwrap();
        let without_first = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned());
        assert_eq!(
            without_first(&String::from_utf8(found).unwrap()),
            without_first(&expected),
            "format {version}"
        );
    }
}
