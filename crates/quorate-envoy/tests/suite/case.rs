//! A recorded case: reading it, and comparing an answer with what was recorded.

use std::path::PathBuf;

use quorate_envoy::{
    Code, Datum, Descriptor, HeaderNames, Map, Override, Plan, Refused, Request, Response, Source, Unit,
};
use serde_json::{Value, json};

/// The folder of a profile.
pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/envoy-cases")
        .join(name)
}

/// One case.
pub struct Case {
    pub name: String,
    pub quirk: Option<String>,
    configs: Vec<String>,
    pub asked: Vec<Asked>,
}

/// One request with what was answered.
pub struct Asked {
    /// `None` for bytes.
    pub message: Option<Message>,
    pub after_ms: u64,
    pub expected: Expected,
}

/// A message, owned.
pub struct Message {
    domain: String,
    hits_addend: u32,
    descriptors: Vec<Owned>,
}

struct Owned {
    entries: Vec<(String, String)>,
    limit: Option<Override>,
    hits_addend: Option<u64>,
    is_negative_hits: bool,
}

/// What was recorded.
pub struct Expected(Value);

/// The cases of a profile, by name.
pub fn read_folder(profile: &str) -> Vec<Case> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder(profile))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    paths.sort();
    paths.iter().map(read).collect()
}

