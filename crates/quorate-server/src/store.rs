//! Which store the server keeps things in, and how it is opened: in a directory of its own, on a cluster, or nowhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quorate_store::embedded::{Embedded, OpenError, Stats};
use quorate_store::pool::Pools;
use quorate_store::{Grants, Operations, Store, StoreError};
use quorate_store_scylla::{ConfigError, ConnectError, ScyllaConfig, ScyllaStore};
use thiserror::Error;

/// How long the embedded store may take to write what waits and close.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// A directory of this machine.
    Embedded(PathBuf),
    /// A ScyllaDB or Cassandra cluster.
    Cluster(Address),
    /// None: nothing outlives the process, and no quota can bind.
    Nowhere,
}

/// Where a cluster is, as `scylla://…`: it may hold a password, and is never shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, without what may be a password.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        ScyllaConfig::parse(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

/// An address with its password struck out.
#[must_use]
pub fn without_password(address: &str) -> String {
    let credentials = address.split_once("://").and_then(|(scheme, rest)| {
        let (login, hosts) = rest.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{hosts}"))
    });
    credentials.unwrap_or_else(|| address.to_owned())
}

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum OpenStoreError {
    /// The directory.
    #[error("data_dir: {0}")]
    Embedded(#[from] OpenError),
    /// The policy declares quotas, and there is nothing to keep them in.
    #[error("the policy declares quotas, and `store: none` keeps nothing: name a store, or leave out the quotas")]
    QuotasNowhere,
    /// The cluster.
    #[error("store: {0}")]
    Cluster(#[from] ConnectError),
    /// Its address.
    #[error("store: {0}")]
    Address(#[from] ConfigError),
    /// It does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An open store.
#[derive(Clone)]
pub struct OpenStore {
    store: Arc<dyn Store>,
    embedded: Option<Arc<Embedded>>,
}

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenStore").field(&self.store.describe()).finish()
    }
}

impl OpenStore {
    /// Opens what was chosen, if that is a directory; a cluster is reached by [`OpenStore::connect`].
    ///
    /// # Errors
    /// [`OpenStoreError`] says what of it cannot be used.
    pub fn open(choice: &StoreChoice) -> Result<Option<Self>, OpenStoreError> {
        match choice {
            StoreChoice::Nowhere | StoreChoice::Cluster(_) => Ok(None),
            StoreChoice::Embedded(directory) => Ok(Some(Self::embedded(directory)?)),
        }
    }

    /// Connects to a cluster, and makes what it needs there.
    ///
    /// # Errors
    /// [`OpenStoreError`] says who does not answer, or what was refused.
    pub async fn connect(address: &Address) -> Result<Self, OpenStoreError> {
        let store = ScyllaStore::connect(&ScyllaConfig::parse(&address.0)?).await?;
        Ok(Self {
            store: Arc::new(store),
            embedded: None,
        })
    }

    /// Whether servers can share it.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.embedded.is_none()
    }

    fn embedded(directory: &Path) -> Result<Self, OpenError> {
        let embedded = Arc::new(Embedded::open(directory)?);
        let store: Arc<dyn Store> = embedded.clone();
        Ok(Self {
            store,
            embedded: Some(embedded),
        })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Its rows of quotas.
    pub(crate) fn grants(&self) -> Arc<dyn Grants> {
        self.store.clone()
    }

    /// Its levels of burst pools.
    pub(crate) fn pools(&self) -> Arc<dyn Pools> {
        self.store.clone()
    }

    /// What the embedded engine has done; `None` for another.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.embedded.as_ref().map(|embedded| embedded.stats())
    }

    /// How often it has asked its database.
    #[must_use]
    pub fn operations(&self) -> Operations {
        self.store.operations()
    }

    /// Closes it in good order: what was asked of it is written, and the directory is free for another process. Bounded:
    /// a disk that does not answer is left to the end of the process, which loses nothing that was answered.
    pub async fn close(&self) {
        let Some(embedded) = &self.embedded else {
            return;
        };
        match tokio::time::timeout(CLOSE_MAX, embedded.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the store did not close in order"),
            Err(_) => {
                tracing::error!("the store did not close in time: its disk does not answer");
                // Dropping the last of it would wait for the disk.
                std::mem::forget(Arc::clone(embedded));
            }
        }
    }
}
