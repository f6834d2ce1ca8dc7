//! A disk that fails, at every call of every kind: what was answered holds, and the engine goes on when the disk does.

use std::io::ErrorKind;

use quorate_core::grant::{GrantOperation, GrantOutcome};

use super::support::*;
use crate::embedded::disk::Call;
use crate::embedded::{Embedded, OpenError};
use crate::usage::{Life, Span, Usage, UsageKey, UsageQuery, Used};
use crate::{Grants, StoreError};

/// Which calls fail, and how; and every how many of them is tried.
type Kind = (&'static str, fn(Call) -> bool, ErrorKind, usize);

const KINDS: [Kind; 4] = [
    (
        "no write finds space",
        |call| matches!(call, Call::Write(_) | Call::SetLength(_)),
        ErrorKind::StorageFull,
        1,
    ),
    ("no sync works", |call| call == Call::Sync, ErrorKind::Other, 1),
    // Hundreds of calls each: some are enough.
    ("no read works", |call| call == Call::Read, ErrorKind::Other, 7),
    ("nothing works", |_| true, ErrorKind::Other, 7),
];

#[tokio::test]
async fn whichever_call_fails_what_was_answered_holds() {
    for kind in KINDS {
        let mut calls = 0;
        for call in (0..).step_by(kind.3) {
            calls = call;
            if !fails_at(kind, call).await {
                break;
            }
        }
        assert!(calls > 2, "{}: the changes make no such calls", kind.0);
    }
}

/// Makes changes on a disk that fails from the `call`-th call on, then on the healed disk. Whether anything failed.
async fn fails_at((what, which, error, _): Kind, call: u64) -> bool {
    let case = format!("{what} from the {call}th call on");
    let directory = directory();
    let disk = FailingDisk::healthy();
    let store = open_on(directory.path(), &disk).unwrap();
    assert_eq!(create(&store).await, GrantOutcome::Applied);

    disk.fail_after(call, which, error);
    // What is known of the row: the versions that it may have.
    let (mut least, mut most) = (0, 0);
    for _ in 0..4 {
        match store.grant(&row_key("acme"), take_one(least)).await {
            GrantOutcome::Applied => {
                least += 1;
                most = least;
            }
            GrantOutcome::Unknown => most = least + 1,
            GrantOutcome::NotTried => {}
            GrantOutcome::Refused => assert_ne!(most, least, "{case}: refused, as if another one had moved"),
            row @ GrantOutcome::Row(_) => panic!("{case}: answered {row:?}"),
        }
        match store.grant(&row_key("acme"), GrantOperation::Read).await {
            GrantOutcome::Unknown => {}
            GrantOutcome::Row(Some(row)) => {
                assert!((least..=most).contains(&row.version), "{case}: {row:?}");
                assert_eq!(row, taken(row.version), "{case}");
                // Read is settled: what was seen does not go away again.
                least = row.version;
                most = most.max(least);
            }
            other => panic!("{case}: answered {other:?}"),
        }
    }
    let hit = disk.heal();

    // The same store, on a disk that works again.
    let row = settled_row(&store, &case).await;
    assert!(
        (least..=most).contains(&row),
        "{case}: {row} is not within {least}..={most}"
    );
    assert_eq!(settled_take(&store, row, &case).await, row + 1, "{case}");
    assert_eq!(store.stats().failure, None, "{case}");
    store.close().await.unwrap();
    let again = Embedded::open(directory.path()).unwrap();
    assert_eq!(read_row(&again, "acme").await, Some(taken(row + 1)), "{case}");
    hit
}

async fn create(store: &Embedded) -> GrantOutcome {
    store
        .grant(&row_key("acme"), GrantOperation::Create { limit: LIMIT })
        .await
}

/// The version of the row, once the store is well again.
async fn settled_row(store: &Embedded, case: &str) -> u64 {
    until_some(case, async || {
        match store.grant(&row_key("acme"), GrantOperation::Read).await {
            GrantOutcome::Row(Some(row)) => Some(row.version),
            GrantOutcome::Unknown => None,
            other => panic!("{case}: answered {other:?}"),
        }
    })
    .await
}

/// Takes one from the row at a version, once the store is well again; the version afterwards.
async fn settled_take(store: &Embedded, version: u64, case: &str) -> u64 {
    until_some(case, async || {
        match store.grant(&row_key("acme"), take_one(version)).await {
            GrantOutcome::Applied => Some(version + 1),
            GrantOutcome::Unknown | GrantOutcome::NotTried => None,
            other => panic!("{case}: answered {other:?}"),
        }
    })
    .await
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_full() {
    let directory = directory();
    let disk = FailingDisk::healthy();
    let store = open_on(directory.path(), &disk).unwrap();
    assert_eq!(create(&store).await, GrantOutcome::Applied);
    disk.fail_after(0, |call| matches!(call, Call::Write(_)), ErrorKind::StorageFull);
    let key = UsageKey {
        org: "acme".into(),
        span: Span::Day,
        start_s: 0,
        key: "k".into(),
        endpoint: "e".into(),
        meter: "m".into(),
    };
    let used = Used { calls: 1, units: 1 };
    let rows = [(key.clone(), used)];
    let Err(StoreError::Unavailable(why)) = store.write_usage(HOLDER, &rows, Life::FOR_EVER).await else {
        panic!("written on a full disk");
    };
    assert!(why.contains("storage space"), "{why}");
    assert!(store.stats().failure.is_some());
    disk.heal();
    let query = UsageQuery {
        org: "acme".into(),
        span: Span::Day,
        from_s: 0,
        until_s: 1,
    };
    until_some("there is space again", async || {
        store.write_usage(HOLDER, &rows, Life::FOR_EVER).await.ok()
    })
    .await;
    assert_eq!(store.usage(&query, None, 10).await, Ok(vec![(key, used)]));
}

#[tokio::test]
async fn a_disk_that_fails_at_the_start_is_named() {
    let directory = directory();
    let mut calls = 0;
    loop {
        let disk = FailingDisk::healthy();
        disk.fail_after(
            calls,
            |call| matches!(call, Call::Write(_) | Call::SetLength(_)),
            ErrorKind::StorageFull,
        );
        match open_on(directory.path(), &disk) {
            // What closing writes may fail too; it matters to nobody.
            Ok(_) => break,
            Err(error @ OpenError::File { .. }) => {
                let message = error.to_string();
                let path = directory.path().join("quorate.redb");
                assert!(message.contains(&path.display().to_string()), "{message}");
                assert!(message.contains("storage space"), "{message}");
            }
            Err(other) => panic!("after {calls} calls: {other}"),
        }
        calls += 1;
    }
    assert!(calls > 2, "opening makes no calls");
    // Whatever was left behind by all these, it is no obstacle.
    let store = Embedded::open(directory.path()).unwrap();
    assert_eq!(create(&store).await, GrantOutcome::Applied);
}
