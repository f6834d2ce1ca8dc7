//! Envoy's own services: its rate limit service and its external authorization. Messages go through prost; what they
//! mean is decided by the node and by the rules of `crate::envoy`.

mod authorization;
mod check;
mod rate_limit;
