//! Boosts and incidents: time-bounded factors on rate limits. Overlapping factors take the maximum, not the product.
//!
//! Who may ask for one, and within which bounds, is checked by the policy; here a factor is a fact.

use crate::time::Instant;

/// The factor that changes nothing, in hundredths.
pub const ONE: u32 = 100;

/// A factor in force during a half-open stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Factor {
    /// The factor, in hundredths: 500 makes five times as much of a limit.
    pub hundredths: u32,
    /// The first instant at which it is in force.
    pub from: Instant,
    /// The first instant at which it is no longer in force.
    pub until: Instant,
}

impl Factor {
    /// Whether it is in force at `at`.
    #[must_use]
    pub const fn covers(&self, at: Instant) -> bool {
        self.from.0 <= at.0 && at.0 < self.until.0
    }
}

/// The factors that bear on one request, by what they were given for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Factors<'p> {
    /// Given for the org: they bear on every rate limit of the request.
    pub org: &'p [Factor],
    /// Given for the key: they bear on limits kept per key.
    pub key: &'p [Factor],
    /// Given for the endpoint: they bear on the endpoint's own limits and on those kept per endpoint.
    pub endpoint: &'p [Factor],
}

/// Which of the factors of a request bear on a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearing {
    /// Those given for the key do.
    pub key: bool,
    /// Those given for the endpoint do.
    pub endpoint: bool,
}

impl<'p> Factors<'p> {
    /// The factor in force at `at` for a limit of that bearing, in hundredths: the largest, at least [`ONE`].
    #[must_use]
    pub fn at(&self, bearing: Bearing, at: Instant) -> u32 {
        self.bearing(bearing)
            .filter(|factor| factor.covers(at))
            .map(|factor| factor.hundredths)
            .fold(ONE, u32::max)
    }

    /// The first instant after `at` at which any factor of the request starts or ends.
    #[must_use]
    pub fn next_change(&self, at: Instant) -> Option<Instant> {
        let all = Bearing {
            key: true,
            endpoint: true,
        };
        self.bearing(all)
            .flat_map(|factor| [factor.from, factor.until])
            .filter(|edge| *edge > at)
            .min()
    }

    /// Whether there are none at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.org.is_empty() && self.key.is_empty() && self.endpoint.is_empty()
    }

    fn bearing(&self, bearing: Bearing) -> impl Iterator<Item = &'p Factor> {
        let key = if bearing.key { self.key } else { &[] };
        let endpoint = if bearing.endpoint { self.endpoint } else { &[] };
        self.org.iter().chain(key).chain(endpoint)
    }
}

/// ⌊`amount` × `hundredths` / 100⌋, held at `u64::MAX`.
#[must_use]
pub fn scaled(amount: u64, hundredths: u32) -> u64 {
    if hundredths == ONE {
        return amount;
    }
    u64::try_from(u128::from(amount) * u128::from(hundredths) / 100).unwrap_or(u64::MAX)
}
