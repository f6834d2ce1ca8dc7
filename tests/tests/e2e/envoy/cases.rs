//! The recorded cases (`tests/envoy-cases`, whose README says what they mean), and what we answer where we differ.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::harness::root;

/// One recorded case.
pub struct Case {
    /// Its name, which is its domain too.
    pub name: String,
    /// What the reference does oddly here.
    pub quirk: Option<String>,
    /// The shortest window that it counts in, in seconds. Every window longer than an hour ends on one.
    pub window_s: u64,
    /// Its configuration files, in the order of loading.
    pub configs: Vec<String>,
    /// What is sent, and what comes back.
    pub steps: Vec<Step>,
}

/// A request and its answer.
pub struct Step {
    /// How long to wait before it is sent.
    pub after: Duration,
    /// What is sent.
    pub request: Sent,
    /// What the reference answered.
    pub answer: Value,
}

/// What is sent.
pub enum Sent {
    /// A `RateLimitRequest` in JSON.
    Message(Value),
    /// Bytes in the place of one.
    Raw(Vec<u8>),
}

/// What we do otherwise in one case.
pub enum Ours {
    /// Other answers.
    Answers(Vec<Value>),
    /// The configuration is refused, and this is among the reasons.
    Refused(String),
}

fn folder() -> PathBuf {
    root().join("tests/envoy-cases")
}

/// The cases of a profile, in the order of their names.
pub fn of(profile: &str) -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(folder().join(profile))
        .expect("there are cases")
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a case can be read");
        case(&serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    paths.into_iter().map(read).collect()
}

/// Where we differ, by the names of cases.
pub fn ours() -> BTreeMap<String, Ours> {
    let table: BTreeMap<String, Value> = serde_json::from_str(include_str!("ours.json")).expect("it is JSON");
    let ours = |value: Value| match value.get("refused") {
        Some(reason) => Ours::Refused(reason.as_str().expect("a text").to_owned()),
        None => Ours::Answers(value["answers"].as_array().expect("a list").clone()),
    };
    table.into_iter().map(|(name, value)| (name, ours(value))).collect()
}

/// Every recorded configuration: its folder's name, its files, and whether the reference accepts it.
pub fn configurations() -> Vec<(String, Vec<PathBuf>, bool, Option<String>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder().join("configs")).expect("there are configurations") {
        let path = entry.expect("a folder can be listed").path();
        let expected = std::fs::read_to_string(path.join("expected.json")).expect("what is expected");
        let expected: Value = serde_json::from_str(&expected).expect("it is JSON");
        let mut files: Vec<_> = std::fs::read_dir(&path)
            .expect("a folder can be listed")
            .map(|file| file.expect("a folder can be listed").path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        files.sort();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let quirk = expected["quirk"].as_str().map(str::to_owned);
        found.push((name, files, expected["verdict"] == "accepted", quirk));
    }
    found.sort();
    found
}

fn case(value: &Value) -> Case {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let configs = [&value["config"]].into_iter().chain(list(&value["more_configs"]));
    let requests = list(&value["requests"]);
    let answers = list(&value["answers"]);
    let steps = requests.zip(answers).map(|(request, answer)| Step {
        after: Duration::from_millis(request["after_ms"].as_u64().unwrap_or(0)),
        request: match request.get("raw") {
            Some(bytes) => Sent::Raw(base64(bytes.as_str().expect("a text"))),
            None => Sent::Message(request["message"].clone()),
        },
        answer: answer.clone(),
    });
    Case {
        name: text(&value["name"]),
        quirk: value["quirk"].as_str().map(str::to_owned),
        window_s: match value["smallest_unit"].as_str().expect("a unit") {
            "SECOND" => 1,
            "MINUTE" => 60,
            _ => 3_600,
        },
        configs: configs.map(text).collect(),
        steps: steps.collect(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = DIGITS.iter().position(|known| *known == digit).expect("base64");
        bits = bits << 6 | u32::try_from(value).expect("below 64");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).expect("a byte"));
        }
    }
    bytes
}

#[test]
fn base64_is_read_as_it_is_written() {
    assert_eq!(base64("/////w=="), [0xFF; 4]);
    assert_eq!(base64("aGVsbG8="), b"hello");
    assert_eq!(base64(""), b"");
}
