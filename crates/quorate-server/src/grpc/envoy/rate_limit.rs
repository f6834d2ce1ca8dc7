//! `envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`.

use prost::Message;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use quorate_node::Decided;
use quorate_node::quotas::{Parked, Patience};

use crate::callers::Identity;
use crate::envoy::{self, EnvoyError};
use crate::grpc::decisions::Decisions;
use crate::grpc::status::CallError;
use crate::grpc::wire::{Fields, Malformed};
use crate::telemetry::Door;

/// The most entries of all descriptors of one message, and the most descriptors before they are looked at: an empty one
/// takes two bytes on the wire and fifty times as many here.
const PARTS_MAX: usize = 16_384;

/// The field of the descriptors in a `RateLimitRequest`.
const DESCRIPTORS: u32 = 2;
/// The field of the entries in a descriptor.
const ENTRIES: u32 = 1;

impl Decisions {
    /// Decides a request and writes the answer. Nothing is written when it is given a place to wait.
    pub(in crate::grpc) fn rate_limit(
        &self,
        patience: Patience,
        identity: &Identity,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        // What cannot be read is for the decoder to say.
        if parts(message).is_ok_and(|parts| parts > PARTS_MAX) {
            let problem = format!("descriptors: they have more than {PARTS_MAX} entries");
            return Err(CallError::Field {
                field: "descriptors",
                problem,
            });
        }
        let message = RateLimitRequest::decode(message).map_err(|error| EnvoyError::Undecodable(error.to_string()))?;
        let door = envoy::Door {
            edge: self.edge(),
            recorder: self.recorder(),
            identity,
        };
        Ok(match door.rate_limit(&message, patience)? {
            Decided::Answered(answer) => {
                answer.encode(out).expect("a vector grows");
                None
            }
            Decided::Parked(parked) => Some(parked),
        })
    }

    /// Says that too much work is in flight: no answer of this service does.
    pub(in crate::grpc) fn overloaded_rate_limit(&self) -> CallError {
        self.count_overloaded(Door::EnvoyRateLimit);
        EnvoyError::Overloaded.into()
    }
}

/// How many descriptors and entries a message has.
fn parts(message: &[u8]) -> Result<usize, Malformed> {
    let mut parts = 0_usize;
    for field in Fields::of(message) {
        let (DESCRIPTORS, value) = field? else { continue };
        parts += 1;
        for field in Fields::of(value.message(DESCRIPTORS)?) {
            parts += usize::from(field?.0 == ENTRIES);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
