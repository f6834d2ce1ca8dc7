//! `RateLimitRequest` and `RateLimitResponse` in proto3 JSON. Field names may be those of the `.proto` too, as that
//! format wants it; what is not known is an error.

use prost_types::value::Kind;
use quorate_api::envoy::config::core::v3::HeaderValue;
use quorate_api::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quorate_api::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::{Entry, RateLimitOverride};
use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::{DescriptorStatus, rate_limit::Unit};
use quorate_api::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use quorate_api::envoy::r#type::v3::RateLimitUnit;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[derive(Default)]
struct RequestFields {
    domain: String,
    descriptors: Vec<DescriptorFields>,
    #[serde(alias = "hits_addend")]
    hits_addend: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[derive(Default)]
struct DescriptorFields {
    entries: Vec<EntryFields>,
    limit: Option<LimitFields>,
    #[serde(alias = "hits_addend")]
    hits_addend: Option<Number>,
    #[serde(alias = "is_negative_hits")]
    is_negative_hits: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct EntryFields {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
#[derive(Default)]
struct LimitFields {
    #[serde(alias = "requests_per_unit")]
    requests_per_unit: Option<Number>,
    unit: Option<UnitField>,
    #[serde(alias = "unit_multiplier")]
    unit_multiplier: Option<Number>,
}

/// A number, or a text that is one: proto3 JSON has both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Text(String),
}

/// An enum value, by name or by number.
#[derive(Deserialize)]
#[serde(untagged)]
enum UnitField {
    Number(i32),
    Name(String),
}

/// Reads a request.
pub(super) fn request(body: &[u8]) -> Result<RateLimitRequest, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let fields: RequestFields =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| format!("body: {error}"))?;
    reader.end().map_err(|error| format!("body: {error}"))?;
    let descriptors = fields.descriptors.into_iter().enumerate();
    let descriptors = descriptors
        .map(|(place, fields)| descriptor(fields).map_err(|problem| format!("descriptors[{place}].{problem}")));
    Ok(RateLimitRequest {
        domain: fields.domain,
        descriptors: descriptors.collect::<Result<_, _>>()?,
        hits_addend: narrow("hitsAddend", fields.hits_addend)?.unwrap_or_default(),
    })
}

fn descriptor(fields: DescriptorFields) -> Result<RateLimitDescriptor, String> {
    let entry = |fields: EntryFields| Entry {
        key: fields.key,
        value: fields.value,
    };
    Ok(RateLimitDescriptor {
        entries: fields.entries.into_iter().map(entry).collect(),
        limit: fields.limit.map(limit).transpose()?,
        hits_addend: wide("hitsAddend", fields.hits_addend)?,
        is_negative_hits: fields.is_negative_hits,
    })
}

fn limit(fields: LimitFields) -> Result<RateLimitOverride, String> {
    let unit = match fields.unit {
        None => 0,
        Some(UnitField::Number(number)) => number,
        // Envoy's API does not name it here, and the reference takes its number.
        Some(UnitField::Name(name)) if name == Unit::Week.as_str_name() => Unit::Week.into(),
        Some(UnitField::Name(name)) => RateLimitUnit::from_str_name(&name)
            .ok_or_else(|| format!("limit.unit: `{name}` is not a unit"))?
            .into(),
    };
    Ok(RateLimitOverride {
        requests_per_unit: narrow("limit.requestsPerUnit", fields.requests_per_unit)?.unwrap_or_default(),
        unit,
        unit_multiplier: narrow("limit.unitMultiplier", fields.unit_multiplier)?,
    })
}

fn wide(field: &str, number: Option<Number>) -> Result<Option<u64>, String> {
    match number {
        None => Ok(None),
        Some(Number::Plain(number)) => Ok(Some(number)),
        Some(Number::Text(text)) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{field}: it is not a whole number")),
        },
    }
}

fn narrow(field: &str, number: Option<Number>) -> Result<Option<u32>, String> {
    let narrow = |number| u32::try_from(number).map_err(|_| format!("{field}: it is more than 4294967295"));
    wide(field, number)?.map(narrow).transpose()
}

/// Writes an answer. What is not set is left out, as the format wants it.
pub(super) fn response(response: &RateLimitResponse) -> Value {
    let mut fields = Map::new();
    put_enum(&mut fields, "overallCode", response.overall_code().as_str_name());
    put(&mut fields, "statuses", response.statuses.iter().map(status).collect());
    let headers = |headers: &[HeaderValue]| headers.iter().map(header).collect::<Value>();
    put(
        &mut fields,
        "responseHeadersToAdd",
        headers(&response.response_headers_to_add),
    );
    put(
        &mut fields,
        "requestHeadersToAdd",
        headers(&response.request_headers_to_add),
    );
    put(&mut fields, "rawBody", json!(base64(&response.raw_body)));
    if let Some(metadata) = &response.dynamic_metadata {
        fields.insert("dynamicMetadata".to_owned(), object(metadata));
    }
    Value::Object(fields)
}

