//! Descriptors that the policy decides on: each is a request of a key, with plans, burst pool, quotas and boosts. Those of
//! one request are charged all together or not at all.

use std::time::{Duration, Instant};

use quorate_api::envoy::config::core::v3::HeaderValue;
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus, RateLimit};
use quorate_core::answer::{Answer, Reason, Retry};
use quorate_core::request::{BATCH_MAX, InvalidRequest, Request, Subject};
use quorate_envoy::native::{Native, Subject as Named};
use quorate_envoy::{Domain, Hits, Unit};
use quorate_node::quotas::{Parked, Patience};
use quorate_node::{Decided, Wanted};

use super::answer::{header, seconds};
use super::shown::Shown;
use super::{Door, EnvoyError};
use crate::edge::{bare, discreet};
use crate::headers;
use crate::http::answer::{Included, body};
use crate::telemetry;

/// How long a request may wait for units of a quota: Envoy waits 20 ms for an answer where nobody said otherwise.
const PATIENCE: Duration = Duration::from_millis(5);

/// The descriptors of a request that the policy decides on.
pub(super) struct Asked<'q>(Vec<One<'q>>);

struct One<'q> {
    /// The place of the descriptor in the request.
    place: usize,
    named: Named<'q>,
    hits: Hits,
}

impl<'q> Asked<'q> {
    pub(super) fn read(
        domain: &Domain,
        mapping: &Native,
        request: &quorate_envoy::Request<'q>,
    ) -> Result<Self, EnvoyError> {
        let mut asked = Vec::with_capacity(request.descriptors.len());
        for (place, descriptor) in request.descriptors.iter().enumerate() {
            if !domain.is_native(descriptor.entries) {
                continue;
            }
            if descriptor.limit.is_some() {
                return Err(EnvoyError::Descriptor {
                    descriptor: place,
                    problem: "limit: the policy decides on this descriptor, and takes no limit from a request",
                });
            }
            asked.push(One {
                place,
                named: mapping.read(descriptor.entries),
                hits: request.hits_of(descriptor),
            });
        }
        if asked.len() > BATCH_MAX {
            return Err(EnvoyError::Native(InvalidRequest::TooMany {
                field: "of the policy",
                count: asked.len(),
                max: BATCH_MAX,
            }));
        }
        Ok(Self(asked))
    }

    /// Their places in the request.
    pub(super) fn places(&self) -> Vec<usize> {
        self.0.iter().map(|one| one.place).collect()
    }

    /// They as requests, each for the org that the caller may ask for.
    pub(super) fn requests<'r>(&'r self, door: &Door<'r>) -> Result<Vec<Request<'r>>, EnvoyError> {
        let mut requests = Vec::with_capacity(self.0.len());
        for One { named, hits, .. } in &self.0 {
            let (cost, refund) = match *hits {
                Hits::Add(cost) => (cost, false),
                Hits::TakeBack(cost) => (cost, true),
            };
            requests.push(Request {
                org: door.identity.org(named.org)?,
                subject: Subject::Key(named.key),
                cost: Some(cost),
                attributes: &named.attributes,
                refund,
                ..Request::of(named.key, named.endpoint)
            });
        }
        Ok(requests)
    }
}

/// Whether an end user can make a request so, by a large amount for example: then it is denied, since Envoy may let pass
/// what ends in an error.
pub(super) fn chosen_by_users(invalid: &InvalidRequest) -> bool {
    match invalid {
        InvalidRequest::TooLong { .. } | InvalidRequest::CostTooLarge { .. } => true,
        InvalidRequest::Item { source, .. } => chosen_by_users(source),
        _ => false,
    }
}

/// The answer of the policy in the making.
pub(super) struct Answers<'d> {
    door: &'d Door<'d>,
    started: Instant,
    places: Vec<usize>,
    /// Something else has denied the request: what the policy would have said is told, and no decision of its own.
    looks: bool,
    told: Told,
    /// Of the status that headers and body tell: whether it was denied, and what remained.
    telling: Option<(bool, u64)>,
}

/// What the policy said of a request.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The statuses with the places of their descriptors.
    pub(super) statuses: Vec<(usize, DescriptorStatus)>,
    /// One of them is denied.
    pub(super) over: bool,
    /// What the configured headers tell of it, if any are.
    pub(super) shown: Option<Shown>,
    /// The headers of the policy's profiles.
    pub(super) fields: Vec<HeaderValue>,
    /// The body of a denial.
    pub(super) body: Vec<u8>,
}

impl<'d> Answers<'d> {
    pub(super) fn new(door: &'d Door<'d>, started: Instant, places: Vec<usize>, looks: bool) -> Self {
        Self {
            door,
            started,
            places,
            looks,
            told: Told::default(),
            telling: None,
        }
    }

