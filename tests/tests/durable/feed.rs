//! The feed over many buckets and for a long time: nothing is skipped, old buckets go, places are never given out twice.

use std::time::{SystemTime, UNIX_EPOCH};

use quorate_store::document::{Change, Changed, Cursor, DocumentKey, Documents as _, FEED_KEPT_S};
use quorate_store_scylla::ScyllaStore;
use scylla::client::session::Session;

use crate::cassandra;
use crate::stores::{self, PATIENT};

/// Places of one bucket: part of the format.
const BUCKET: u64 = 10_000;

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

/// Puts an entry where one would be if there had been so many before it.
async fn plant(session: &Session, keyspace: &str, place: u64, at_s: u64) {
    let number = |value: u64| i64::try_from(value).expect("small");
    let insert = format!(
        "INSERT INTO {keyspace}.change_feed (bucket, place, kind, org, id, version, at_s) \
         VALUES (?, ?, 'plan', '', 'old', 1, ?) IF NOT EXISTS"
    );
    let values = (number(place / BUCKET), number(place), number(at_s));
    session.query_unpaged(insert, values).await.expect("planted");
}

async fn put(store: &ScyllaStore, id: &str) {
    let key = DocumentKey {
        kind: "plan".into(),
        org: "".into(),
        id: id.into(),
    };
    assert_eq!(
        store.put_document(&key, None, Some("{}")).await,
        Ok(Changed::Applied(1))
    );
}

async fn places(store: &ScyllaStore, after: u64, max: usize) -> Vec<u64> {
    let changes: Vec<Change> = store.changes(Cursor(after), max).await.expect("readable");
    changes.into_iter().map(|change| change.cursor.0).collect()
}

#[tokio::test]
async fn buckets_follow_each_other_and_old_ones_go() {
    let keyspace = stores::own_keyspace();
    let url = stores::url(cassandra::shared(), &keyspace, PATIENT);
    let store = stores::connected(&url).await;
    let session = stores::session(cassandra::shared()).await;
    assert!(places(&store, 0, 10).await.is_empty());
    put(&store, "first").await;
    assert_eq!(places(&store, 0, 10).await, [1]);

    // Ten thousand changes later, of which the last was the day before yesterday. Another server writes now.
    let lately = now_s() - 2 * 24 * 3_600;
    for place in [BUCKET - 2, BUCKET - 1] {
        plant(&session, &keyspace, place, lately).await;
    }
    let store = stores::connected(&url).await;
    put(&store, "second").await;
    put(&store, "third").await;
    let expected = [BUCKET - 2, BUCKET - 1, BUCKET, BUCKET + 1];
    assert_eq!(
        places(&store, BUCKET - 3, 10).await,
        expected,
        "from one bucket into the next"
    );
    assert_eq!(places(&store, BUCKET - 3, 2).await, expected[..2]);
    assert_eq!(places(&store, BUCKET - 1, 10).await, expected[2..]);
    assert_eq!(places(&store, BUCKET, 10).await, expected[3..]);
    assert!(places(&store, BUCKET + 1, 10).await.is_empty());
    assert!(places(&store, u64::MAX, 10).await.is_empty());

    // Again ten thousand later: those of the first bucket are now older than entries are kept.
    let age = format!("UPDATE {keyspace}.change_feed SET at_s = ? WHERE bucket = 0 AND place = ? IF EXISTS");
    let long_ago = i64::try_from(now_s() - FEED_KEPT_S - 2 * 24 * 3_600).expect("small");
    let last = i64::try_from(BUCKET - 1).expect("small");
    session.query_unpaged(age, (long_ago, last)).await.expect("aged");
    for place in [2 * BUCKET - 2, 2 * BUCKET - 1] {
        plant(&session, &keyspace, place, lately).await;
    }
    let store = stores::connected(&url).await;
    put(&store, "fourth").await;
    let expected = [BUCKET, BUCKET + 1, 2 * BUCKET - 2, 2 * BUCKET - 1, 2 * BUCKET];
    assert_eq!(
        places(&store, 0, 10).await,
        expected,
        "from the beginning of what is left"
    );
    assert_eq!(
        places(&store, BUCKET - 2, 10).await,
        expected,
        "away until its bucket was gone"
    );
    assert_eq!(places(&store, 2 * BUCKET - 2, 10).await, expected[3..]);

    // Whoever knows nothing goes on behind the last.
    let store = stores::connected(&url).await;
    put(&store, "fifth").await;
    assert_eq!(places(&store, 2 * BUCKET, 10).await, [2 * BUCKET + 1]);
    session
        .query_unpaged(format!("DROP KEYSPACE {keyspace}"), ())
        .await
        .expect("dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_once_share_the_places_and_a_reader_sees_each_once() {
    const WRITERS: u64 = 4;
    const CHANGES: u64 = 10;
    let keyspace = stores::own_keyspace();
    let url = stores::url(cassandra::shared(), &keyspace, PATIENT);
    let reader = stores::connected(&url).await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = stores::connected(&url).await;
        writers.push(tokio::spawn(async move {
            for change in 0..CHANGES {
                let key = DocumentKey {
                    kind: "plan".into(),
                    org: "".into(),
                    id: format!("{writer}-{change}").into(),
                };
                // Rivals for a place may be so many that one has to ask again.
                let until = tokio::time::Instant::now() + stores::DEADLINE;
                loop {
                    match store.put_document(&key, None, Some("{}")).await {
                        Ok(Changed::Applied(1) | Changed::Conflict(Some(1))) => break,
                        Ok(other) => panic!("{other:?}"),
                        Err(error) => assert!(tokio::time::Instant::now() < until, "{error}"),
                    }
                }
            }
        }));
    }
    // Read while they write: whatever was seen, nothing may appear before it.
    let mut seen: Vec<Change> = Vec::new();
    let mut at = 0;
    let until = tokio::time::Instant::now() + stores::DEADLINE;
    let ids = |seen: &[Change]| {
        seen.iter()
            .map(|change| change.key.id.clone())
            .collect::<std::collections::BTreeSet<_>>()
    };
    while ids(&seen).len() < usize::try_from(WRITERS * CHANGES).expect("small") {
        assert!(tokio::time::Instant::now() < until, "changes are missing: {seen:?}");
        let more = reader.changes(Cursor(at), 7).await.expect("readable");
        assert!(more.len() <= 7);
        for change in &more {
            assert_eq!(change.cursor.0, at + 1, "a place was skipped");
            at = change.cursor.0;
        }
        seen.extend(more);
    }
    for writer in writers {
        writer.await.expect("all are written");
    }
    let session = stores::session(cassandra::shared()).await;
    session
        .query_unpaged(format!("DROP KEYSPACE {keyspace}"), ())
        .await
        .expect("dropped");
}
