//! The algorithms: how each counts, and what it would say at an instant. Each is a small value with pure functions;
//! where it lives between decisions is the business of [`crate::state`].

#[cfg(test)]
pub(crate) mod exact;
pub mod fixed_window;
pub mod pool;
pub mod sliding;
pub mod token_bucket;