fn status(status: &DescriptorStatus) -> Value {
    let mut fields = Map::new();
    put_enum(&mut fields, "code", status.code().as_str_name());
    if let Some(limit) = &status.current_limit {
        let mut told = Map::new();
        put(&mut told, "name", json!(limit.name));
        put(&mut told, "requestsPerUnit", json!(limit.requests_per_unit));
        put_enum(&mut told, "unit", limit.unit().as_str_name());
        fields.insert("currentLimit".to_owned(), Value::Object(told));
    }
    put(&mut fields, "limitRemaining", json!(status.limit_remaining));
    if let Some(reset) = &status.duration_until_reset {
        fields.insert("durationUntilReset".to_owned(), json!(format!("{}s", reset.seconds)));
    }
    Value::Object(fields)
}

fn header(header: &HeaderValue) -> Value {
    json!({"key": header.key, "value": header.value})
}

/// Adds a field that is not the default of its type.
fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let unset = match &value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        other => *other == json!(0),
    };
    if !unset {
        fields.insert(name.to_owned(), value);
    }
}

/// Adds an enum's value that is not its default. A name that people give is no enum's, whatever it is.
fn put_enum(fields: &mut Map<String, Value>, name: &str, value: &str) {
    if value != "UNKNOWN" {
        fields.insert(name.to_owned(), json!(value));
    }
}

fn object(object: &prost_types::Struct) -> Value {
    let fields = object.fields.iter();
    Value::Object(fields.map(|(name, field)| (name.clone(), any(field))).collect())
}

fn any(value: &prost_types::Value) -> Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(number)) => json!(number),
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::BoolValue(on)) => json!(on),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::ListValue(list)) => list.values.iter().map(any).collect(),
    }
}

/// Bytes as proto3 JSON writes them.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, place| {
            bits << 8 | u32::from(chunk.get(place).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 0x3F).unwrap_or_default();
            text.push(if place <= chunk.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use quorate_api::envoy::service::ratelimit::v3::rate_limit_response::{Code, RateLimit};

    use super::*;

    #[test]
    fn names_of_both_kinds_and_numbers_as_texts_are_read() {
        let body = r#"{"domain": "d", "hits_addend": 2, "descriptors": [
            {"entries": [{"key": "k", "value": "v"}], "hitsAddend": "9007199254740993", "isNegativeHits": true,
             "limit": {"requestsPerUnit": 5, "unit": "WEEK"}},
            {"limit": {"requests_per_unit": "6", "unit": 3}}]}"#;
        let read = request(body.as_bytes()).expect("it is one");
        assert_eq!((&*read.domain, read.hits_addend), ("d", 2));
        let first = &read.descriptors[0];
        assert_eq!(
            (first.hits_addend, first.is_negative_hits),
            (Some(9_007_199_254_740_993), true)
        );
        let limits: Vec<_> = read.descriptors.iter().filter_map(|each| each.limit).collect();
        let limits: Vec<_> = limits
            .iter()
            .map(|limit| (limit.requests_per_unit, limit.unit))
            .collect();
        assert_eq!(limits, [(5, 7), (6, 3)]);
    }

    #[test]
    fn what_is_no_request_is_told_by_its_field() {
        for (body, expected) in [
            ("{", "body:"),
            ("{} {}", "body:"),
            (r#"{"domains": "d"}"#, "domains"),
            (r#"{"hitsAddend": 4294967296}"#, "hitsAddend:"),
            (
                r#"{"descriptors": [{"hitsAddend": "x"}]}"#,
                "descriptors[0].hitsAddend:",
            ),
            (
                r#"{"descriptors": [{"limit": {"unit": "CENTURY"}}]}"#,
                "descriptors[0].limit.unit:",
            ),
        ] {
            let problem = request(body.as_bytes()).expect_err("it is none");
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_limit_may_have_the_name_of_what_an_enum_leaves_unset() {
        let mut said = DescriptorStatus {
            current_limit: Some(RateLimit {
                name: "UNKNOWN".to_owned(),
                requests_per_unit: 2,
                ..RateLimit::default()
            }),
            ..DescriptorStatus::default()
        };
        let limit = json!({"name": "UNKNOWN", "requestsPerUnit": 2});
        assert_eq!(status(&said), json!({"currentLimit": limit}));
        said.set_code(Code::Ok);
        assert_eq!(status(&said), json!({"code": "OK", "currentLimit": limit}));
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [
            ("", ""),
            ("h", "aA=="),
            ("he", "aGU="),
            ("hel", "aGVs"),
            ("hell", "aGVsbA=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
