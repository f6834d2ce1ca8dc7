//! What is exported comes in elsewhere as it was; what is not whole, or not ours, does not.

mod refusals;
mod sample;

use expect_test::expect_file;
use tempfile::TempDir;

use super::*;
use crate::Store;
use crate::document::{Cursor, Documents};
use crate::embedded::Embedded;
use crate::usage::Life;

/// An empty store.
fn empty() -> (Embedded, TempDir) {
    // Where a sync costs little, if there is such a place.
    let directory = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    (Embedded::open(directory.path()).unwrap(), directory)
}

async fn exported(store: &dyn Store) -> String {
    let mut bytes = Vec::new();
    export(store, &mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_export_looks_like_this() {
    let (store, _directory) = empty();
    sample::fill(&store).await;
    let by = |version| format!("\"written_by\":\"{version}\"");
    let text = exported(&store)
        .await
        .replacen(&by(env!("CARGO_PKG_VERSION")), &by("0.1.0"), 1);
    expect_file!["../../fixtures/format-1/export.jsonl"].assert_eq(&text);
}

#[tokio::test]
async fn what_is_imported_is_what_was_exported() {
    let (from, _from) = empty();
    sample::fill(&from).await;
    let text = exported(&from).await;
    let (to, _to) = empty();
    let Imported { counts, .. } = import(&to, text.as_bytes(), Life::FOR_EVER).await.unwrap();
    assert_eq!(
        counts,
        Counts {
            grants: 6,
            documents: 4,
            usage: 4,
            audit: 4,
            pools: 2,
            pieces: 3,
        }
    );
    assert_eq!(exported(&to).await, text);
    assert!(!unfinished(&to).await.unwrap());
    // Readers of the feed hear of what was imported.
    let changes = to.changes(Cursor::default(), 100).await.unwrap();
    for (key, document) in to.documents("plan", None, 100).await.unwrap() {
        let heard = changes
            .iter()
            .any(|change| change.key == key && change.version == document.version);
        assert!(heard, "{key:?}");
    }
}

#[tokio::test]
async fn nothing_at_all_can_be_moved_too() {
    let (from, _from) = empty();
    let text = exported(&from).await;
    let (to, _to) = empty();
    assert_eq!(
        import(&to, text.as_bytes(), Life::FOR_EVER).await.unwrap(),
        Imported::default()
    );
    // Nothing is in it, so it can be imported into again.
    assert_eq!(
        import(&to, text.as_bytes(), Life::FOR_EVER).await.unwrap(),
        Imported::default()
    );
    assert_eq!(exported(&to).await, text);
}

#[tokio::test]
async fn many_records_take_several_pages() {
    let (from, _from) = empty();
    sample::fill_much(&from).await;
    let text = exported(&from).await;
    let (to, _to) = empty();
    let Imported { counts, .. } = import(&to, text.as_bytes(), Life::FOR_EVER).await.unwrap();
    assert_eq!(
        counts,
        Counts {
            grants: 2_100,
            documents: 70,
            usage: 2_100,
            audit: 420,
            pools: 2_100,
            pieces: 36,
        }
    );
    assert_eq!(exported(&to).await, text);
}

#[tokio::test]
async fn usage_that_is_too_old_is_left_out_and_counted() {
    let (from, _from) = empty();
    sample::fill(&from).await;
    let text = exported(&from).await;
    let (to, _to) = empty();
    let long_after = Life {
        now_s: u64::MAX / 2,
        kept_s: Some(1),
    };
    let imported = import(&to, text.as_bytes(), long_after).await.unwrap();
    assert_eq!((imported.counts.usage, imported.left_out), (0, 4));
    assert_eq!(imported.counts.audit, 4);
    assert!(!exported(&to).await.contains("\"usage\":{"));
}
