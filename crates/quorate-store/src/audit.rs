//! The audit log: append only, one chain of hashes per writer. The engine keeps records; what they mean, and whether a
//! chain holds, is said elsewhere.

use std::sync::Arc;

use quorate_core::grant::HolderId;

use crate::StoreError;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Who wrote it: one life of one process.
    pub writer: HolderId,
    /// Its place in the writer's chain, from 1.
    pub sequence: u64,
    /// When, in nanoseconds since the Unix epoch, by the writer's clock.
    pub at_ns: u64,
    /// What it says: JSON.
    pub body: Arc<str>,
    /// BLAKE3 over the hash before (32 zero bytes for the first), the writer, the sequence, the time and the body.
    pub hash: [u8; 32],
}

/// The audit log.
#[async_trait::async_trait]
pub trait Audit: Send + Sync {
    /// Appends a record. The same record again changes nothing; another one in its place is refused.
    ///
    /// # Errors
    /// The store is away; or [`StoreError::Exists`].
    async fn append_audit(&self, record: &AuditRecord) -> Result<(), StoreError>;

    /// The writers of whom there are records.
    ///
    /// # Errors
    /// The store is away.
    async fn audit_writers(&self) -> Result<Vec<HolderId>, StoreError>;

    /// A writer's records in order, after the sequence `after`: at most `max`.
    ///
    /// # Errors
    /// The store is away.
    async fn audit(&self, writer: HolderId, after: u64, max: usize) -> Result<Vec<AuditRecord>, StoreError>;
}
