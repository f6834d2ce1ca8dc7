//! Which store the server keeps things in, and how it is opened: in a directory of its own, on a cluster, or nowhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quorate_store::embedded::{Embedded, OpenError, Stats};
use quorate_store::{Grants, Store, StoreError};
use thiserror::Error;

/// How long the embedded store may take to write what waits and close.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// A directory of this machine.
    Embedded(PathBuf),
    /// None: nothing outlives the process, and no quota can bind.
    Nowhere,
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
    /// Opens what was chosen; `None` for nowhere.
    ///
    /// # Errors
    /// [`OpenStoreError`] says what of it cannot be used.
    pub fn open(choice: &StoreChoice) -> Result<Option<Self>, OpenStoreError> {
        match choice {
            StoreChoice::Nowhere => Ok(None),
            StoreChoice::Embedded(directory) => Ok(Some(Self::embedded(directory)?)),
        }
    }

    fn embedded(directory: &Path) -> Result<Self, OpenError> {
        let embedded = Arc::new(Embedded::open(directory)?);
        Ok(Self {
            store: Arc::clone(&embedded) as Arc<dyn Store>,
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
        let store = Arc::clone(&self.store);
        store
    }

    /// What the embedded engine has done; `None` for another.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.embedded.as_ref().map(|embedded| embedded.stats())
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
