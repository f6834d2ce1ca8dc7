//! A `RateLimitRequest` as the rules read it: texts are borrowed from the message.

use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::service::ratelimit::v3::RateLimitRequest;
use quorate_envoy::{Descriptor, Override};

use super::EnvoyError;

/// The entries of all descriptors of a message, one behind the other.
#[derive(Debug)]
pub(super) struct Entries<'m>(Vec<(&'m str, &'m str)>);

impl<'m> Entries<'m> {
    pub(super) fn of(message: &'m RateLimitRequest) -> Self {
        let all = message.descriptors.iter().flat_map(|descriptor| &descriptor.entries);
        Self(all.map(|entry| (entry.key.as_str(), entry.value.as_str())).collect())
    }

    /// The descriptors of the message that the entries are of.
    ///
    /// # Errors
    /// An override is for a window that is not counted.
    pub(super) fn descriptors(&self, message: &RateLimitRequest) -> Result<Vec<Descriptor<'_>>, EnvoyError> {
        let mut rest = self.0.as_slice();
        let mut descriptors = Vec::with_capacity(message.descriptors.len());
        for (place, descriptor) in message.descriptors.iter().enumerate() {
            let (entries, behind) = rest.split_at(descriptor.entries.len());
            rest = behind;
            descriptors.push(Descriptor {
                entries,
                limit: limit(place, descriptor)?,
                hits_addend: descriptor.hits_addend,
                is_negative_hits: descriptor.is_negative_hits,
            });
        }
        Ok(descriptors)
    }
}

fn limit(place: usize, descriptor: &RateLimitDescriptor) -> Result<Option<Override>, EnvoyError> {
    let Some(limit) = &descriptor.limit else {
        return Ok(None);
    };
    // To pass it over would let through as many times what was asked for.
    if limit.unit_multiplier.is_some_and(|times| times != 1) {
        return Err(EnvoyError::Descriptor {
            descriptor: place,
            problem: "limit.unit_multiplier: only 1 is taken: windows of several units are not counted",
        });
    }
    Ok(Some(Override {
        requests_per_unit: limit.requests_per_unit,
        unit: limit.unit,
    }))
}
