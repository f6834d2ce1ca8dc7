//! Where counters live between decisions: a table of compact entries, bounded in bytes.
//!
//! One entry holds all counters that belong to the same thing (one [`crate::limit::Group`]); a decision loads the
//! entries it meets into [`cell::Cell`]s, decides on those, and stores them back. The table knows nothing of limits'
//! capacities or of policies: only which algorithm keeps what, by [`layout::Layout`].

pub mod cell;
pub mod cells;
mod entry;
pub mod fingerprint;
mod index;
pub mod layout;
pub mod memory;
mod slab;
pub mod table;
