//! A request as the wire has it, borrowed, and why one is refused.

use thiserror::Error;

/// The most descriptors of one request. Envoy sends one per rate limit action of a route; each costs a look-up under a
/// lock.
pub const DESCRIPTORS_MAX: usize = 1_024;

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'q> {
    /// The domain.
    pub domain: &'q str,
    /// What is asked for.
    pub descriptors: &'q [Descriptor<'q>],
    /// Hits of the descriptors that have none of their own; 0 for 1.
    pub hits_addend: u32,
}

/// One descriptor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Descriptor<'q> {
    /// Keys with their values, in order.
    pub entries: &'q [(&'q str, &'q str)],
    /// A limit that takes the place of any rule's.
    pub limit: Option<Override>,
    /// Its own hits; 0 asks and charges nothing.
    pub hits_addend: Option<u64>,
    /// The hits are given back.
    pub is_negative_hits: bool,
}

/// A limit that comes with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// The limit.
    pub requests_per_unit: u32,
    /// The number of its unit as it came.
    pub unit: i32,
}

/// What a descriptor is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hits {
    /// So many; 0 is a look.
    Add(u64),
    /// So many are given back.
    TakeBack(u64),
}

impl Request<'_> {
    /// What a descriptor of this request is charged: its own hits, else the request's, else 1.
    #[must_use]
    pub fn hits_of(&self, descriptor: &Descriptor<'_>) -> Hits {
        let of_request = u64::from(self.hits_addend.max(1));
        let hits = descriptor.hits_addend.unwrap_or(of_request);
        if descriptor.is_negative_hits {
            Hits::TakeBack(hits)
        } else {
            Hits::Add(hits)
        }
    }
}

/// Why a request is refused. Nothing was charged.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// The domain is empty. `UNKNOWN`, in the reference's words.
    #[error("rate limit domain must not be empty")]
    DomainEmpty,
    /// There are no descriptors. `UNKNOWN`, in the reference's words.
    #[error("rate limit descriptor list must not be empty")]
    DescriptorsEmpty,
    /// There are too many. `INVALID_ARGUMENT`.
    #[error("descriptors: {count} are more than the maximum of {DESCRIPTORS_MAX}")]
    TooManyDescriptors {
        /// How many there were.
        count: usize,
    },
    /// An override whose unit is 0 or a number that no unit has. `INVALID_ARGUMENT`; the reference ends its process.
    #[error(
        "descriptors[{descriptor}].limit.unit: {unit} is not a unit; 1 to 7 are second, minute, hour, day, month, year, week"
    )]
    OverrideUnit {
        /// The place of the descriptor, from 0.
        descriptor: usize,
        /// The number.
        unit: i32,
    },
}
