//! Which key each request of the load has, and the request itself.

use std::cell::{Cell, RefCell};

use quorate_api::v1::ShouldAllowRequest;
use quorate_api::v1::should_allow_request::Subject;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// How often each key asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Distribution {
    /// All the same
    Uniform,
    /// The k-th with a share of about 1/k
    Zipf,
    /// One after the other, round and round
    Sequential,
}

/// What requests are made of.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// How many keys there are; at least 1.
    pub keys: u64,
    pub distribution: Distribution,
    /// The org of all keys; empty for none.
    pub org: String,
    /// How many orgs the keys are spread over; 0 for those of `org`.
    pub orgs: u64,
    /// Taken in turn; at least one.
    pub endpoints: Vec<String>,
    pub cost: Option<u64>,
    pub check_only: bool,
}

/// Makes the requests of one connection. Not shared between threads.
#[derive(Debug)]
pub struct Requests {
    pattern: Pattern,
    random: RefCell<SmallRng>,
    turn: Cell<u64>,
}

impl Requests {
    /// The requests of the `connection`-th of `connections`: each draws its own, the same for the same seed; in
    /// sequence, they divide the keys among them.
    pub fn new(pattern: &Pattern, seed: u64, connection: u64, connections: u64) -> Self {
        let first = u128::from(pattern.keys) * u128::from(connection) / u128::from(connections);
        Self {
            pattern: pattern.clone(),
            random: RefCell::new(SmallRng::seed_from_u64(seed.wrapping_add(connection))),
            turn: Cell::new(u64::try_from(first).unwrap_or_default()),
        }
    }

    /// The next request.
    pub fn next(&self) -> ShouldAllowRequest {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        let key = self.key(turn);
        let endpoints = u64::try_from(self.pattern.endpoints.len()).unwrap_or(1).max(1);
        let endpoint = usize::try_from(turn % endpoints).ok();
        ShouldAllowRequest {
            subject: Some(Subject::Key(name(key))),
            org: match key.checked_rem(self.pattern.orgs) {
                Some(org) => format!("bench-org-{org}"),
                None => self.pattern.org.clone(),
            },
            endpoint: endpoint
                .and_then(|endpoint| self.pattern.endpoints.get(endpoint).cloned())
                .unwrap_or_default(),
            cost: self.pattern.cost,
            check_only: self.pattern.check_only,
            ..ShouldAllowRequest::default()
        }
    }

    /// From 0 to the number of keys.
    fn key(&self, turn: u64) -> u64 {
        let keys = self.pattern.keys.max(1);
        match self.pattern.distribution {
            Distribution::Uniform => self.random.borrow_mut().random_range(0..keys),
            Distribution::Zipf => zipf(keys, self.random.borrow_mut().random()),
            Distribution::Sequential => turn % keys,
        }
    }
}

/// Zipf's law with exponent 1 by inverting its continuous form: `keys ^ point` lies between k and k + 1 with probability
/// ln(1 + 1/k) / ln(keys).
#[expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    reason = "a load's distribution, not a decision"
)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "as above"
)]
fn zipf(keys: u64, point: f64) -> u64 {
    let rank = (keys as f64 + 1.0).powf(point) as u64;
    rank.clamp(1, keys) - 1
}

/// 33 bytes, as long as a real key's id often is.
fn name(key: u64) -> String {
    format!("bench-{key:027}")
}

#[cfg(test)]
mod tests;