fn read(path: &PathBuf) -> Case {
    let text = std::fs::read_to_string(path).expect("the case can be read");
    let json: Value = serde_json::from_str(&text).expect("the case is JSON");
    let requests = json["requests"].as_array().expect("a case has requests");
    let answers = json["answers"].as_array().expect("a case has answers");
    assert_eq!(requests.len(), answers.len(), "{path:?}");
    let more = json["more_configs"].as_array().into_iter().flatten();
    Case {
        name: text_of(&json["name"]),
        quirk: json["quirk"].as_str().map(str::to_owned),
        configs: std::iter::once(&json["config"]).chain(more).map(text_of).collect(),
        asked: requests
            .iter()
            .zip(answers)
            .map(|(request, answer)| Asked {
                message: request.get("message").map(message),
                after_ms: request["after_ms"].as_u64().unwrap_or_default(),
                expected: Expected(answer.clone()),
            })
            .collect(),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An integer, which is a string when it is large.
fn integer(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn message(json: &Value) -> Message {
    let descriptors = json["descriptors"].as_array().into_iter().flatten();
    Message {
        domain: text_of(&json["domain"]),
        hits_addend: u32::try_from(integer(&json["hits_addend"]).unwrap_or_default()).expect("it is a uint32"),
        descriptors: descriptors.map(descriptor).collect(),
    }
}

fn descriptor(json: &Value) -> Owned {
    let entries = json["entries"].as_array().into_iter().flatten();
    let limit = json.get("limit").map(|limit| Override {
        requests_per_unit: u32::try_from(integer(&limit["requests_per_unit"]).unwrap_or_default())
            .expect("it is a uint32"),
        unit: match &limit["unit"] {
            Value::String(name) => Unit::of_name(name).map_or(0, Unit::number),
            number => i32::try_from(number.as_i64().unwrap_or_default()).expect("it is an int32"),
        },
    });
    Owned {
        entries: entries
            .map(|entry| (text_of(&entry["key"]), text_of(&entry["value"])))
            .collect(),
        limit,
        hits_addend: integer(&json["hits_addend"]),
        is_negative_hits: json["is_negative_hits"] == true,
    }
}

impl Case {
    pub fn sources(&self) -> Vec<Source> {
        let sources = self.configs.iter().enumerate().map(|(number, text)| Source {
            name: format!("{}-{number}.yaml", self.name),
            text: text.clone(),
        });
        sources.collect()
    }
}

impl Message {
    /// Lends the message as a request.
    pub fn with<R>(&self, use_it: impl FnOnce(&Request<'_>) -> R) -> R {
        let entries: Vec<Vec<(&str, &str)>> = self
            .descriptors
            .iter()
            .map(|each| each.entries.iter().map(|(key, value)| (&**key, &**value)).collect())
            .collect();
        let descriptors: Vec<Descriptor<'_>> = self
            .descriptors
            .iter()
            .zip(&entries)
            .map(|(each, entries)| Descriptor {
                entries,
                limit: each.limit,
                hits_addend: each.hits_addend,
                is_negative_hits: each.is_negative_hits,
            })
            .collect();
        use_it(&Request {
            domain: &self.domain,
            descriptors: &descriptors,
            hits_addend: self.hits_addend,
        })
    }
}

/// The name of the status code that a refusal is.
pub fn code_of(refused: &Refused) -> &'static str {
    match refused {
        Refused::DomainEmpty | Refused::DescriptorsEmpty => "UNKNOWN",
        Refused::TooManyDescriptors { .. } | Refused::OverrideUnit { .. } => "INVALID_ARGUMENT",
    }
}

/// An answer in the form of the recording.
pub fn answer(plan: &Plan<'_, '_>, response: &Response<'_>, headers: Option<&HeaderNames>, metadata: bool) -> Value {
    let code = |code| if code == Code::Ok { "OK" } else { "OVER_LIMIT" };
    let statuses = response.statuses.iter().map(|status| {
        json!({
            "code": code(status.code),
            "current_limit": status.limit.map(|limit| json!({
                "requests_per_unit": limit.requests_per_unit,
                "unit": limit.unit.name(),
                "name": limit.name,
            })),
            "limit_remaining": status.limit_remaining,
            "duration_until_reset": status.reset_after_secs,
        })
    });
    let headers = headers.and_then(|names| response.headers(names));
    let headers = headers.into_iter().flatten();
    json!({
        "overall_code": code(response.overall),
        "statuses": statuses.collect::<Vec<_>>(),
        "response_headers_to_add": headers.map(|(key, value)| json!({"key": key, "value": value})).collect::<Vec<_>>(),
        "request_headers_to_add": [],
        "raw_body": "",
        "dynamic_metadata": metadata.then(|| map(&plan.dynamic_metadata(response))),
    })
}

fn map(map: &Map) -> Value {
    map.iter().map(|(name, value)| (name.clone(), datum(value))).collect()
}

fn datum(value: &Datum) -> Value {
    match value {
        Datum::Null => Value::Null,
        Datum::Bool(value) => json!(value),
        Datum::Number(value) => json!(value),
        Datum::Text(value) => json!(value),
        Datum::List(items) => items.iter().map(datum).collect(),
        Datum::Map(inner) => map(inner),
    }
}

impl Expected {
    /// Where an answer differs from what was recorded.
    pub fn differs(&self, answer: &Result<Value, &'static str>) -> Option<String> {
        match (answer, self.0.get("response"), self.0.get("error")) {
            (Ok(answer), Some(expected), _) => differs("", answer, expected),
            (Err(code), _, Some(expected)) if expected["code"] == *code => None,
            (answer, ..) => Some(format!("{answer:?} instead of {}", self.0)),
        }
    }
}

fn differs(path: &str, is: &Value, expected: &Value) -> Option<String> {
    let same = match (is, expected) {
        (_, Value::Object(fields)) if fields.contains_key("max_seconds") => {
            let max = fields["max_seconds"].as_u64().unwrap_or_default();
            integer(is).is_some_and(|seconds| 0 < seconds && seconds <= max)
        }
        (Value::Object(is), Value::Object(expected)) => {
            if let Some(name) = is.keys().find(|name| !expected.contains_key(*name)) {
                return Some(format!("{path}.{name} should not be there"));
            }
            let of = |name: &String| is.get(name).unwrap_or(&Value::Null);
            return expected
                .iter()
                .find_map(|(name, expected)| differs(&format!("{path}.{name}"), of(name), expected));
        }
        (Value::Array(is), Value::Array(expected)) if is.len() == expected.len() => {
            let mut pairs = is.iter().zip(expected).enumerate();
            return pairs.find_map(|(place, (is, expected))| differs(&format!("{path}[{place}]"), is, expected));
        }
        (Value::Number(is), Value::Number(expected)) => is.as_f64() == expected.as_f64(),
        (Value::String(is), Value::String(expected)) => is.split_whitespace().eq(expected.split_whitespace()),
        _ => is == expected,
    };
    (!same).then(|| format!("{path}: {is} instead of {expected}"))
}
