//! End to end: real processes, real sockets, real clients, and only what callers can see.
//!
//! One binary, one module per subject; `harness` starts servers and asks them.

mod authorization;
mod batch;
mod boosts;
mod burst;
mod catalogue;
mod charging;
mod command_line;
mod concurrency;
mod deployment;
mod documents;
mod doors;
mod drain;
mod envoy;
mod foreign;
mod harness;
mod http_answers;
mod invalid_grpc;
mod invalid_http;
mod kept;
mod overload;
mod pools;
mod proxy;
mod quotas;
mod reload;
mod replay;
mod retry;
mod sdk;
mod slots;
mod spray;
mod stream;
mod telemetry;
mod tenants;
mod wire;