    /// Charges all or none, or gives the request a place to wait.
    pub(super) fn all(
        &mut self,
        requests: &[Request<'_>],
        patience: Patience,
    ) -> Result<Option<Parked>, InvalidRequest> {
        if requests.is_empty() {
            return Ok(None);
        }
        let node = &self.door.edge.node;
        // For headers, some of which list every limit.
        let wanted = Wanted { statuses: true };
        let patience = match patience {
            Patience::Whole => Patience::Until(tokio::time::Instant::now() + PATIENCE),
            begun => begun,
        };
        let decided = node.should_allow_all(requests, wanted, patience, |index, answer| {
            if let Some(request) = requests.get(index) {
                self.add(index, request, answer);
            }
        })?;
        Ok(match decided {
            Decided::Answered(_) => None,
            Decided::Parked(parked) => Some(parked),
        })
    }

    fn add(&mut self, index: usize, request: &Request<'_>, answer: &Answer<'_>) {
        let hidden = discreet(answer, request.org);
        let answer = hidden.as_ref().unwrap_or(answer);
        let key = match request.subject {
            Subject::Key(key) => key,
            Subject::Credential(_) => "",
        };
        if !self.looks {
            let elapsed_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.door
                .recorder
                .record(telemetry::Door::EnvoyRateLimit, answer, key, elapsed_ns);
        }
        self.push(index, answer);
    }

    fn push(&mut self, index: usize, answer: &Answer<'_>) {
        let place = self.places.get(index).copied().unwrap_or(index);
        self.told.statuses.push((place, status(answer)));
        let remaining = answer.binding.map_or(u64::MAX, |binding| binding.remaining);
        let denied = !answer.allowed();
        self.told.over |= denied;
        // As the reference: the last that was denied, else the one with the least remaining.
        let shows = match self.telling {
            None => true,
            Some((true, _)) => denied,
            Some((false, least)) => denied || remaining < least,
        };
        if shows {
            self.telling = Some((denied, remaining));
            self.tell(place, answer, remaining);
        }
    }

    /// Has headers and body tell an answer.
    fn tell(&mut self, place: usize, answer: &Answer<'_>, remaining: u64) {
        let edge = self.door.edge;
        let policy = edge.node.policy();
        let unix_ns = edge.node.unix_ns();
        let fields = headers::render(policy.headers(), answer, unix_ns);
        self.told.shown = edge.envoy.headers.as_ref().map(|names| Shown {
            place,
            denies: !answer.allowed(),
            remaining,
            headers: answer
                .binding
                .iter()
                .flat_map(|binding| {
                    let reset = headers::ceil_seconds(binding.reset_after_ns);
                    [
                        header(&names.limit, binding.limit.to_string()),
                        header(&names.remaining, binding.remaining.to_string()),
                        header(&names.reset, reset.to_string()),
                    ]
                })
                .collect(),
        });
        self.told.body.clear();
        if !answer.allowed() {
            self.told.body = body(answer, Included::default(), &fields, unix_ns);
        }
        let fields = fields.into_iter().map(|(name, value)| header(name, value));
        self.told.fields = fields.collect();
    }

    /// Denies every descriptor: one of them is such as no request may be.
    pub(super) fn malformed(&mut self, requests: &[Request<'_>]) {
        self.told = Told::default();
        self.telling = None;
        self.door.recorder.invalid(telemetry::Door::EnvoyRateLimit);
        let answer = bare(Reason::PolicyForbids, Retry::Never);
        for index in 0..requests.len() {
            self.push(index, &answer);
        }
    }

    pub(super) fn told(self) -> Told {
        self.told
    }
}

fn status(answer: &Answer<'_>) -> DescriptorStatus {
    let code = if answer.allowed() { Code::Ok } else { Code::OverLimit };
    let narrow = |units: u64| u32::try_from(units).unwrap_or(u32::MAX);
    let binding = answer.binding.as_ref();
    DescriptorStatus {
        code: code.into(),
        current_limit: binding.map(|binding| RateLimit {
            name: binding.name.to_owned(),
            requests_per_unit: narrow(binding.limit),
            unit: unit(binding.window_ns),
            unit_multiplier: None,
        }),
        limit_remaining: binding.map_or(0, |binding| narrow(binding.remaining)),
        duration_until_reset: binding.map(|binding| seconds(headers::ceil_seconds(binding.reset_after_ns))),
        quota: None,
    }
}

/// The number of the unit that is as long as a window; 0 for a window that is no unit.
fn unit(window_ns: u64) -> i32 {
    let unit = Unit::ALL.into_iter().find(|unit| unit.period().nanos() == window_ns);
    unit.map_or(0, Unit::number)
}
