//! Many changes share a commit, nobody is answered before it, and nobody waits without bound.

use std::sync::Arc;

use quorate_core::grant::{GrantOperation, GrantOutcome};
use tokio::task::JoinHandle;

use super::support::*;
use crate::document::{Changed, DocumentKey, Documents};
use crate::embedded::writer::BATCH_CHANGES_MAX;
use crate::embedded::{CHANGES_WAITING_MAX, Embedded};
use crate::{Grants, StoreError};

fn create(store: &Arc<Embedded>, org: String) -> JoinHandle<GrantOutcome> {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        let operation = GrantOperation::Create { limit: LIMIT };
        store.grant(&row_key(&org), operation).await
    })
}

/// A store whose writer waits in a commit of one change, until the gate is opened.
async fn busy() -> (
    Arc<Embedded>,
    Arc<GatedDisk>,
    JoinHandle<GrantOutcome>,
    tempfile::TempDir,
) {
    let directory = directory();
    let disk = Arc::new(GatedDisk::default());
    let store = Arc::new(open_on(directory.path(), &disk).unwrap());
    disk.shut();
    let first = create(&store, "first".to_owned());
    until("the first change is being committed", || disk.somebody_waits()).await;
    (store, disk, first, directory)
}

#[tokio::test]
async fn what_waits_goes_into_one_commit() {
    let (store, disk, first, _directory) = busy().await;
    let before = store.stats();
    let rest: Vec<_> = (0..BATCH_CHANGES_MAX)
        .map(|n| create(&store, format!("org{n}")))
        .collect();
    until("all wait", || store.stats().waiting == BATCH_CHANGES_MAX).await;
    assert!(!first.is_finished(), "answered before it was durable");
    disk.open();
    assert_eq!(first.await.unwrap(), GrantOutcome::Applied);
    for change in rest {
        assert_eq!(change.await.unwrap(), GrantOutcome::Applied);
    }
    let after = store.stats();
    assert_eq!(after.changes - before.changes, 513);
    assert_eq!(
        after.commits - before.commits,
        2,
        "that of the first, and one for all the others"
    );
}

#[tokio::test]
async fn what_is_not_committed_is_not_seen() {
    let (store, disk, first, _directory) = busy().await;
    assert_eq!(read_row(&store, "first").await, None);
    disk.open();
    assert_eq!(first.await.unwrap(), GrantOutcome::Applied);
    assert_eq!(read_row(&store, "first").await, Some(taken(0)));
}

#[tokio::test]
async fn a_full_queue_turns_changes_away_at_once() {
    let (store, disk, first, _directory) = busy().await;
    let waiting: Vec<_> = (0..CHANGES_WAITING_MAX)
        .map(|n| create(&store, format!("org{n}")))
        .collect();
    until("the queue is full", || store.stats().waiting == CHANGES_WAITING_MAX).await;

    let turned = store.grant(&row_key("more"), GrantOperation::Create { limit: 1 }).await;
    assert_eq!(turned, GrantOutcome::NotTried);
    let key = DocumentKey {
        kind: "plan".into(),
        org: "".into(),
        id: "x".into(),
    };
    let turned = store.put_document(&key, None, Some("x")).await;
    assert!(matches!(turned, Err(StoreError::Unavailable(_))), "{turned:?}");
    assert_eq!(store.stats().turned_away, 2);
    assert_eq!(read_row(&store, "more").await, None, "reads go on");

    disk.open();
    for change in waiting.into_iter().chain([first]) {
        assert_eq!(change.await.unwrap(), GrantOutcome::Applied);
    }
    assert_eq!(store.document(&key).await, Ok(None));
    assert_eq!(store.put_document(&key, None, Some("x")).await, Ok(Changed::Applied(1)));
}

#[tokio::test]
async fn bytes_that_wait_are_bounded() {
    let (store, disk, first, _directory) = busy().await;
    let put = |n: usize| {
        let store = Arc::clone(&store);
        let key = DocumentKey {
            kind: "plan".into(),
            org: "".into(),
            id: n.to_string().into(),
        };
        tokio::spawn(async move { store.put_document(&key, None, Some(&"x".repeat(1 << 20))).await })
    };
    let waiting: Vec<_> = (0..64).map(put).collect();
    until("the queue is full", || store.stats().waiting == 64).await;
    let turned = put(64).await.unwrap();
    assert!(matches!(turned, Err(StoreError::Unavailable(_))), "{turned:?}");
    disk.open();
    for change in waiting {
        assert_eq!(change.await.unwrap(), Ok(Changed::Applied(1)));
    }
    assert_eq!(first.await.unwrap(), GrantOutcome::Applied);
}

#[tokio::test]
async fn refusals_cost_no_commit() {
    let directory = directory();
    let store = Embedded::open(directory.path()).unwrap();
    let create = GrantOperation::Create { limit: LIMIT };
    assert_eq!(store.grant(&row_key("acme"), create).await, GrantOutcome::Applied);
    let before = store.stats();
    for _ in 0..10 {
        assert_eq!(store.grant(&row_key("acme"), create).await, GrantOutcome::Refused);
    }
    let after = store.stats();
    assert_eq!(
        (after.changes - before.changes, after.commits - before.commits),
        (10, 0)
    );
}

#[tokio::test]
async fn closing_writes_what_waits_and_gives_the_directory_back() {
    let (store, disk, first, directory) = busy().await;
    let waiting: Vec<_> = (0..10).map(|n| create(&store, format!("org{n}"))).collect();
    until("all wait", || store.stats().waiting == 10).await;
    let closing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.close().await })
    };
    disk.open();
    assert_eq!(closing.await.unwrap(), Ok(()));
    for change in waiting.into_iter().chain([first]) {
        assert_eq!(change.await.unwrap(), GrantOutcome::Applied);
    }
    // Closed, while somebody still has it.
    assert_eq!(create(&store, "late".to_owned()).await.unwrap(), GrantOutcome::NotTried);
    let read = store.grant(&row_key("first"), GrantOperation::Read).await;
    assert_eq!(read, GrantOutcome::Unknown);
    assert_eq!(store.close().await, Ok(()), "closed twice");
    let again = Embedded::open(directory.path()).unwrap();
    assert_eq!(read_row(&again, "org9").await, Some(taken(0)));
}
