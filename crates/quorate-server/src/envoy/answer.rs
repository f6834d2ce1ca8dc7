//! What the rules answer, as Envoy's messages.

use prost_types::value::Kind;
use prost_types::{Duration, ListValue, Struct, Value};
use quorate_api::envoy::config::core::v3::HeaderValue;
use quorate_api::envoy::service::ratelimit::v3::RateLimitResponse;
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::{Code, DescriptorStatus, RateLimit};
use quorate_envoy::{Datum, Map, Response, Status};

/// An answer, without headers and metadata.
pub(super) fn message(response: &Response<'_>) -> RateLimitResponse {
    RateLimitResponse {
        overall_code: code(response.overall).into(),
        statuses: response.statuses.iter().map(status).collect(),
        ..RateLimitResponse::default()
    }
}

const fn code(code: quorate_envoy::Code) -> Code {
    match code {
        quorate_envoy::Code::Ok => Code::Ok,
        quorate_envoy::Code::OverLimit => Code::OverLimit,
    }
}

fn status(status: &Status<'_>) -> DescriptorStatus {
    DescriptorStatus {
        code: code(status.code).into(),
        current_limit: status.limit.map(|limit| RateLimit {
            name: limit.name.to_owned(),
            requests_per_unit: limit.requests_per_unit,
            // A week is 7, which Envoy's API does not name and the reference sends.
            unit: limit.unit.number(),
            unit_multiplier: None,
        }),
        limit_remaining: status.limit_remaining,
        duration_until_reset: status.reset_after_secs.map(seconds),
        quota: None,
    }
}

/// A duration of whole seconds.
pub(super) fn seconds(seconds: u64) -> Duration {
    Duration {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: 0,
    }
}

/// A header.
pub(super) fn header(name: &str, value: String) -> HeaderValue {
    HeaderValue {
        key: name.to_owned(),
        value,
        raw_value: Vec::new(),
    }
}

/// Metadata.
pub(super) fn object(map: Map) -> Struct {
    let field = |(name, datum)| (name, value(datum));
    Struct {
        fields: map.into_iter().map(field).collect(),
    }
}

fn value(datum: Datum) -> Value {
    let kind = match datum {
        Datum::Null => Kind::NullValue(0),
        Datum::Bool(on) => Kind::BoolValue(on),
        Datum::Number(number) => Kind::NumberValue(number),
        Datum::Text(text) => Kind::StringValue(text),
        Datum::List(list) => Kind::ListValue(ListValue {
            values: list.into_iter().map(value).collect(),
        }),
        Datum::Map(map) => Kind::StructValue(object(map)),
    };
    Value { kind: Some(kind) }
}
