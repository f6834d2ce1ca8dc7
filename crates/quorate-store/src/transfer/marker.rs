//! The mark that an import leaves in its target while it runs. A store that holds some of a deployment's quotas and not
//! others would grant units twice, so nobody is to serve from it.

use crate::document::{Changed, DocumentKey};
use crate::{Store, StoreError};

/// The kind of the one document that is no part of a deployment.
pub(super) const MARKER_KIND: &str = "import";

/// Whether an import into this store was begun and not finished. A server must not start on such a store.
///
/// # Errors
/// The store is away.
pub async fn unfinished(store: &dyn Store) -> Result<bool, StoreError> {
    let marker = store.document(&key()).await?;
    Ok(marker.is_some_and(|document| document.body.is_some()))
}

pub(super) async fn set(store: &dyn Store) -> Result<(), StoreError> {
    change(store, Some("{\"begun\": true}")).await
}

pub(super) async fn clear(store: &dyn Store) -> Result<(), StoreError> {
    change(store, None).await
}

async fn change(store: &dyn Store, body: Option<&str>) -> Result<(), StoreError> {
    let found = store.document(&key()).await?;
    let expected = found.map(|document| document.version);
    match store.put_document(&key(), expected, body).await? {
        Changed::Applied(_) => Ok(()),
        Changed::Conflict(_) => Err(StoreError::Exists("another import into this store".to_owned())),
    }
}

fn key() -> DocumentKey {
    DocumentKey {
        kind: MARKER_KIND.into(),
        org: "".into(),
        id: "state".into(),
    }
}
