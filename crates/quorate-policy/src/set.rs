//! The immutable set of limits that decisions are made against: what applies to one request, found without
//! allocating.

use std::sync::Arc;

use quorate_core::answer::Reason;
use quorate_core::factor::{Factor, Factors};
use quorate_core::limit::{Group, MeterId};
use quorate_core::request::{InvalidRequest, Request};
use quorate_core::state::layout::Layouts;
use quorate_core::terms::{Amounts, SlotTerms, Terms};
use quorate_core::time::Instant;

use crate::model::{State, Unknown};
use crate::routes::{Map, Routes};
use crate::{Checked, Report};

mod authorize;
mod changes;
mod compile;
mod definition;
pub(crate) mod explain;
mod groups;
mod identify;
mod price;
mod quotas;
mod resolved;

pub(crate) use definition::UTC;
pub use definition::{QuotaDefinition, QuotaPeriod};
use identify::Identified;
use quotas::{OrgQuotas, PlanQuotas};
pub use resolved::{Bounds, HeaderProfile, Resolved, Verdict};

/// The endpoint of requests that no entry of the catalogue matches.
pub(crate) const OTHER: &str = "other";

/// A compiled policy: immutable, numbered, cheap to query.
#[derive(Debug)]
pub struct PolicySet {
    sequence: u64,
    content_hash: Arc<str>,
    headers: Box<[HeaderProfile]>,
    meters: Arc<[Arc<str>]>,
    unknown_org: Unknown,
    unknown_key: Unknown,
    default_plan: Option<usize>,
    plans: Box<[Plan]>,
    endpoints: Box<[Endpoint]>,
    /// What applies where no endpoint matches.
    other: Endpoint,
    orgs: Box<[Org]>,
    keys: Box<[Key]>,
    routes: Routes,
    org_numbers: Map<Arc<str>, usize>,
    key_numbers: Map<Arc<str>, usize>,
    credentials: Map<[u8; 32], usize>,
    quotas_declared: bool,
}

/// Groups of limits, and the same in shadow mode for orgs that are.
#[derive(Debug, Default)]
struct Groups {
    stated: Box<[Group]>,
    shadow: Box<[Group]>,
}

impl Groups {
    fn for_org(&self, shadow: bool) -> &[Group] {
        if shadow { &self.shadow } else { &self.stated }
    }
}

#[derive(Debug)]
struct Plan {
    name: Arc<str>,
    groups: Groups,
    /// By the number of a slot's name; `None` for unlimited.
    slots: Box<[Option<Slot>]>,
    quotas: PlanQuotas,
    shadow: bool,
}

#[derive(Debug)]
struct Slot {
    name: Arc<str>,
    depth: u32,
    ttl_ns: u64,
}

#[derive(Debug)]
struct Endpoint {
    pattern: Arc<str>,
    /// Its number in the catalogue; `None` for what matches none.
    number: Option<usize>,
    cost_factor: u64,
    prices: Amounts,
    groups: Groups,
    /// The number of a slot's name.
    slot: Option<usize>,
    scopes_any: Box<[Box<str>]>,
    scopes_all: Box<[Box<str>]>,
    environments: Box<[Box<str>]>,
    forbid: bool,
    exempt: bool,
}

#[derive(Debug)]
struct Org {
    name: Arc<str>,
    plan: usize,
    state: State,
    shadow: bool,
    declares_keys: bool,
    /// Boosts of the whole org, and incidents.
    factors: Box<[Factor]>,
    /// Boosts of endpoints, by their numbers.
    endpoint_factors: Box<[(usize, Box<[Factor]>)]>,
    quotas: OrgQuotas,
}

#[derive(Debug)]
struct Key {
    name: Arc<str>,
    org: usize,
    environment: Option<Box<str>>,
    scopes: Box<[Box<str>]>,
    state: State,
    expires: Instant,
    factors: Box<[Factor]>,
}

impl PolicySet {
    /// Compiles a checked policy to the `sequence`-th set of this process. Layouts of counters are only added to.
    ///
    /// # Errors
    /// When a bound of the process is reached that the document alone cannot show (`layouts`).
    pub fn compile(checked: &Checked, sequence: u64, layouts: &mut Layouts) -> Result<Self, Report> {
        compile::compile(checked, sequence, layouts).map_err(|full| Report::without_place(full.to_string()))
    }

