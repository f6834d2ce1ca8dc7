//! The engine as a whole.

mod conformance;
mod failures;
mod group_commit;
mod support;
