//! Traces of calls, W3C trace context taken from the caller.
//!
//! Whether a call is traced is decided before anything of a span exists: as the caller decided, or, when the caller
//! says nothing, for a share of all calls. What is not traced costs one look at the headers. Without an OTLP endpoint
//! there are no traces at all.

use std::str::FromStr;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};
use quorate_core::answer::Answer;
use thiserror::Error;

use super::door::Door;
use crate::http::reason::told;

/// The header that carries the caller's trace.
const TRACEPARENT: &str = "traceparent";

/// The share of calls that is traced when the caller says nothing, in parts of a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRatio(u32);

/// A million: the whole.
const WHOLE: u32 = 1_000_000;

impl Default for SampleRatio {
    /// One call in a hundred.
    fn default() -> Self {
        Self(WHOLE / 100)
    }
}

/// Text that is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a share from 0 to 1 with at most six decimals is expected, such as 0.01")]
pub struct MalformedRatio;

impl FromStr for SampleRatio {
    type Err = MalformedRatio;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
            return Err(MalformedRatio);
        }
        let whole: u32 = whole.parse().map_err(|_| MalformedRatio)?;
        let parts: u32 = format!("{decimals:0<6}").parse().map_err(|_| MalformedRatio)?;
        let parts = whole.checked_mul(WHOLE).and_then(|whole| whole.checked_add(parts));
        parts.filter(|parts| *parts <= WHOLE).map(Self).ok_or(MalformedRatio)
    }
}

impl std::fmt::Display for SampleRatio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:06}", self.0 / WHOLE, self.0 % WHOLE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Begins the traces of calls.
#[derive(Clone, Debug)]
pub struct Traces {
    tracer: SdkTracer,
    ratio: SampleRatio,
}

/// A call that is traced. Ends when it is dropped.
#[derive(Debug)]
pub struct CallSpan(Span);

impl Traces {
    pub(super) const fn new(tracer: SdkTracer, ratio: SampleRatio) -> Self {
        Self { tracer, ratio }
    }

    /// Begins to trace a call, if it is to be traced.
    #[must_use]
    pub fn begin(&self, headers: &HeaderMap, door: Door) -> Option<CallSpan> {
        let parent = if headers.contains_key(TRACEPARENT) {
            TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers))
        } else {
            Context::new()
        };
        let caller = parent.span().span_context().clone();
        let traced = if caller.is_valid() {
            caller.is_sampled()
        } else {
            rand::random_range(0..WHOLE) < self.ratio.0
        };
        traced.then(|| {
            let name = match door {
                Door::GrpcUnary => "quorate.v1.DecisionService/ShouldAllow",
                Door::GrpcBatch => "quorate.v1.DecisionService/ShouldAllowBatch",
                Door::GrpcStream => "quorate.v1.DecisionService/ShouldAllowStream",
                Door::Http => "POST /v1/should-allow",
                Door::EnvoyRateLimit => "envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
                Door::EnvoyAuthorization => "envoy.service.auth.v3.Authorization/Check",
            };
            let span = self.tracer.span_builder(name).with_kind(SpanKind::Server);
            CallSpan(span.start_with_context(&self.tracer, &parent))
        })
    }
}

impl CallSpan {
    /// Notes what was answered. The key is not noted: it may be the caller's secret to keep.
    pub fn answered(&mut self, answer: &Answer<'_>) {
        self.0.set_attributes([
            KeyValue::new("quorate.reason", told(answer.reason).code),
            KeyValue::new("quorate.org", answer.by.org.to_owned()),
            KeyValue::new("quorate.plan", answer.by.plan.to_owned()),
            KeyValue::new("quorate.endpoint", answer.by.endpoint.to_owned()),
            KeyValue::new("quorate.decision_id", answer.decision_id.to_string()),
        ]);
        if let Some(binding) = &answer.binding {
            self.0
                .set_attribute(KeyValue::new("quorate.limit", binding.name.to_owned()));
        }
    }

    /// Notes how many requests a batch or a stream carried.
    pub fn carried(&mut self, requests: usize) {
        let requests = i64::try_from(requests).unwrap_or(i64::MAX);
        self.0.set_attribute(KeyValue::new("quorate.requests", requests));
    }

    /// Notes that the call failed, and how.
    pub fn failed(&mut self, message: String) {
        self.0.set_status(opentelemetry::trace::Status::error(message));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests;
