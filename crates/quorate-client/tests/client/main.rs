//! The client against a server in this process, over real sockets. The server is a fake that answers as each test
//! says: what a decision is, other tests know.

mod failing;
mod fake;
#[cfg(feature = "tower")]
mod layer;
mod multiplexed;
mod secure;
mod unary;
