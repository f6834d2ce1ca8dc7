//! Brings the keyspace to the schema that this version knows.
//!
//! Any number of servers may start at once, and any of them may die in the middle: migrations are numbered, run under a
//! lock row that ends by itself, and consist of statements that may run twice. After each statement all nodes that are
//! alive must agree on the schema. Every statement goes to one node, the one with the lowest id: Cassandra before 6 makes
//! two tables of one name when two coordinators create it at once, and before there is a table there is no lock.
//!
//! A server that finds the schema as it should be changes nothing, and needs no right to.

mod lock;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::Consistency;
use scylla::statement::unprepared::Statement;

use crate::config::ScyllaConfig;
use crate::connect::{self, Kind};
use crate::database;
use crate::error::{self, ConnectError};
use lock::Lock;
use tables::{FOUNDATION, MIGRATIONS, SCYLLA_EXTRAS};

/// A change of the schema waits for the slowest node.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Copies of the keyspace per datacenter that an error suggests at most.
const COPIES_SUGGESTED: usize = 3;

/// The newest version.
const LATEST: i32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// The schema of one keyspace, as this session sees it.
struct Schema<'a> {
    session: &'a Session,
    config: &'a ScyllaConfig,
    /// Sends everything to one node.
    through_one: ExecutionProfileHandle,
}

/// Makes or changes what has to be.
pub(crate) async fn prepare(session: &Session, config: &ScyllaConfig) -> Result<(), ConnectError> {
    let schema = Schema {
        session,
        config,
        through_one: through_one(session, config),
    };
    if schema.version().await? != Some(LATEST) {
        let kind = connect::probe(session).await?;
        schema.lay_foundation(&kind).await?;
        schema.migrate(&kind).await?;
    }
    let refreshed = session.refresh_metadata().await;
    refreshed.map_err(|error| ConnectError::Schema {
        what: "reading the schema".to_owned(),
        reason: error.to_string(),
    })
}

