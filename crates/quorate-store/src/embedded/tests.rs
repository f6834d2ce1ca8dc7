//! The engine as a whole.

mod conformance;
mod crash;
mod failures;
mod group_commit;
mod opening;
mod support;
