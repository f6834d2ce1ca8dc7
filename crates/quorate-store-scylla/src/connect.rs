//! Opens a session: who is asked, how, and what it turns out to be.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError, TranslationError};
use scylla::policies::address_translator::{AddressTranslator, UntranslatedPeer};

use crate::config::ScyllaConfig;
use crate::database;
use crate::error::{self, ConnectError};
use crate::stamps::Stamps;
use crate::tls;

/// What a database is, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Apache Cassandra, or what behaves like it.
    Cassandra,
    /// ScyllaDB, with what its nodes say that they all can do.
    Scylla {
        /// Names of features.
        features: Vec<String>,
    },
}

impl Kind {
    /// What has to be said when a keyspace is made. Tablets, which new keyspaces of ScyllaDB have, knew no conditional
    /// changes before 2025.4.
    pub fn keyspace_options(&self) -> &'static str {
        let has = |features: &[String], name: &str| features.iter().any(|feature| feature == name);
        match self {
            Self::Scylla { features } if has(features, "TABLETS") && !has(features, "LWT_WITH_TABLETS") => {
                " AND tablets = {'enabled': false}"
            }
            Self::Scylla { .. } | Self::Cassandra => "",
        }
    }
}

/// Opens a session.
pub(crate) async fn open(config: &ScyllaConfig, stamps: Arc<Stamps>) -> Result<Session, ConnectError> {
    let mut builder = SessionBuilder::new()
        .known_nodes(&config.nodes)
        .default_execution_profile_handle(database::profile(config))
        .connection_timeout(config.connect_timeout)
        .tcp_nodelay(true)
        .timestamp_generator(stamps)
        .keyspaces_to_fetch([config.keyspace.as_str()])
        // Awaited where the schema is changed, after each statement.
        .auto_await_schema_agreement(false);
    if let Some(credentials) = &config.credentials {
        builder = builder.user(&credentials.user, &credentials.password);
    }
    if let Some(settings) = &config.tls {
        builder = builder.tls_context(Some(tls::client(settings)?));
    }
    if !config.reach.is_empty() {
        builder = builder.address_translator(Arc::new(Reach(config.reach.clone())));
    }
    let session = builder.build().await.map_err(|error| {
        let user = config.credentials.as_ref().map(|credentials| credentials.user.as_str());
        error::new_session(&error, config.nodes.join(", "), user)
    })?;
    check_datacenters(&session, config.datacenter.iter())?;
    Ok(session)
}

/// How many nodes each datacenter has.
pub(crate) fn datacenters(session: &Session) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in session.get_cluster_state().get_nodes_info() {
        if let Some(name) = &node.datacenter {
            *counts.entry(name.clone()).or_insert(0) += 1;
        }
    }
    counts
}

/// A name that no node knows would leave every request without anybody to ask, with an error that does not say why.
pub(crate) fn check_datacenters<'a>(
    session: &Session,
    mut named: impl Iterator<Item = &'a String>,
) -> Result<(), ConnectError> {
    let known = datacenters(session);
    match named.find(|name| !known.contains_key(*name)) {
        None => Ok(()),
        Some(wanted) => Err(ConnectError::Datacenter {
            wanted: wanted.clone(),
            known: known.into_keys().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Finds out what it is. A column that only ScyllaDB has tells.
pub(crate) async fn probe(session: &Session) -> Result<Kind, ConnectError> {
    let query = "SELECT supported_features FROM system.local WHERE key = 'local'";
    let result = match session.query_unpaged(query, ()).await {
        Ok(result) => result,
        Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::Invalid | DbError::SyntaxError,
            _,
        ))) => return Ok(Kind::Cassandra),
        Err(error) => return Err(error::schema("asking what the database is")(error)),
    };
    let rows = result.into_rows_result().ok();
    let row: Option<(Option<String>,)> = rows.and_then(|rows| rows.maybe_first_row().ok().flatten());
    let list = row.and_then(|(list,)| list).unwrap_or_default();
    let features = list.split(',').map(|name| name.trim().to_owned()).collect();
    Ok(Kind::Scylla { features })
}

/// Reaches nodes at other addresses than they announce, and those that are not listed where they are.
struct Reach(BTreeMap<SocketAddr, SocketAddr>);

#[async_trait::async_trait]
impl AddressTranslator for Reach {
    async fn translate_address(&self, peer: &UntranslatedPeer) -> Result<SocketAddr, TranslationError> {
        let announced = peer.untranslated_address();
        Ok(self.0.get(&announced).copied().unwrap_or(announced))
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    fn scylla(features: &[&str]) -> Kind {
        Kind::Scylla {
            features: features.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn tablets_are_off_where_they_know_no_conditional_changes() {
        let off = " AND tablets = {'enabled': false}";
        assert_eq!(scylla(&["CDC", "TABLETS"]).keyspace_options(), off);
        assert_eq!(scylla(&["TABLETS", "LWT_WITH_TABLETS"]).keyspace_options(), "");
        assert_eq!(scylla(&["CDC"]).keyspace_options(), "");
        assert_eq!(Kind::Cassandra.keyspace_options(), "");
    }
}
