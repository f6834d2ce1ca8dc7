//! Why a store could not be opened, and how the driver's errors become the store's.

use std::time::Duration;

use quorate_store::StoreError;
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError, MetadataError,
    NewSessionError, PrepareError, RequestAttemptError,
};

use crate::config::ConfigError;

/// Why a store could not be opened. Nothing has been changed but what a migration says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A certificate or key could not be read, or does not fit.
    #[error("TLS to the database: {what}: {reason}")]
    Tls {
        /// Which file or setting.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No node could be talked to.
    #[error("no database answers at {nodes}: {reason}")]
    Unreachable {
        /// Who was asked.
        nodes: String,
        /// What the last one answered.
        reason: String,
    },
    /// The database wants a user and a password, and none were given.
    #[error("the database at {nodes} wants a user and a password")]
    NoCredentials {
        /// Who was asked.
        nodes: String,
    },
    /// The database does not know this user with this password.
    #[error("the database at {nodes} refuses user `{user}` with this password")]
    Credentials {
        /// Who was asked.
        nodes: String,
        /// The user.
        user: String,
    },
    /// The datacenter that was named does not exist.
    #[error("the database has no datacenter `{wanted}`; it has {known}")]
    Datacenter {
        /// The name that was given.
        wanted: String,
        /// The names there are.
        known: String,
    },
    /// The keyspace does not exist, and how it is to be replicated was not said.
    #[error(
        "keyspace `{keyspace}` does not exist; to have it made, say how it is to be replicated: \
         replication=datacenter:copies, such as {example}"
    )]
    NoKeyspace {
        /// The keyspace.
        keyspace: String,
        /// What would fit the datacenters there are.
        example: String,
    },
    /// The schema was written by a later version.
    #[error("keyspace `{keyspace}` has schema {found}, which is newer than the {known} that this version knows")]
    Newer {
        /// The keyspace.
        keyspace: String,
        /// The version found.
        found: i32,
        /// The newest that is known here.
        known: i32,
    },
    /// Another server has been changing the schema for too long.
    #[error("{by} has been changing the schema of keyspace `{keyspace}` for more than {} s", waited.as_secs())]
    Migrating {
        /// The keyspace.
        keyspace: String,
        /// Who.
        by: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The schema could not be read or changed.
    #[error("{what}: {reason}")]
    Schema {
        /// What was tried.
        what: String,
        /// What the database said.
        reason: String,
    },
}

/// Says why no session came to be.
pub(crate) fn new_session(error: &NewSessionError, nodes: String, user: Option<&str>) -> ConnectError {
    if let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(ConnectionPoolError::Broken {
        last_connection_error: ConnectionError::ConnectionSetupRequestError(setup),
    })) = error
    {
        match setup.get_error() {
            ConnectionSetupRequestErrorKind::MissingAuthentication => return ConnectError::NoCredentials { nodes },
            ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, _) => {
                let user = user.unwrap_or_default().to_owned();
                return ConnectError::Credentials { nodes, user };
            }
            _ => {}
        }
    }
    ConnectError::Unreachable {
        nodes,
        reason: error.to_string(),
    }
}

/// A failed statement of the schema.
pub(crate) fn schema(what: impl Into<String>) -> impl FnOnce(ExecutionError) -> ConnectError {
    let what = what.into();
    move |error| ConnectError::Schema {
        what,
        reason: error.to_string(),
    }
}

/// A statement that the database did not take.
pub(crate) fn prepare(error: &PrepareError) -> ConnectError {
    ConnectError::Schema {
        what: "preparing a statement".to_owned(),
        reason: error.to_string(),
    }
}

/// A request that failed. Whether it took effect is not said: all of them may be sent again.
pub(crate) fn store(error: &ExecutionError) -> StoreError {
    StoreError::Unavailable(reason(error))
}

/// What a row does not hold although every version known here writes it.
pub(crate) fn corrupt(table: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("table {table}: {error}"))
}

/// The shortest that says it: the driver wraps what the database said in several layers.
fn reason(error: &ExecutionError) -> String {
    match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(kind, words)) if words.is_empty() => {
            kind.to_string()
        }
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(kind, words)) => format!("{kind}: {words}"),
        other => other.to_string(),
    }
}
