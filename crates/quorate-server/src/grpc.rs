//! The gRPC doors: the decision service, health and reflection, served on connections that `listen` hands over.
//!
//! Wire types stop here: `convert` borrows a decoded message into the core's request and writes the core's answer as
//! a message, `status` is the one place that maps errors to gRPC status. Nothing is decided here.

mod batch;
mod call;
mod companions;
mod convert;
mod decisions;
mod doors;
mod envoy;
mod frames;
mod reply;
mod slots;
mod status;
mod stream;
mod unary;
mod wire;

pub use companions::{Companions, Health};
pub use decisions::Decisions;
pub use doors::{Door, Doors};
