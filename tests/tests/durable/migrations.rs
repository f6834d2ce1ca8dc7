//! The schema comes to be whoever starts, how often, with whom at once, and after whatever death in the middle.

use quorate_store::document::{Changed, DocumentKey, Documents as _};
use quorate_store_scylla::{ConnectError, ScyllaStore};
use scylla::client::session::Session;

use crate::cassandra;
use crate::stores::{self, PATIENT};

fn address(keyspace: &str) -> String {
    stores::url(cassandra::shared(), keyspace, PATIENT)
}

/// It works: a document goes in and comes out.
async fn works(store: &ScyllaStore) {
    let key = DocumentKey {
        kind: "plan".into(),
        org: "".into(),
        id: "gold".into(),
    };
    let version = store
        .document(&key)
        .await
        .expect("readable")
        .map(|document| document.version);
    let changed = store.put_document(&key, version, Some("{}")).await.expect("writable");
    assert_eq!(changed, Changed::Applied(version.unwrap_or(0) + 1));
}

async fn run(session: &Session, statement: &str) {
    session.query_unpaged(statement, ()).await.expect(statement);
}

#[tokio::test]
async fn a_schema_that_is_there_is_left_alone() {
    let keyspace = stores::own_keyspace();
    let session = stores::session(cassandra::shared()).await;
    works(&stores::connected(&address(&keyspace)).await).await;
    works(&stores::connected(&address(&keyspace)).await).await;
    // Without a word on replication too, and by whoever may not make keyspaces.
    let url = format!("scylla://{}/{keyspace}?{}", cassandra::shared(), &PATIENT[1..]);
    works(&stores::connected(&url).await).await;
    let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let rows = session
        .query_unpaged(tables, (keyspace.as_str(),))
        .await
        .expect("readable");
    assert_eq!(rows.into_rows_result().expect("rows").rows_num(), 13);
    session.await_schema_agreement().await.expect("all nodes agree");
    run(&session, &format!("DROP KEYSPACE {keyspace}")).await;
}

#[tokio::test]
async fn several_servers_may_start_at_once() {
    let keyspace = stores::own_keyspace();
    let url = address(&keyspace);
    let (one, two, three) = tokio::join!(stores::connect(&url), stores::connect(&url), stores::connect(&url));
    for store in [one, two, three] {
        works(&store.expect("made by one of them")).await;
    }
    let session = stores::session(cassandra::shared()).await;
    let held = format!("SELECT name FROM {keyspace}.migration_lock");
    let rows = session.query_unpaged(held, ()).await.expect("readable");
    assert_eq!(
        rows.into_rows_result().expect("rows").rows_num(),
        0,
        "the lock is still held"
    );
    run(&session, &format!("DROP KEYSPACE {keyspace}")).await;
}

#[tokio::test]
async fn a_death_in_the_middle_is_made_good() {
    let keyspace = stores::own_keyspace();
    let session = stores::session(cassandra::shared()).await;
    works(&stores::connected(&address(&keyspace)).await).await;
    // As if the one who migrated had died before its last statement, with the lock in its hand.
    run(&session, &format!("DROP TABLE {keyspace}.server_lock")).await;
    run(&session, &format!("TRUNCATE {keyspace}.migration")).await;
    run(
        &session,
        &format!(
            "INSERT INTO {keyspace}.migration_lock (name, holder, held_by) \
             VALUES ('store', 11111111-1111-1111-1111-111111111111, 'the dead') IF NOT EXISTS USING TTL 3"
        ),
    )
    .await;
    let store = stores::connected(&address(&keyspace)).await;
    works(&store).await;
    let lock = quorate_store::lock::Locks::lock(&store, "windows", quorate_core::grant::HolderId(1), "me", 60).await;
    assert_eq!(lock, Ok(None), "the table is there again");
    run(&session, &format!("DROP KEYSPACE {keyspace}")).await;
}

#[tokio::test]
async fn who_waits_too_long_says_for_whom() {
    let keyspace = stores::own_keyspace();
    let session = stores::session(cassandra::shared()).await;
    foundation(&session, &keyspace).await;
    run(
        &session,
        &format!(
            "INSERT INTO {keyspace}.migration_lock (name, holder, held_by) \
             VALUES ('store', 11111111-1111-1111-1111-111111111111, 'process 42') IF NOT EXISTS USING TTL 3600"
        ),
    )
    .await;
    let hasty = stores::url(
        cassandra::shared(),
        &keyspace,
        "&migration_timeout=1s&request_timeout=60s&connect_timeout=60s",
    );
    let error = stores::connect(&hasty).await.err().expect("the lock is held");
    assert!(matches!(error, ConnectError::Migrating { .. }), "{error}");
    assert!(error.to_string().contains("process 42"), "{error}");
    run(&session, &format!("DROP KEYSPACE {keyspace}")).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let keyspace = stores::own_keyspace();
    let session = stores::session(cassandra::shared()).await;
    foundation(&session, &keyspace).await;
    run(
        &session,
        &format!("INSERT INTO {keyspace}.migration (component, version, name) VALUES ('store', 1000, 'later')"),
    )
    .await;
    let error = stores::connect(&address(&keyspace)).await.err().expect("newer");
    assert!(matches!(error, ConnectError::Newer { found: 1000, .. }), "{error}");
    run(&session, &format!("DROP KEYSPACE {keyspace}")).await;
}

/// What a first server makes before it takes the lock.
async fn foundation(session: &Session, keyspace: &str) {
    run(
        session,
        &format!(
            "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}}"
        ),
    )
    .await;
    for table in [
        "migration_lock (name text, holder uuid, held_by text, PRIMARY KEY ((name)))",
        "migration (component text, version int, name text, PRIMARY KEY ((component), version))",
    ] {
        run(session, &format!("CREATE TABLE {keyspace}.{table}")).await;
    }
}
