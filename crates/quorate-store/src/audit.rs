//! The audit log: append only, one chain of hashes per writer. An engine keeps records and judges nothing; [`verify()`]
//! says whether the chains hold.

mod verify;

use std::sync::Arc;

use quorate_core::grant::HolderId;

pub use verify::{FINDINGS_MAX, Finding, Report, Verifier, verify, verify_store};

use crate::StoreError;

/// The most bytes of a record's body.
pub const AUDIT_BODY_BYTES_MAX: usize = 64 * 1_024;

/// Names a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditPlace {
    /// Who wrote it.
    pub writer: HolderId,
    /// Its place in the writer's chain.
    pub sequence: u64,
}

/// What a record is to the others. A change of what the store holds is recorded twice: the intent before it, the
/// outcome after. An intent without an outcome is a change of which nobody recorded whether it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// Something that happened; nothing is to follow.
    Event,
    /// A change that is about to be tried.
    Intent,
    /// What came of an intent, which may be another writer's: one that did not live to record it.
    Outcome(AuditPlace),
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Who wrote it: one life of one process.
    pub writer: HolderId,
    /// Its place in the writer's chain, from 1.
    pub sequence: u64,
    /// When, in nanoseconds since the Unix epoch, by the writer's clock.
    pub at_ns: u64,
    /// What it is to the others.
    pub kind: AuditKind,
    /// What it says: JSON.
    pub body: Arc<str>,
    /// [`AuditRecord::chained`] says over what.
    pub hash: [u8; 32],
}

impl AuditRecord {
    /// Makes the record that follows one whose hash is `before` (32 zero bytes before the first).
    ///
    /// The hash is BLAKE3 over `before`, the writer (16 bytes), the sequence and the time (8 bytes each), the kind (1
    /// byte: 0, 1, 2), the writer and sequence of the intent (zero unless an outcome's), all big-endian, and the body.
    /// Everything before the body has one length, so no two records have the same bytes.
    #[must_use]
    pub fn chained(before: &[u8; 32], place: AuditPlace, at_ns: u64, kind: AuditKind, body: Arc<str>) -> Self {
        let mut record = Self {
            writer: place.writer,
            sequence: place.sequence,
            at_ns,
            kind,
            body,
            hash: [0; 32],
        };
        record.hash = record.hash_after(before);
        record
    }

    /// What the hash of this record must be after one whose hash is `before`.
    #[must_use]
    pub fn hash_after(&self, before: &[u8; 32]) -> [u8; 32] {
        let (kind, of) = self.kind.to_parts();
        let mut hasher = blake3::Hasher::new();
        hasher.update(before);
        hasher.update(&self.writer.0.to_be_bytes());
        hasher.update(&self.sequence.to_be_bytes());
        hasher.update(&self.at_ns.to_be_bytes());
        hasher.update(&[kind]);
        hasher.update(&of.writer.0.to_be_bytes());
        hasher.update(&of.sequence.to_be_bytes());
        hasher.update(self.body.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// Its place.
    #[must_use]
    pub const fn place(&self) -> AuditPlace {
        AuditPlace {
            writer: self.writer,
            sequence: self.sequence,
        }
    }
}

impl AuditKind {
    /// As engines keep it and the hash covers it: a number, and the place of the intent, all zero unless an outcome's.
    #[must_use]
    pub const fn to_parts(self) -> (u8, AuditPlace) {
        let nowhere = AuditPlace {
            writer: HolderId(0),
            sequence: 0,
        };
        match self {
            Self::Event => (0, nowhere),
            Self::Intent => (1, nowhere),
            Self::Outcome(of) => (2, of),
        }
    }

    /// The inverse; `None` for a number that no version known here wrote.
    #[must_use]
    pub const fn from_parts(kind: u8, of: AuditPlace) -> Option<Self> {
        match kind {
            0 => Some(Self::Event),
            1 => Some(Self::Intent),
            2 => Some(Self::Outcome(of)),
            _ => None,
        }
    }
}

/// The audit log.
#[async_trait::async_trait]
pub trait Audit: Send + Sync {
    /// Appends a record. The same record again changes nothing; another one in its place is refused. The
    /// chain is not checked here.
    ///
    /// # Errors
    /// The store is away; [`StoreError::Exists`]; or [`StoreError::Refused`] beyond a bound.
    async fn append_audit(&self, record: &AuditRecord) -> Result<(), StoreError>;

    /// The writers of whom there are records, in no particular order.
    ///
    /// # Errors
    /// The store is away.
    async fn audit_writers(&self) -> Result<Vec<HolderId>, StoreError>;

    /// A writer's records in order, after the sequence `after`: at most `max`; an empty page is the end.
    ///
    /// # Errors
    /// The store is away.
    async fn audit(&self, writer: HolderId, after: u64, max: usize) -> Result<Vec<AuditRecord>, StoreError>;
}
