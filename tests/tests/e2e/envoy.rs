//! A user of Envoy's reference rate limit service points the same Envoy and the same YAML here: the recorded cases are
//! replayed over real gRPC, and what this server adds is tried beside them.

mod authorization;
mod cases;
pub mod client;
mod hostile;
mod json;
mod mixed;
mod native;
mod replay;
mod service;
