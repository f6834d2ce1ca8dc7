//! What quorate keeps for longer than a process lives: the [`Store`] trait, its embedded engine, and the suite that
//! every engine passes.
//!
//! No decision waits for a store. What must be durable moves in chunks (quotas, pools), is written behind (usage, window
//! snapshots, audit), or is read through a cache that follows the change feed (documents). What is done with all this is
//! the node's business; how a quota's row is leased from is `quorate-quota`'s.

pub mod audit;
pub mod bound;
pub mod code;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod document;
pub mod embedded;
pub mod error;
pub mod lock;
pub mod pool;
pub mod snapshot;
pub mod transfer;
pub mod usage;

use quorate_core::grant::{GrantKey, GrantOperation, GrantOutcome};

pub use error::StoreError;

/// Everything an engine keeps. Each part says what it promises.
pub trait Store:
    Grants + document::Documents + usage::Usage + audit::Audit + pool::Pools + snapshot::Snapshots + lock::Locks
{
    /// Which engine it is and where its data is, for a person: `embedded in ./data`, without credentials.
    fn describe(&self) -> String;

    /// How often it has asked its database since it was opened, for whatever part: what quotas cost is judged by it.
    fn operations(&self) -> Operations;
}

/// Operations on a database. A row or several written together, a conditional change, and a page that is read are one
/// each, whatever came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Those that only read.
    pub reads: u64,
    /// Those that change something, if their conditions hold.
    pub writes: u64,
}

/// The rows of durable quotas.
///
/// Operations on one row are linearizable; what was [`GrantOutcome::Applied`] is durable. An engine never retries: what
/// it cannot say is [`GrantOutcome::Unknown`], and the lease machine settles it.
///
/// Values are written as they are: the engine checks what an operation expects of the row, not that holdings add up. A
/// change that writes more than [`quorate_core::grant::GRANT_MAX`], or folds [`quorate_core::grant::HolderId::FOLDED`],
/// is [`GrantOutcome::Refused`]; a key beyond a bound of [`bound`] is [`GrantOutcome::NotTried`].
#[async_trait::async_trait]
pub trait Grants: Send + Sync {
    /// Does one operation on one row. Errors are outcomes here, so that none can be taken for another: a failure
    /// before anything was sent is [`GrantOutcome::NotTried`], any other [`GrantOutcome::Unknown`].
    async fn grant(&self, key: &GrantKey, operation: GrantOperation) -> GrantOutcome;

    /// The rows of all orgs, in no particular order, from `after` on: for exports and reports. At most `max` rows; the
    /// last key is the next page's `after`, and an empty page is the end. Rows made meanwhile may be missing.
    ///
    /// # Errors
    /// The store is away.
    async fn grants(
        &self,
        after: Option<&GrantKey>,
        max: usize,
    ) -> Result<Vec<(GrantKey, quorate_core::grant::Grant)>, StoreError>;

    /// Writes a row as it is: for imports into an empty store. Refuses to overwrite another one; the same again changes
    /// nothing.
    ///
    /// # Errors
    /// The store is away; [`StoreError::Exists`]; or [`StoreError::Refused`] beyond a bound.
    async fn import_grant(&self, key: &GrantKey, grant: &quorate_core::grant::Grant) -> Result<(), StoreError>;
}
