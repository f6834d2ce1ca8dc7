//! Between the messages of Envoy's API and the JSON of the recorded cases.

use std::time::Duration;

use prost_types::value::Kind;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::{Entry, RateLimitOverride};
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::DescriptorStatus;
use quorate_api::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use quorate_api::envoy::r#type::v3::RateLimitUnit;
use serde_json::{Map, Value, json};

/// Names of the units, by number: WEEK is one that Envoy's API does not name.
const UNITS: [&str; 8] = ["UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK"];
/// Names of the codes, by number.
const CODES: [&str; 3] = ["UNKNOWN", "OK", "OVER_LIMIT"];

/// A request as a case writes it.
pub fn request(value: &Value) -> RateLimitRequest {
    RateLimitRequest {
        domain: text(&value["domain"]),
        descriptors: list(&value["descriptors"]).map(descriptor).collect(),
        hits_addend: number(&value["hits_addend"]).map_or(0, |hits| u32::try_from(hits).expect("32 bits")),
    }
}

fn descriptor(value: &Value) -> RateLimitDescriptor {
    let entry = |entry: &Value| Entry {
        key: text(&entry["key"]),
        value: text(&entry["value"]),
    };
    RateLimitDescriptor {
        entries: list(&value["entries"]).map(entry).collect(),
        limit: value.get("limit").map(|limit| RateLimitOverride {
            requests_per_unit: number(&limit["requests_per_unit"])
                .map_or(0, |limit| u32::try_from(limit).expect("32 bits")),
            unit: unit(&limit["unit"]),
            unit_multiplier: None,
        }),
        hits_addend: number(&value["hits_addend"]),
        is_negative_hits: value["is_negative_hits"].as_bool().unwrap_or(false),
    }
}

fn unit(value: &Value) -> i32 {
    match value {
        Value::Number(number) => i32::try_from(number.as_i64().expect("a number")).expect("32 bits"),
        Value::String(name) if name == "WEEK" => 7,
        Value::String(name) => RateLimitUnit::from_str_name(name).expect("a unit").into(),
        _ => 0,
    }
}

/// An answer as a case writes it.
pub fn response(response: &RateLimitResponse) -> Value {
    let headers = |headers: &[quorate_api::envoy::config::core::v3::HeaderValue]| {
        let header = headers.iter().map(|header| {
            assert!(header.raw_value.is_empty(), "the reference writes texts");
            json!({"key": header.key, "value": header.value})
        });
        header.collect::<Value>()
    };
    assert_eq!(response.quota, None);
    assert!(response.raw_body.is_empty(), "the reference writes none");
    json!({
        "overall_code": CODES[usize::try_from(response.overall_code).expect("a code")],
        "statuses": response.statuses.iter().map(status).collect::<Value>(),
        "response_headers_to_add": headers(&response.response_headers_to_add),
        "request_headers_to_add": headers(&response.request_headers_to_add),
        "raw_body": "",
        "dynamic_metadata": response.dynamic_metadata.as_ref().map(object),
    })
}

fn status(status: &DescriptorStatus) -> Value {
    assert_eq!(status.quota, None);
    let limit = status.current_limit.as_ref().map(|limit| {
        assert_eq!(limit.unit_multiplier, None);
        json!({
            "requests_per_unit": limit.requests_per_unit,
            "unit": UNITS[usize::try_from(limit.unit).expect("a unit")],
            "name": limit.name,
        })
    });
    let reset = status.duration_until_reset.map(|reset| {
        let reset = Duration::try_from(reset).expect("it is not negative");
        assert_eq!(reset.subsec_nanos(), 0, "the reference writes whole seconds");
        json!(reset.as_secs())
    });
    json!({
        "code": CODES[usize::try_from(status.code).expect("a code")],
        "current_limit": limit,
        "limit_remaining": status.limit_remaining,
        "duration_until_reset": reset,
    })
}

fn object(object: &prost_types::Struct) -> Value {
    let fields = object.fields.iter();
    Value::Object(
        fields
            .map(|(name, field)| (name.clone(), any(field)))
            .collect::<Map<_, _>>(),
    )
}

fn any(value: &prost_types::Value) -> Value {
    match value.kind.as_ref().expect("a value is of some kind") {
        Kind::NullValue(_) => Value::Null,
        Kind::NumberValue(number) => json!(number),
        Kind::StringValue(text) => json!(text),
        Kind::BoolValue(on) => json!(on),
        Kind::StructValue(fields) => object(fields),
        Kind::ListValue(list) => list.values.iter().map(any).collect(),
    }
}

/// What is different between an answer and what is expected; nothing when they are alike.
pub fn difference(expected: &Value, got: &Value) -> Option<String> {
    differ("", expected, got)
}

fn differ(at: &str, expected: &Value, got: &Value) -> Option<String> {
    let unlike = || Some(format!("{at}: expected {expected}, got {got}"));
    if let Some(most) = expected.get("max_seconds").and_then(Value::as_u64) {
        // A duration, or a header that tells one.
        let seconds = got.as_u64().or_else(|| got.as_str()?.parse().ok());
        return match seconds {
            Some(1..) if seconds <= Some(most) => None,
            _ => unlike(),
        };
    }
    match (expected, got) {
        (Value::Object(expected), Value::Object(found)) => {
            if expected.len() != found.len() {
                return unlike();
            }
            let mut fields = expected.iter();
            fields.find_map(|(name, value)| {
                differ(&format!("{at}.{name}"), value, found.get(name).unwrap_or(&Value::Null))
            })
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                return unlike();
            }
            let mut items = expected.iter().zip(found).enumerate();
            items.find_map(|(index, (expected, got))| differ(&format!("{at}[{index}]"), expected, got))
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => None,
        // A printer of the reference varies the spaces.
        (Value::String(expected), Value::String(found)) if at.starts_with(".dynamic_metadata") => {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            if words(expected) == words(found) {
                None
            } else {
                unlike()
            }
        }
        _ if expected == got => None,
        _ => unlike(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number, which is a text where JSON's readers would lose digits.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[test]
fn what_differs_is_told() {
    let expected = json!({"a": [{"b": {"max_seconds": 60}}], "dynamic_metadata": {"limit": "a  b"}});
    let alike = json!({"a": [{"b": 60}], "dynamic_metadata": {"limit": "a b"}});
    assert_eq!(difference(&expected, &alike), None);
    for unlike in [
        json!({"a": [{"b": 61}], "dynamic_metadata": {"limit": "a b"}}),
        json!({"a": [{"b": 0}], "dynamic_metadata": {"limit": "a b"}}),
        json!({"a": [], "dynamic_metadata": {"limit": "a b"}}),
        json!({"a": [{"b": 1}], "dynamic_metadata": {"limit": "ab"}}),
        json!({"a": [{"b": 1}]}),
        json!({"a": [{"b": 1, "c": 1}], "dynamic_metadata": {"limit": "a b"}}),
    ] {
        assert!(difference(&expected, &unlike).is_some(), "{unlike}");
    }
    assert_eq!(difference(&json!({"max_seconds": 9}), &json!("9")), None);
    assert!(difference(&json!("1"), &json!(1)).is_some());
}
