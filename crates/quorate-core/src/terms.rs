//! What the policy says applies to one request: the input of a charge. Borrowed from the policy, never allocated.

use crate::factor::{Bearing, Factors};
use crate::limit::{Group, Limit, METERS_MAX, Scope};
use crate::quota::Quota;

/// What one request costs, by meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Amounts(pub [u64; METERS_MAX]);

impl Amounts {
    /// Whether every amount is 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.iter().fold(0, |all, amount| all | amount) == 0
    }
}

/// A concurrency slot that the endpoint asks for.
#[derive(Clone, Copy, Debug)]
pub struct SlotTerms<'p> {
    /// The slot's name (`async`).
    pub name: &'p str,
    /// How many one key may hold at once.
    pub depth: u32,
    /// How long one is held at most, in nanoseconds, unless extended.
    pub ttl_ns: u64,
    /// Counted and reported, never denying.
    pub shadow: bool,
}

/// Everything that applies to one request.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'p> {
    /// The groups of limits of the plan.
    pub plan_groups: &'p [Group],
    /// The groups of limits of the endpoint.
    pub endpoint_groups: &'p [Group],
    /// The quotas of the plan.
    pub plan_quotas: &'p [Quota],
    /// The quotas of the org itself.
    pub org_quotas: &'p [Quota],
    /// The boosts and incidents that bear on the request.
    pub factors: Factors<'p>,
    /// The slot that the endpoint asks for; `None` when it asks for none or the plan's depth is unlimited.
    pub slot: Option<SlotTerms<'p>>,
    /// What the request costs: `requests` after the endpoint's factor, other meters as given or priced.
    pub amounts: Amounts,
    /// The key is declared by the policy: its counters may use the memory kept for such.
    pub declared: bool,
    /// The org is declared by the policy: it has an overflow entry of its own.
    pub org_declared: bool,
}

/// A limit of a request, by its place among the counters of its terms: plan first, then endpoint, each in the order
/// of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterIndex(pub u8);

impl<'p> Terms<'p> {
    /// All groups, the plan's first.
    pub fn groups(&self) -> impl Iterator<Item = &'p Group> + use<'p> {
        self.plan_groups.iter().chain(self.endpoint_groups)
    }

    /// All quotas, the plan's first.
    pub fn quotas(&self) -> impl Iterator<Item = &'p Quota> + use<'p> {
        self.plan_quotas.iter().chain(self.org_quotas)
    }

    /// The limit at `index`.
    #[must_use]
    pub fn limit(&self, index: CounterIndex) -> Option<&'p Limit> {
        self.groups()
            .flat_map(|group| group.limits.iter())
            .nth(usize::from(index.0))
    }
}

impl Group {
    /// Which factors bear on the group's limits.
    #[must_use]
    pub const fn bearing(&self) -> Bearing {
        Bearing {
            key: self.per.key,
            endpoint: self.per.endpoint || matches!(self.scope, Scope::Endpoint),
        }
    }
}
