//! The pure core of quorate: what a limit is, how each algorithm counts, where state lives in memory, and the charge
//! that takes every limit that applies to a request or none.
//!
//! A decision is a function of (state, terms, request, now). Nothing here reads a clock, a socket, a file, a random
//! source or the environment, and nothing logs: time and hash keys are arguments. Which limits apply to a request is
//! the policy's business (`quorate-policy`); locks, timers and the one clock are the node's (`quorate-node`).
//!
//! Where to find things:
//! - [`window`]: the algorithms (sliding window as a grouped log, token bucket, fixed window, burst pool);
//! - [`state`]: the compact table that holds them, bounded in bytes;
//! - [`charge`]: evaluate everything, decide, write everything; [`shard`]: the same on stored state;
//! - [`slots`], [`replay`]: concurrency slots and `operation_id`;
//! - [`grant`]: the row of a durable quota; [`pools`]: burst pools whose use is kept in the store;
//! - [`limit`], [`terms`], [`request`], [`answer`]: the vocabulary.

pub mod accounts;
pub mod answer;
pub mod balance;
pub mod charge;
pub mod factor;
pub mod grant;
pub mod limit;
pub mod pools;
pub mod quota;
pub mod replay;
pub mod request;
pub mod shard;
pub mod slots;
pub mod snapshot;
pub mod state;
pub mod terms;
pub mod time;
pub mod usage;
pub mod window;
