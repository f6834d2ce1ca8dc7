//! What is durable, on a real database: Apache Cassandra, which `cargo xtask test` starts before this binary.
//!
//! Modules to build tests on, each with its own description at its top:
//! - [`cassandra`]: the node that all tests share, and nodes of one's own to kill and start again;
//! - [`proxy`]: a database that loses answers, refuses, delays and hangs up when it is told to;
//! - [`stores`]: stores on these, in a keyspace that tests share or in one of their own;
//! - [`harness`]: real servers and their clients, those of the end-to-end tests.
//!
//! A machine may be slow: nothing here waits for less than half a minute, and every wait is for a condition.

mod cassandra;
mod conformance;
mod crash;
mod faults;
mod feed;
mod harness;
mod migrations;
mod proxy;
mod refusals;
mod servers;
mod stores;
