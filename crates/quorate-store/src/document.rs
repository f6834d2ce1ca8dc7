//! Versioned documents (plans, keys, boosts, bans) with optimistic concurrency, and the feed of their changes.

use std::sync::Arc;

use crate::StoreError;

/// The most bytes of one document.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Names a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    /// What it is: `plan`, `key`, `boost`.
    pub kind: Arc<str>,
    /// Whose it is; empty for the deployment's.
    pub org: Arc<str>,
    /// Its name among those.
    pub id: Arc<str>,
}

/// A document, or the tombstone of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// 1 when made; one more with every change, deletion included.
    pub version: u64,
    /// Its content; `None` when it was deleted. Deleted ids leave tombstones.
    pub body: Option<Arc<str>>,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It applied; the document's version now.
    Applied(u64),
    /// The document is not at the expected version, and nothing changed. Its version; `None` when there is none.
    Conflict(Option<u64>),
}

/// A place in the feed: what comes after it is new. 0 is before the first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// One entry of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place.
    pub cursor: Cursor,
    /// What changed.
    pub key: DocumentKey,
    /// The version that this change makes. A reader that finds an older one reads again later: an entry is written
    /// before its change, so that no change lacks one.
    pub version: u64,
}

/// Documents.
#[async_trait::async_trait]
pub trait Documents: Send + Sync {
    /// Reads one.
    ///
    /// # Errors
    /// The store is away.
    async fn document(&self, key: &DocumentKey) -> Result<Option<Document>, StoreError>;

    /// Writes one, or deletes it (`body: None`), if its version is `expected`; `None` expects that there was never one.
    /// After an error nobody knows whether it applied: the same call again says [`Changed::Conflict`] with the version
    /// that it would have made if it did.
    ///
    /// # Errors
    /// The store is away; the body is over [`DOCUMENT_BYTES_MAX`].
    async fn put_document(
        &self,
        key: &DocumentKey,
        expected: Option<u64>,
        body: Option<&str>,
    ) -> Result<Changed, StoreError>;

    /// Documents of a kind in order of org and id, after `after`, tombstones included: at most `max`.
    ///
    /// # Errors
    /// The store is away.
    async fn documents(
        &self,
        kind: &str,
        after: Option<&DocumentKey>,
        max: usize,
    ) -> Result<Vec<(DocumentKey, Document)>, StoreError>;

    /// Entries of the feed after `after`, oldest first: at most `max`.
    ///
    /// # Errors
    /// The store is away.
    async fn changes(&self, after: Cursor, max: usize) -> Result<Vec<Change>, StoreError>;
}
