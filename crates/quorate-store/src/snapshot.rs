//! Snapshots of windows: bytes that the core made and will read again. Named pieces, each replaced as a whole.

use crate::StoreError;

/// The most bytes of one piece. Larger ones are for the caller to cut.
pub const PIECE_BYTES_MAX: usize = 512 * 1024;

/// Snapshots.
#[async_trait::async_trait]
pub trait Snapshots: Send + Sync {
    /// Writes pieces; one that exists is replaced. Durable when it returns. Each piece is written whole or not at all; of
    /// several some may be when an error is returned.
    ///
    /// # Errors
    /// The store is away; the same pieces may be sent again. [`StoreError::Refused`] for an empty name, one beyond a
    /// bound, or a piece over [`PIECE_BYTES_MAX`]: then none is written.
    async fn write_pieces(&self, pieces: &[(String, Vec<u8>)]) -> Result<(), StoreError>;

    /// Names of pieces that begin with `prefix`, in order of their bytes, after `after`: at most `max`, with
    /// their content. An empty page is the end; a page may be shorter than `max` before it.
    ///
    /// # Errors
    /// The store is away.
    async fn pieces(&self, prefix: &str, after: Option<&str>, max: usize)
    -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Forgets pieces. Those that do not exist are no error.
    ///
    /// # Errors
    /// The store is away.
    async fn forget_pieces(&self, names: &[String]) -> Result<(), StoreError>;
}
