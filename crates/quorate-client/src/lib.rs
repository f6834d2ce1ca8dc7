//! The Rust client of quorate: asks whether a request may pass, within a deadline, and always has an answer.
//!
//! A [`Client`] connects when it is first used and again when the connection is lost, with growing pauses. Every call
//! has a deadline. When no decision comes in time, the answer is made here, open or closed as its [`FailPolicy`] says,
//! and says so in [`Answer::source`]: a caller can always tell a decision from a guess.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use quorate_client::{Ask, Client, Config};
//!
//! let client = Client::new(Config::new("127.0.0.1:8081").fail_open())?;
//! let answer = client.should_allow(Ask::key("ak_1").endpoint("POST /api/v1/threats/scan")).await?;
//! if !answer.allowed {
//!     println!("{}, again after {:?}", answer.reason, answer.retry_after);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Multiplexed`] carries the questions of many callers over one stream. With the feature `tower` (on by default)
//! `ProtectLayer` protects an axum or tonic service.
//!
//! What it does not do: count. There is no limit, no cache and no state of a limit here; every decision is the
//! server's.

mod address;
mod answer;
mod ask;
mod client;
mod config;
mod dial;
mod failure;
mod gate;
#[cfg(feature = "tower")]
mod layer;
mod multiplexed;
mod wire;

pub use address::{Address, AddressError, Place};
pub use answer::{Algorithm, Answer, Binding, LimitStatus, PolicyInfo, Reason, Source, Warning};
pub use ask::{Ask, ChargeMode};
pub use client::{BatchAnswer, Client, SlotError};
pub use config::{Config, ConfigError, Tls};
pub use failure::{Cause, FailPolicy, Refused};
#[cfg(feature = "tower")]
pub use layer::{Decide, Protect, ProtectBody, ProtectLayer, grpc_endpoint_of, http_endpoint_of};
pub use multiplexed::Multiplexed;
