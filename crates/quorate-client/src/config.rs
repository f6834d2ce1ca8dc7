//! How a client reaches its server and what it does when it cannot. Read whole before anything is connected; reads no
//! file and no environment.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use thiserror::Error;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::address::{Address, AddressError};
use crate::dial::Dial;
use crate::failure::FailPolicy;
use crate::gate::Gate;

/// Long enough for a decision across a network under load, short enough not to be felt in a request's own time.
const DEADLINE: Duration = Duration::from_millis(500);
/// The longest deadline: nobody waits longer for a decision, and instants that far from now always exist.
pub(crate) const DEADLINE_MAX: Duration = Duration::from_secs(60 * 60);
/// A TCP and TLS handshake across an ocean, with one lost packet.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A connection that died without a word is noticed after this and `PING_WITHIN` together.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long the answer to a ping may take.
const PING_WITHIN: Duration = Duration::from_secs(5);
/// Questions in flight on one stream: at 100,000 decisions a second, 40 ms of them.
const IN_FLIGHT_MAX: usize = 4_096;
/// More connections than the server has threads bring nothing; no server has more threads than this.
const CONNECTIONS_MAX: usize = 1_024;
/// The largest answer: a batch of 1,000 with every limit's status is about 2 MiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 << 20;
/// The largest batch that is sent: what a server takes that was told nothing else.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;

/// How a client reaches its server and what it does when it cannot.
#[derive(Clone)]
#[must_use = "a configuration does nothing until a client is made of it"]
pub struct Config {
    address: String,
    pub(crate) deadline: Duration,
    pub(crate) fail: FailPolicy,
    pub(crate) in_flight_max: usize,
    connect_within: Duration,
    connections: usize,
    token: Option<String>,
    tls: Option<Tls>,
}

/// TLS towards the server. By default the server is judged by the platform's own authorities.
#[derive(Clone, Default)]
#[must_use]
pub struct Tls {
    authority: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
}

/// What is wrong with a configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The certificates or the key cannot be used.
    #[error("the TLS configuration cannot be used: {0}")]
    Tls(#[source] tonic::transport::Error),
    /// The token has bytes that no header may carry.
    #[error("the bearer token has characters that a header cannot carry")]
    Token,
    /// A number that must not be 0, or is beyond reason.
    #[error("{0} must be between 1 and {1}")]
    Range(&'static str, usize),
    /// A client must be made within a tokio runtime.
    #[error("a client must be made within a tokio runtime")]
    Runtime,
}

impl Config {
    /// The server's address: `host:port`, `http://host:port`, `https://host:port` or `unix:/path`.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            deadline: DEADLINE,
            fail: FailPolicy::default(),
            in_flight_max: IN_FLIGHT_MAX,
            connect_within: CONNECT_WITHIN,
            connections: 1,
            token: None,
            tls: None,
        }
    }

    /// How long a call may take in all, connecting included. Default 500 ms; at most an hour, and what is longer is an
    /// hour.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// What to answer when no decision comes. Default: closed.
    pub const fn fail(mut self, policy: FailPolicy) -> Self {
        self.fail = policy;
        self
    }

    /// Lets through when no decision comes.
    pub const fn fail_open(self) -> Self {
        self.fail(FailPolicy::Open)
    }

    /// Denies when no decision comes; the default.
    pub const fn fail_closed(self) -> Self {
        self.fail(FailPolicy::Closed)
    }

    /// How long connecting may take. Default 2 s; a call whose own deadline is shorter does not wait for it.
    pub const fn connect_within(mut self, time: Duration) -> Self {
        self.connect_within = time;
        self
    }

    /// How many connections unary and batch calls take turns on. One connection is served by one thread of the server.
    /// Default 1.
    pub const fn connections(mut self, count: usize) -> Self {
        self.connections = count;
        self
    }

    /// The most questions in flight on one [`crate::Multiplexed`] stream; more wait, within their deadline.
    /// Default 4,096.
    pub const fn in_flight_max(mut self, count: usize) -> Self {
        self.in_flight_max = count;
        self
    }

    /// Shows who calls, by a token. Never send one over an unprotected network.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// TLS, or mTLS with an identity. An `https://` address has it anyway.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The channels of a client, not yet connected, each with its gate.
    pub(crate) fn channels(&self) -> Result<Vec<(Channel, Arc<Gate>)>, ConfigError> {
        if !(1..=CONNECTIONS_MAX).contains(&self.connections) {
            return Err(ConfigError::Range("connections", CONNECTIONS_MAX));
        }
        if !(1..=tokio::sync::Semaphore::MAX_PERMITS).contains(&self.in_flight_max) {
            return Err(ConfigError::Range("in_flight_max", tokio::sync::Semaphore::MAX_PERMITS));
        }
        let address = Address::parse(&self.address, self.tls.is_some())?;
        let endpoint = self.endpoint(address.uri)?;
        let channels = (0..self.connections).map(|_| {
            let gate = Arc::new(Gate::default());
            let dial = Dial {
                place: address.place.clone(),
                within: self.connect_within,
                gate: Arc::clone(&gate),
            };
            (endpoint.connect_with_connector_lazy(dial), gate)
        });
        Ok(channels.collect())
    }

    /// The value of the `authorization` field, if there is a token.
    pub(crate) fn authorization(&self) -> Result<Option<MetadataValue<Ascii>>, ConfigError> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(|_| ConfigError::Token)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn endpoint(&self, uri: Uri) -> Result<Endpoint, ConfigError> {
        let secure = uri.scheme_str() == Some("https");
        let endpoint = Endpoint::from(uri)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_WITHIN)
            .keep_alive_while_idle(true);
        if !secure {
            return Ok(endpoint);
        }
        let tls = self.tls.clone().unwrap_or_default();
        endpoint
            .tls_config(tls.into_transport(self.connect_within))
            .map_err(ConfigError::Tls)
    }
}

impl Tls {
    /// TLS that trusts the platform's own authorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts this authority (PEM, one certificate or more) and no other.
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// Shows who calls, by a certificate (mTLS): the chain and the private key, in PEM.
    pub fn identity(mut self, chain_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.identity = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// The name that the server's certificate must have. Default: the host of the address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    fn into_transport(self, within: Duration) -> ClientTlsConfig {
        // What a program links may bring more than one provider, and then rustls wants to be told which. One that was
        // chosen before stays.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
        let mut config = ClientTlsConfig::new().timeout(within);
        config = match self.authority {
            Some(pem) => config.ca_certificate(Certificate::from_pem(pem)),
            None => config.with_native_roots(),
        };
        if let Some((chain, key)) = self.identity {
            config = config.identity(Identity::from_pem(chain, key));
        }
        if let Some(name) = self.server_name {
            config = config.domain_name(name);
        }
        config
    }
}

/// Neither the token nor the private key is shown.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("deadline", &self.deadline)
            .field("fail", &self.fail)
            .field("connections", &self.connections)
            .field("in_flight_max", &self.in_flight_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
