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

/// For how long an entry of the feed is kept at least, in seconds: a week. A reader that has been away for longer starts
/// anew.
pub const FEED_KEPT_S: u64 = 7 * 24 * 3_600;

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
///
/// A reader that keeps a copy starts with the feed from 0 to its end, reads all documents, and then follows the feed; a
/// document that it found older than an entry says is read again until it is not, or a minute has passed: then the
/// change was not made.
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
    /// The store is away; or [`StoreError::Refused`] for a body over [`DOCUMENT_BYTES_MAX`] or a name over
    /// [`crate::bound::NAME_BYTES_MAX`].
    async fn put_document(
        &self,
        key: &DocumentKey,
        expected: Option<u64>,
        body: Option<&str>,
    ) -> Result<Changed, StoreError>;

    /// Documents of a kind in order of org and id, by their bytes, after `after`, tombstones included: at most `max`. An
    /// empty page is the end; a page may be shorter than `max` before it.
    ///
    /// # Errors
    /// The store is away.
    async fn documents(
        &self,
        kind: &str,
        after: Option<&DocumentKey>,
        max: usize,
    ) -> Result<Vec<(DocumentKey, Document)>, StoreError>;

    /// The kinds of which there are documents or tombstones, in no particular order.
    ///
    /// # Errors
    /// The store is away.
    async fn document_kinds(&self) -> Result<Vec<Arc<str>>, StoreError>;

    /// Writes a document or a tombstone as it is, version included: for imports into an empty store. Refuses to
    /// overwrite another one; the same again changes nothing. It enters the feed like any change.
    ///
    /// # Errors
    /// The store is away; [`StoreError::Exists`]; or [`StoreError::Refused`] beyond a bound.
    async fn import_document(&self, key: &DocumentKey, document: &Document) -> Result<(), StoreError>;

    /// Entries of the feed after `after`, oldest first: at most `max`. A page may be shorter; an empty one says that this
    /// is the end for now. Nothing appears later at a place before one that was returned. Entries that a later one of the
    /// same document makes needless may be missing, and those older than [`FEED_KEPT_S`].
    ///
    /// # Errors
    /// The store is away.
    async fn changes(&self, after: Cursor, max: usize) -> Result<Vec<Change>, StoreError>;
}
