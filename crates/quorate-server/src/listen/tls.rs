//! TLS by rustls: certificates and client authorities from files, and replaced without a restart.
//!
//! Every new connection takes the configuration in force at that moment; connections that are open keep theirs.

mod files;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Where TLS finds its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and its chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The authorities that sign clients' certificates, PEM; `None` asks no client for one.
    pub client_authorities: Option<PathBuf>,
    /// Whether a client must show a certificate, where authorities are given.
    pub client_authentication: ClientAuthentication,
}

/// Whether a client must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// Without a certificate of a known authority there is no connection.
    #[default]
    Required,
    /// A certificate is checked when it is shown.
    Optional,
}

/// Why TLS cannot start, or keeps its old certificate.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has nothing of what is looked for.
    #[error("{} holds no {what} in PEM", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A file holds something that is broken.
    #[error("{} is malformed: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The certificate and the key do not work together.
    #[error("the certificate {} and the key {} do not work together: {source}", certificate.display(), key.display())]
    Pair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// What a door speaks within TLS, by ALPN, most wanted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2 only.
    Grpc,
    /// HTTP/2 and HTTP/1.1.
    Web,
}

/// The TLS of one door.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    protocols: Protocols,
    current: ArcSwap<Current>,
}

/// What was read from the files last.
#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// When the certificate is valid, in seconds since the Unix epoch.
    valid_unix_s: RangeInclusive<i64>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn load(files: TlsFiles, protocols: Protocols) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(files::read(&files, protocols)?);
        Ok(Self {
            files,
            protocols,
            current,
        })
    }

    /// Reads the files again. When anything is wrong with them, what was in force stays.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(files::read(&self.files, self.protocols)?));
        Ok(())
    }

    /// Whether the certificate in force has expired or is not valid yet. It is in force all the same: whether callers
    /// look is their business.
    #[must_use]
    pub fn is_out_of_date(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_unix_s = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        !self.current.load().valid_unix_s.contains(&now_unix_s)
    }

    /// The files that it was read from.
    #[must_use]
    pub const fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// What takes in the next connection.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }
}

impl Protocols {
    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Grpc => vec![b"h2".to_vec()],
            Self::Web => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}

/// The cryptography of every TLS connection of this process.
pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests;
