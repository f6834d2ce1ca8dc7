//! A real Envoy in front of a real service, asking a real server: what a user of both gets.
//!
//! Filters wait for half a minute unless time is what a test is about: the machine may be busy, and Envoy's own default
//! of 20 ms would let requests pass that nobody has decided.

mod authorization;
mod config;
mod envoy;
mod failures;
mod http_filter;
mod load;
mod network_filter;
mod nothing;
mod pace;
mod quick_start;
mod rules;
mod upstream;
