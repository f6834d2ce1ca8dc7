//! The engine as a whole.

mod conformance;
