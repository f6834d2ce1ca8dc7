//! What Envoy's reference rate limit service (envoyproxy/ratelimit) does, as functions of their arguments: its rule
//! files, which rule a descriptor meets, what is counted, and what a request is answered. `docs/ENVOY.md` says where
//! quorate does otherwise on purpose.
//!
//! The way of a file: [`Rules::load`] reads sources with positions (the reader is `quorate-policy`'s), reports every
//! problem at once, and gives [`Rules`] and a report of warnings. The way of a request:
//!
//! ```text
//! Request ── Rules::plan ──▶ Plan ── Plan::decide(&Settings, &mut impl Counters) ──▶ Response
//! ```
//!
//! - [`Rules::plan`] matches every descriptor ([`Domain::find`]) and drops replaced limits; it touches no counter. A plan
//!   that [`Plan::counts`] nothing needs no lock.
//! - A [`plan::Counted`] descriptor names its counter ([`Matched::counter`]): text that no two counters share.
//! - [`Plan::decide`] charges [`Counters`], which the caller holds still for the whole request, and answers.
//!   [`Response::headers`] and [`Plan::dynamic_metadata`] are asked for where they are switched on.
//! - [`counters`] is [`Counters`] on a `quorate_core` shard.
//! - A plan passes over the descriptors of which [`Domain::is_native`] is so: they are read with
//!   [`native::Native::read`] and go through the native pipeline.
//!
//! Nothing here reads a file, a clock or the environment: text and time are arguments.

mod charge;
pub mod counters;
mod find;
mod load;
mod metadata;
pub mod native;
mod pattern;
pub mod plan;
mod request;
mod response;
mod rules;
mod unit;
mod verdict;

pub use charge::{Charge, Counter, Counters, Outcome, Used};
pub use find::{Matched, UnknownUnit};
pub use load::Options;
pub use metadata::{Datum, Map};
pub use plan::Plan;
pub use quorate_policy::{Report, Source};
pub use request::{DESCRIPTORS_MAX, Descriptor, Hits, Override, Refused, Request};
pub use response::{Code, CurrentLimit, HeaderNames, Response, Settings, Status};
pub use rules::{Domain, Limit, Rate, Rule, Rules};
pub use unit::{Algorithm, Unit, Window};
