//! Domains that the policy decides: each descriptor is a request of a key, with plans, burst pool, quotas and boosts.
//! Several are charged all together or not at all.

use std::time::{Duration, Instant};

use quorate_api::envoy::config::core::v3::HeaderValue;
use quorate_api::envoy::service::ratelimit::v3::RateLimitResponse;
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus, RateLimit};
use quorate_core::answer::{Answer, Reason, Retry};
use quorate_core::request::{BATCH_MAX, InvalidRequest, Request, Subject};
use quorate_envoy::native::{Native, Subject as Named};
use quorate_envoy::{Hits, Refused, Unit};
use quorate_node::quotas::Patience;
use quorate_node::{Decided, Wanted};

use super::answer::{header, seconds};
use super::{Door, EnvoyError};
use crate::edge::{bare, discreet};
use crate::headers;
use crate::http::answer::{Included, body};
use crate::telemetry;

/// How long a request may wait for units of a quota: Envoy waits 20 ms for an answer where nobody said otherwise.
const PATIENCE: Duration = Duration::from_millis(5);

/// The answer in the making.
struct Answers<'d> {
    door: &'d Door<'d>,
    started: Instant,
    message: RateLimitResponse,
    /// Of the status that headers and body tell: whether it was denied, and what remained.
    told: Option<(bool, u64)>,
}

/// Decides a request to a domain of the native pipeline.
pub(super) fn decide(
    door: &Door<'_>,
    native: &Native,
    request: &quorate_envoy::Request<'_>,
    patience: Patience,
    started: Instant,
) -> Result<Decided<RateLimitResponse>, EnvoyError> {
    let count = request.descriptors.len();
    if count == 0 {
        return Err(Refused::DescriptorsEmpty.into());
    }
    if count > BATCH_MAX {
        return Err(Refused::TooManyDescriptors { count }.into());
    }
    if let Some(descriptor) = request.descriptors.iter().position(|each| each.limit.is_some()) {
        return Err(EnvoyError::Descriptor {
            descriptor,
            problem: "limit: the policy decides on this domain, and takes no limit from a request",
        });
    }
    let named: Vec<Named<'_>> = request
        .descriptors
        .iter()
        .map(|each| native.read(each.entries))
        .collect();
    let mut requests = Vec::with_capacity(count);
    for (named, descriptor) in named.iter().zip(request.descriptors) {
        requests.push(asked(door, named, request.hits_of(descriptor))?);
    }
    let mut answers = Answers {
        door,
        started,
        message: RateLimitResponse::default(),
        told: None,
    };
    match answers.all(&requests, patience) {
        Ok(None) => {}
        Ok(Some(parked)) => return Ok(Decided::Parked(parked)),
        Err(invalid) if chosen_by_users(&invalid) => answers.malformed(count),
        Err(invalid) => return Err(invalid.into()),
    }
    Ok(Decided::Answered(answers.finish()))
}

fn asked<'r>(door: &Door<'r>, named: &'r Named<'_>, hits: Hits) -> Result<Request<'r>, EnvoyError> {
    let (cost, refund) = match hits {
        Hits::Add(cost) => (cost, false),
        Hits::TakeBack(cost) => (cost, true),
    };
    Ok(Request {
        org: door.identity.org(named.org)?,
        subject: Subject::Key(named.key),
        cost: Some(cost),
        attributes: &named.attributes,
        refund,
        ..Request::of(named.key, named.endpoint)
    })
}

/// Whether an end user can make a request so, by a long attribute for example: then it is denied, since Envoy may let pass
/// what ends in an error.
fn chosen_by_users(invalid: &InvalidRequest) -> bool {
    match invalid {
        InvalidRequest::TooLong { .. } | InvalidRequest::CostTooLarge { .. } => true,
        InvalidRequest::Item { source, .. } => chosen_by_users(source),
        _ => false,
    }
}

impl Answers<'_> {
    fn all(
        &mut self,
        requests: &[Request<'_>],
        patience: Patience,
    ) -> Result<Option<quorate_node::quotas::Parked>, InvalidRequest> {
        let node = &self.door.edge.node;
        // For headers, some of which list every limit.
        let wanted = Wanted { statuses: true };
        let patience = match patience {
            Patience::Whole => Patience::Until(tokio::time::Instant::now() + PATIENCE),
            begun => begun,
        };
        let decided = node.should_allow_all(requests, wanted, patience, |place, answer| {
            if let Some(request) = requests.get(place) {
                self.add(request, answer);
            }
        })?;
        Ok(match decided {
            Decided::Answered(_) => None,
            Decided::Parked(parked) => Some(parked),
        })
    }

    fn add(&mut self, request: &Request<'_>, answer: &Answer<'_>) {
        let hidden = discreet(answer, request.org);
        let answer = hidden.as_ref().unwrap_or(answer);
        let key = match request.subject {
            Subject::Key(key) => key,
            Subject::Credential(_) => "",
        };
        let elapsed_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.door
            .recorder
            .record(telemetry::Door::EnvoyRateLimit, answer, key, elapsed_ns);
        self.push(answer);
    }

    fn push(&mut self, answer: &Answer<'_>) {
        self.message.statuses.push(status(answer));
        let remaining = answer.binding.map_or(u64::MAX, |binding| binding.remaining);
        let denied = !answer.allowed();
        // As the reference: the last that was denied, else the one with the least remaining.
        let shows = match self.told {
            None => true,
            Some((true, _)) => denied,
            Some((false, least)) => denied || remaining < least,
        };
        if shows {
            self.told = Some((denied, remaining));
            self.tell(answer);
        }
    }

    /// Has headers and body tell an answer.
    fn tell(&mut self, answer: &Answer<'_>) {
        let edge = self.door.edge;
        let policy = edge.node.policy();
        let unix_ns = edge.node.unix_ns();
        let fields = headers::render(policy.headers(), answer, unix_ns);
        let mut told: Vec<HeaderValue> = Vec::with_capacity(fields.len() + 3);
        if let (Some(names), Some(binding)) = (&edge.envoy.headers, &answer.binding) {
            told.push(header(&names.limit, binding.limit.to_string()));
            told.push(header(&names.remaining, binding.remaining.to_string()));
            told.push(header(
                &names.reset,
                headers::ceil_seconds(binding.reset_after_ns).to_string(),
            ));
        }
        self.message.raw_body.clear();
        if !answer.allowed() {
            self.message.raw_body = body(answer, Included::default(), &fields, unix_ns);
        }
        told.extend(fields.into_iter().map(|(name, value)| header(name, value)));
        self.message.response_headers_to_add = told;
    }

    /// Denies every descriptor: one of them is such as no request may be.
    fn malformed(&mut self, count: usize) {
        self.message = RateLimitResponse::default();
        self.told = None;
        self.door.recorder.invalid(telemetry::Door::EnvoyRateLimit);
        let answer = bare(Reason::PolicyForbids, Retry::Never);
        for _ in 0..count {
            self.push(&answer);
        }
    }

    fn finish(mut self) -> RateLimitResponse {
        let over: i32 = Code::OverLimit.into();
        let denied = self.message.statuses.iter().any(|status| status.code == over);
        let code = if denied && !self.door.edge.envoy.settings.shadow_mode {
            let content = header("content-type", "application/json".to_owned());
            self.message.response_headers_to_add.push(content);
            Code::OverLimit
        } else {
            self.message.raw_body.clear();
            Code::Ok
        };
        self.message.overall_code = code.into();
        self.message
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
