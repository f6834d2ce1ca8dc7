//! `envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`.

mod typed;

use prost::Message;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use quorate_node::Decided;
use quorate_node::quotas::{Parked, Patience};

use crate::callers::Identity;
use crate::envoy::{self, EnvoyError};
use crate::grpc::decisions::Decisions;
use crate::grpc::status::CallError;
use crate::grpc::wire::{Fields, Value};
use crate::telemetry::Door;

/// The most entries of all descriptors of one message, and the most descriptors before they are looked at: an empty one
/// takes two bytes on the wire and fifty times as many here.
const PARTS_MAX: usize = 16_384;

/// The field of the descriptors in a `RateLimitRequest`.
const DESCRIPTORS: u32 = 2;
/// The field of the entries in a descriptor.
const ENTRIES: u32 = 1;

impl Decisions {
    /// Decides a request and writes the answer. Nothing is written when it is given a place to wait: then it is to be
    /// decided again, with what has `begun`.
    pub(in crate::grpc) fn rate_limit(
        &self,
        patience: Patience,
        identity: &Identity,
        message: &[u8],
        begun: &mut Option<Box<envoy::Begun>>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Parked>, CallError> {
        if parts(message) > PARTS_MAX {
            let problem = format!("descriptors: they have more than {PARTS_MAX} entries");
            return Err(CallError::Field {
                field: "descriptors",
                problem,
            });
        }
        let message = decode(message)?;
        let door = envoy::Door {
            edge: self.edge(),
            recorder: self.recorder(),
            identity,
        };
        Ok(match door.rate_limit(&message, patience, begun)? {
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

/// Reads a message as the reference does: a known field of another wire type than its own is an unknown one, and passed
/// over. prost refuses it, so that such messages are read twice.
fn decode(message: &[u8]) -> Result<RateLimitRequest, EnvoyError> {
    let refused = match RateLimitRequest::decode(message) {
        Ok(request) => return Ok(request),
        Err(refused) => refused,
    };
    typed::only(message)
        .and_then(|typed| RateLimitRequest::decode(typed.as_slice()).ok())
        .ok_or_else(|| EnvoyError::Undecodable(refused.to_string()))
}

/// How many descriptors and entries a decoder makes of a message, up to where it is malformed.
fn parts(message: &[u8]) -> usize {
    let mut parts = 0_usize;
    for field in Fields::and_groups(message).map_while(Result::ok) {
        let (DESCRIPTORS, Value::Bytes(descriptor)) = field else {
            continue;
        };
        let fields = Fields::and_groups(descriptor).map_while(Result::ok);
        parts += 1 + fields.filter(|(number, _)| *number == ENTRIES).count();
    }
    parts
}

#[cfg(test)]
mod tests;
