//! The lock on an embedded store, which has locks too.

use std::sync::Arc;

use quorate_node::quotas::new_holder;
use quorate_store::Store;
use quorate_store::embedded::Embedded;
use quorate_store::lock::LOCK_TTL_S_MAX;

use super::{NAME, WindowsLock};

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_lost_is_not_taken_again() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let store: Arc<dyn Store> = Arc::new(Embedded::open(folder.path()).expect("the store opens"));
    let (first, second) = (new_holder(), new_holder());
    let mut lock = WindowsLock::take(&store, first).await.expect("it is free");
    // Another server takes over. Asked together, so that no renewal comes between: here time passes while all wait.
    loop {
        let taking = store.lock(NAME, second, "another", LOCK_TTL_S_MAX);
        let (unlocked, taken) = tokio::join!(store.unlock(NAME, first), taking);
        unlocked.expect("it answers");
        if taken.expect("it answers").is_none() {
            break;
        }
    }
    lock.lost().cancelled().await;
    store.unlock(NAME, second).await.expect("it answers");
    tokio::task::yield_now().await;
    assert!(lock.renewal.is_finished(), "it goes on renewing");
    (&mut lock.renewal).await.expect("it does not panic");
    let third = store.lock(NAME, new_holder(), "a third", 1).await;
    assert_eq!(third.expect("it answers"), None);
}