impl Schema<'_> {
    /// The version there is; `None` before the first.
    async fn version(&self) -> Result<Option<i32>, ConnectError> {
        if !self.exists("migration").await? {
            return Ok(None);
        }
        let mut read = self.statement("SELECT max(version) FROM $.migration WHERE component = 'store'");
        read.set_consistency(Consistency::LocalQuorum);
        let result = self.run("reading the version of the schema", read, ()).await?;
        let found = first::<(Option<i32>,)>(result)?.and_then(|(version,)| version);
        match found {
            Some(found) if found > LATEST => Err(ConnectError::Newer {
                keyspace: self.config.keyspace.clone(),
                found,
                known: LATEST,
            }),
            _ => Ok(found),
        }
    }

    async fn exists(&self, table: &str) -> Result<bool, ConnectError> {
        let read =
            self.statement("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?");
        let names = (self.config.keyspace.as_str(), table);
        let result = self.run("asking which tables there are", read, names).await?;
        Ok(first::<(String,)>(result)?.is_some())
    }

    /// The keyspace, and the tables that migrations need.
    async fn lay_foundation(&self, kind: &Kind) -> Result<(), ConnectError> {
        let read = self.statement("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?");
        let name = (self.config.keyspace.as_str(),);
        let result = self.run("asking which keyspaces there are", read, name).await?;
        if first::<(String,)>(result)?.is_none() {
            self.change(&self.keyspace(kind)?).await?;
        }
        for statement in FOUNDATION {
            self.change(statement).await?;
        }
        Ok(())
    }

    fn keyspace(&self, kind: &Kind) -> Result<String, ConnectError> {
        let replication = &self.config.replication;
        if replication.is_empty() {
            let known = connect::datacenters(self.session).into_iter();
            let example = known.map(|(name, nodes)| format!("{name}:{}", nodes.min(COPIES_SUGGESTED)));
            return Err(ConnectError::NoKeyspace {
                keyspace: self.config.keyspace.clone(),
                example: example.collect::<Vec<_>>().join(","),
            });
        }
        connect::check_datacenters(self.session, replication.keys())?;
        let copies = replication.iter().map(|(name, copies)| format!(", '{name}': {copies}"));
        Ok(format!(
            "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': 'NetworkTopologyStrategy'{}}}{}",
            self.config.keyspace,
            copies.collect::<String>(),
            kind.keyspace_options()
        ))
    }

    /// Runs, under the lock, what has not been run.
    async fn migrate(&self, kind: &Kind) -> Result<(), ConnectError> {
        let Some(lock) = Lock::take(self).await? else {
            // Somebody else did it meanwhile.
            return Ok(());
        };
        let done = self.migrate_under(&lock, kind).await;
        // It would end by itself; given back, the next server need not wait for that.
        let released = lock.release(self).await;
        done.and(released)
    }

    async fn migrate_under(&self, lock: &Lock, kind: &Kind) -> Result<(), ConnectError> {
        let before = self.version().await?.unwrap_or(0);
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > before) {
            tracing::info!(
                keyspace = self.config.keyspace,
                version = migration.version,
                name = migration.name,
                "changing the schema of the store"
            );
            for statement in migration.statements {
                lock.renew(self).await?;
                self.change(statement).await?;
            }
            let note = "INSERT INTO $.migration (component, version, name) VALUES ('store', ?, ?)";
            let what = format!("noting migration {}", migration.version);
            self.run(&what, self.statement(note), (migration.version, migration.name))
                .await?;
        }
        if matches!(kind, Kind::Scylla { .. }) {
            for statement in SCYLLA_EXTRAS {
                if let Err(error) = self.change(statement).await {
                    tracing::warn!(%error, statement, "a setting that only ScyllaDB has was refused");
                }
            }
        }
        Ok(())
    }

    /// Changes the schema and waits until all nodes agree.
    async fn change(&self, text: &str) -> Result<(), ConnectError> {
        let statement = self.statement(text);
        let what = statement
            .contents
            .split(['(', '{'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        self.run(&what, statement, ()).await?;
        let agreed = self.session.await_schema_agreement().await;
        agreed.map(drop).map_err(|error| ConnectError::Schema {
            what: format!("waiting until all nodes know of {what}"),
            reason: error.to_string(),
        })
    }

    fn statement(&self, text: &str) -> Statement {
        let mut statement = Statement::new(text.replace("$.", &format!("{}.", self.config.keyspace)));
        statement.set_execution_profile_handle(Some(self.through_one.clone()));
        statement.set_is_idempotent(true);
        statement
    }

    async fn run(
        &self,
        what: &str,
        statement: Statement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, ConnectError> {
        let result: Result<QueryResult, ExecutionError> = self.session.query_unpaged(statement, values).await;
        result.map_err(error::schema(what))
    }
}

/// Everything to the node with the lowest id, of those that this session reaches: the same for all servers that reach
/// all nodes.
fn through_one(session: &Session, config: &ScyllaConfig) -> ExecutionProfileHandle {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter().filter(|node| node.is_connected());
    match nodes.min_by_key(|node| node.host_id) {
        Some(node) => {
            let policy = SingleTargetLoadBalancingPolicy::new(NodeIdentifier::Node(Arc::clone(node)), None);
            database::profile_with(STATEMENT_TIMEOUT.max(config.request_timeout), policy)
        }
        None => database::profile(config),
    }
}

/// The first row of an answer that should have rows.
fn first<R>(result: QueryResult) -> Result<Option<R>, ConnectError>
where
    R: for<'frame> scylla::deserialize::row::DeserializeRow<'frame, 'frame>,
{
    let wrong = |reason: String| ConnectError::Schema {
        what: "reading an answer about the schema".to_owned(),
        reason,
    };
    let rows = result.into_rows_result().map_err(|error| wrong(error.to_string()))?;
    rows.maybe_first_row().map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests;
