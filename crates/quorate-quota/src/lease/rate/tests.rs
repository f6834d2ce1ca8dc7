//! Tests of the estimate.
