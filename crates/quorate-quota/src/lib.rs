//! Durable quotas without a database trip per decision: calendar periods, and the machine that leases units from a
//! quota's row. Pure: it reads no clock and does no I/O; what should be done is returned as effects.

pub mod bounds;
pub mod calendar;
pub mod lease;
mod mix;
pub mod periods;
