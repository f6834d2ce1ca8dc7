//! How to reach the database: built in code, or read from a `scylla://` address. What is wrong with one is said without
//! showing it, since it holds a password.

mod address;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

/// Where CQL is served unless an address says otherwise.
pub const PORT: u16 = 9042;

/// The least that a client waits for an answer. A database that is too slow for its own limits says so after two seconds
/// (Cassandra) or one (ScyllaDB) per phase; a client that gives up before turns every such answer into "unknown".
pub const REQUEST_TIMEOUT_MIN: Duration = Duration::from_secs(3);

/// How long a server waits for another one that changes the schema, unless it is told otherwise. Longer than the lock of
/// one that died is held, so that nobody has to start a server twice.
pub const MIGRATION_TIMEOUT: Duration = Duration::from_secs(240);

/// Longest name of a keyspace, a rule of the database.
const KEYSPACE_BYTES_MAX: usize = 48;

/// How to reach the database.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScyllaConfig {
    /// Nodes to begin with, `host:port`; the others are learnt from them.
    pub nodes: Vec<String>,
    /// The keyspace; made when it does not exist.
    pub keyspace: String,
    /// Copies in each datacenter: needed only to make the keyspace.
    pub replication: BTreeMap<String, NonZeroU16>,
    /// The datacenter whose nodes are asked: none of another one ever is. Without it all are alike.
    pub datacenter: Option<String>,
    /// Who to log in as.
    pub credentials: Option<Credentials>,
    /// Encryption; none without it.
    pub tls: Option<Tls>,
    /// How long one request may take. At least [`REQUEST_TIMEOUT_MIN`].
    pub request_timeout: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long to wait for another server that changes the schema.
    pub migration_timeout: Duration,
    /// Conditional changes and serial reads under way at once; more wait. Keeps a storm of leases from becoming one of
    /// Paxos rounds that all time out.
    pub in_flight_max: usize,
    /// Where nodes are reached whose announced address is not reachable from here: announced, then reached.
    pub reach: BTreeMap<SocketAddr, SocketAddr>,
}

/// A user and a password.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password. Shown nowhere.
    pub password: String,
}

/// How connections are encrypted.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file of the authorities that nodes' certificates must come from.
    pub authorities: PathBuf,
    /// PEM files of a certificate and its key to show to nodes that ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The name that every node's certificate must have. Without it, each must have the node's IP address.
    pub server_name: Option<String>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store's address: {0}")]
pub struct ConfigError(pub(crate) String);

impl ScyllaConfig {
    /// With defaults: no login, no encryption, 5 seconds for a request.
    ///
    /// # Errors
    /// No node, or a keyspace that cannot be a keyspace's name.
    pub fn new(nodes: Vec<String>, keyspace: &str) -> Result<Self, ConfigError> {
        let config = Self {
            nodes,
            keyspace: keyspace.to_owned(),
            replication: BTreeMap::new(),
            datacenter: None,
            credentials: None,
            tls: None,
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            migration_timeout: MIGRATION_TIMEOUT,
            in_flight_max: 256,
            reach: BTreeMap::new(),
        };
        config.check()?;
        Ok(config)
    }

    /// Reads `scylla://user:password@host:port,host:port/keyspace?setting=value&…`. `docs/scylla.md` lists the settings.
    ///
    /// # Errors
    /// The address is not of that form, or a setting is unknown, twice there, or wrong. The message holds nothing of what
    /// may be part of a password.
    pub fn parse(address: &str) -> Result<Self, ConfigError> {
        address::parse(address)
    }

    /// What every configuration must fulfil, however it was made.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let fail = |why: String| Err(ConfigError(why));
        if self.nodes.is_empty() {
            return fail("names no node".to_owned());
        }
        let letters = self.keyspace.bytes();
        // Lower case only: CQL folds what is not quoted, and two spellings of one name help nobody.
        let plain = letters
            .clone()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let begins = letters.clone().next().is_some_and(|b| b.is_ascii_lowercase());
        if !plain || !begins || self.keyspace.len() > KEYSPACE_BYTES_MAX {
            return fail(format!(
                "`{}` cannot name a keyspace: a small letter, then small letters, digits and `_`, at most \
                 {KEYSPACE_BYTES_MAX}",
                self.keyspace
            ));
        }
        if self
            .replication
            .keys()
            .any(|name| name.is_empty() || name.contains('\''))
        {
            return fail("a datacenter's name must not be empty nor hold a quote".to_owned());
        }
        if self.request_timeout < REQUEST_TIMEOUT_MIN {
            return fail(format!(
                "request_timeout must be at least {} s: a conditional change may take so long, and giving up earlier \
                 leaves its outcome unknown",
                REQUEST_TIMEOUT_MIN.as_secs()
            ));
        }
        if self.in_flight_max == 0 || self.connect_timeout.is_zero() {
            return fail("in_flight and connect_timeout must be more than 0".to_owned());
        }
        Ok(())
    }

    /// For a person, without credentials.
    pub(crate) fn describe(&self) -> String {
        format!("keyspace {} on {}", self.keyspace, self.nodes.join(", "))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
