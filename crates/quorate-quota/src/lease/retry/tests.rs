//! Tests of the waits.
