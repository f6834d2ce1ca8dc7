//! The store on ScyllaDB, and on Apache Cassandra: schema, migrations, statements.
//!
//! What must never be wrong is said by conditional statements on one row, sent once each; everything else is plain reads
//! and writes that may be sent again. `outcome` says what a failure means, `schema` how tables come to be, and the module
//! of each trait what its tables hold. Which settings a database wants is in `docs/scylla.md`, why tables are as they are
//! in `docs/adr/0017-schema-on-scylladb.md`.

mod audit;
mod bucket;
mod cas;
pub mod config;
mod connect;
mod database;
mod documents;
pub mod error;
mod feed;
mod grants;
mod locks;
mod merge;
mod number;
mod outcome;
mod pools;
mod retry;
mod schema;
mod snapshots;
mod stamps;
mod tls;
mod usage;

use std::sync::Arc;

use quorate_store::{Operations, Store};

pub use config::{ConfigError, Credentials, ScyllaConfig, Tls};
pub use error::ConnectError;

use database::Database;

/// The store on ScyllaDB or Cassandra: one session, shared by all who use it.
pub struct ScyllaStore {
    database: Database,
    description: String,
    grants: grants::Statements,
    documents: documents::Statements,
    feed: feed::Feed,
    usage: usage::Statements,
    audit: audit::Statements,
    pools: pools::Statements,
    snapshots: snapshots::Statements,
    locks: locks::Statements,
}

impl ScyllaStore {
    /// Connects, makes or changes the schema if it has to be, and prepares every statement.
    ///
    /// # Errors
    /// What is wrong with the configuration, who does not answer or refuses, what of the schema could not be done.
    pub async fn connect(config: &ScyllaConfig) -> Result<Self, ConnectError> {
        config.check()?;
        let stamps = Arc::default();
        let session = connect::open(config, Arc::clone(&stamps)).await?;
        schema::prepare(&session, config).await?;
        let database = Database::new(session, config, stamps);
        Ok(Self {
            description: config.describe(),
            grants: grants::Statements::prepare(&database).await?,
            documents: documents::Statements::prepare(&database).await?,
            feed: feed::Feed::prepare(&database).await?,
            usage: usage::Statements::prepare(&database).await?,
            audit: audit::Statements::prepare(&database).await?,
            pools: pools::Statements::prepare(&database).await?,
            snapshots: snapshots::Statements::prepare(&database).await?,
            locks: locks::Statements::prepare(&database).await?,
            database,
        })
    }
}

impl Store for ScyllaStore {
    fn describe(&self) -> String {
        self.description.clone()
    }

    fn operations(&self) -> Operations {
        self.database.operations()
    }
}
