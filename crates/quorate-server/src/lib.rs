//! The server: gRPC, HTTP, telemetry and the command line around one node.
//!
//! This is the edge: wire types and sockets stop here, and no decision is made here. The binary `quorate` is a thin
//! shell over this library, so that every module can be tested without a process.

pub mod callers;
pub mod cli;
pub mod config;
pub mod edge;
pub mod envoy;
pub mod grpc;
pub mod headers;
pub mod http;
pub mod listen;
pub mod policy_files;
pub mod serve;
pub mod store;
pub mod telemetry;