    /// Counts the policies put in force since the start, from 1.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// A hash of the policy's content, in hex: equal policies have equal hashes.
    #[must_use]
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// The name of a meter; empty for one that the policy does not have.
    #[must_use]
    pub fn meter_name(&self, meter: MeterId) -> &str {
        self.meters.get(usize::from(meter.0)).map_or("", |name| name)
    }

    /// The names of all meters, by their numbers.
    #[must_use]
    pub const fn meters(&self) -> &Arc<[Arc<str>]> {
        &self.meters
    }

    /// The headers that answers carry.
    #[must_use]
    pub fn headers(&self) -> &[HeaderProfile] {
        &self.headers
    }

    /// The endpoints of the catalogue, as the policy writes them.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| &*endpoint.pattern)
    }

    /// Whether the policy declares quotas.
    #[must_use]
    pub fn quotas_declared(&self) -> bool {
        self.quotas_declared
    }

    /// Says what is structurally wrong with a request, as [`PolicySet::resolve`] does, and nothing else.
    ///
    /// # Errors
    /// Those of [`PolicySet::resolve`].
    pub fn check(&self, request: &Request<'_>, bounds: Bounds) -> Result<(), InvalidRequest> {
        price::check_structure(request)?;
        if request.amounts.is_empty() {
            return price::cost(request, bounds).map(|_| ());
        }
        // Which endpoint it is decides the price, not whether the request is well formed.
        self.price(request, &self.other, bounds).map(|_| ())
    }

    /// Says what applies to a request. Allocates nothing.
    ///
    /// # Errors
    /// What is structurally wrong with the request. Nothing that an end user of the caller can choose is: that is
    /// denied instead.
    pub fn resolve<'a>(
        &'a self,
        request: &Request<'a>,
        bounds: Bounds,
        credential_hash: Option<[u8; 32]>,
        now: Instant,
    ) -> Result<Resolved<'a>, InvalidRequest> {
        price::check_structure(request)?;
        let endpoint = self.endpoint(request.endpoint);
        let price = self.price(request, endpoint, bounds)?;
        let who = self.identify(request, credential_hash);
        let plan = who.plan.and_then(|number| self.plans.get(number));
        let verdict = match (plan, self.authorize(&who, endpoint, request, now)) {
            _ if endpoint.exempt => Verdict::Exempt,
            (_, Some(reason)) => Verdict::Denied(reason),
            (None, None) => Verdict::Denied(Reason::PolicyForbids),
            (Some(plan), None) => Verdict::Charge(Self::terms(&who, plan, endpoint, price.amounts)),
        };
        Ok(Resolved {
            org: who.org_name,
            key: who.key_name,
            plan: plan.map_or("", |plan| &plan.name),
            endpoint: &endpoint.pattern,
            look: price.look,
            verdict,
        })
    }

    fn endpoint(&self, text: &str) -> &Endpoint {
        // No entry of a catalogue is empty, and without a catalogue nobody names one.
        if text.is_empty() {
            return &self.other;
        }
        let number = self.routes.find(text);
        number
            .and_then(|number| self.endpoints.get(number))
            .unwrap_or(&self.other)
    }

    fn terms<'a>(who: &Identified<'a>, plan: &'a Plan, endpoint: &'a Endpoint, amounts: Amounts) -> Terms<'a> {
        let shadow = who.org.is_some_and(|org| org.shadow);
        let slot = endpoint.slot.and_then(|number| plan.slots.get(number)?.as_ref());
        Terms {
            plan_groups: plan.groups.for_org(shadow),
            endpoint_groups: endpoint.groups.for_org(shadow),
            plan_quotas: plan.quotas.for_org(who.org),
            org_quotas: who.org.map_or(&[], |org| org.quotas.own()),
            factors: Factors {
                org: who.org.map_or(&[], |org| &org.factors),
                key: who.key.map_or(&[], |key| &key.factors),
                endpoint: who.org.map_or(&[], |org| org.factors_of(endpoint)),
            },
            slot: slot.map(|slot| SlotTerms {
                name: &slot.name,
                depth: slot.depth,
                ttl_ns: slot.ttl_ns,
                shadow: shadow || plan.shadow,
            }),
            amounts,
            declared: who.key.is_some(),
            org_declared: who.org.is_some(),
        }
    }
}

impl Org {
    fn factors_of(&self, endpoint: &Endpoint) -> &[Factor] {
        let Some(number) = endpoint.number else {
            return &[];
        };
        let found = self.endpoint_factors.iter().find(|(of, _)| *of == number);
        found.map_or(&[], |(_, factors)| factors)
    }
}

#[cfg(test)]
mod tests;
