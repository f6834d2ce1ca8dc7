//! Stores on real databases: in the keyspace that tests share, or in one of their own.
//!
//! A store belongs to the runtime it was made on, so every test makes its own. A keyspace is three seconds of Cassandra's
//! time; whoever does not look at the schema takes the shared one and names of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quorate_core::grant::{Account, Grant, GrantKey, GrantOperation, GrantOutcome};
use quorate_store::Grants as _;
use quorate_store_scylla::{ConnectError, ScyllaConfig, ScyllaStore};

use crate::cassandra;

/// For a machine that is loaded, or stands still for a while: nothing that works takes so long, and nothing that fails
/// waits for it.
pub const PATIENT: &str = "&request_timeout=4m&connect_timeout=4m&migration_timeout=5m";
/// As short as it may be: for requests whose answer is lost.
pub const HASTY: &str = "&request_timeout=3s&connect_timeout=4m&migration_timeout=5m";
/// How long to wait for what must happen.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// The keyspace that tests share.
pub fn shared_keyspace() -> String {
    // The process is in the name, so that a second run on the same node finds nothing of the first.
    format!("shared_{}", std::process::id())
}

/// A name for a keyspace that nobody else has.
pub fn own_keyspace() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("own_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The address of a store.
pub fn url(node: SocketAddr, keyspace: &str, settings: &str) -> String {
    let copies = if node == cassandra::shared() {
        cassandra::replication()
    } else {
        1
    };
    url_with_copies(node, keyspace, copies.into(), settings)
}

/// The address of a store whose keyspace has so many copies.
pub fn url_with_copies(node: SocketAddr, keyspace: &str, copies: usize, settings: &str) -> String {
    format!("scylla://{node}/{keyspace}?replication=datacenter1:{copies}{settings}")
}

/// A store at an address.
pub async fn connect(url: &str) -> Result<ScyllaStore, ConnectError> {
    ScyllaStore::connect(&ScyllaConfig::parse(url)?).await
}

/// A store at an address that is right. Tried until it is there: that is what a server does too.
pub async fn connected(url: &str) -> ScyllaStore {
    let until = tokio::time::Instant::now() + DEADLINE;
    loop {
        match connect(url).await {
            Ok(store) => return store,
            Err(error) => assert!(tokio::time::Instant::now() < until, "{url}: {error}"),
        }
        pause().await;
    }
}

/// A store in the shared keyspace.
pub async fn shared() -> ScyllaStore {
    connected(&url(cassandra::shared(), &shared_keyspace(), PATIENT)).await
}

/// A session of the driver, to look behind the store's back.
pub async fn session(node: SocketAddr) -> scylla::client::session::Session {
    scylla::client::session_builder::SessionBuilder::new()
        .known_node_addr(node)
        .connection_timeout(DEADLINE)
        .build()
        .await
        .expect("the node takes us in")
}

/// A row that nobody else uses.
pub fn row_of(test: &str) -> GrantKey {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    GrantKey {
        org: format!(
            "{test}-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        )
        .into(),
        quota: "monthly".into(),
        account: Account::Org,
        period: "month/2026-11-01".into(),
    }
}

/// A row as it is, by a store that nobody disturbs. Tried until it answers.
pub async fn row(store: &ScyllaStore, key: &GrantKey) -> Grant {
    let until = tokio::time::Instant::now() + DEADLINE;
    loop {
        match store.grant(key, GrantOperation::Read).await {
            GrantOutcome::Row(Some(row)) => return row,
            GrantOutcome::Row(None) => panic!("the row is gone"),
            outcome => assert!(tokio::time::Instant::now() < until, "no answer to a read: {outcome:?}"),
        }
        pause().await;
    }
}

/// The pause between attempts of what another process has to make possible.
pub async fn pause() {
    // tidy: allow sleep because it is the pause between polls of another process
    tokio::time::sleep(Duration::from_millis(50)).await;
}
