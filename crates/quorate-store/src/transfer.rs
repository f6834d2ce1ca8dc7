//! Moves a deployment from one store to another, of whatever engine: everything as lines of JSON, one record each, that a
//! person can read.
//!
//! The first line says which format follows, the last how many records of each kind there were: what is cut off, or was
//! never finished, is not taken for whole. Nobody may write to either store meanwhile. Pages are read and written, so a
//! store of any size takes a bounded amount of memory. Locks stay behind: they belong to processes, not to the deployment.

mod error;
mod export;
mod hex;
mod import;
mod input;
mod line;
mod marker;

pub use error::TransferError;
pub use export::export;
pub use import::{Imported, import};
pub use line::Counts;
pub use marker::unfinished;

/// The format that this version writes, and the only one that it reads so far.
pub const FORMAT: u64 = 1;

#[cfg(test)]
mod tests;
