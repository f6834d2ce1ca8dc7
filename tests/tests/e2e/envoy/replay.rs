//! Replays the recorded cases: one server for each profile with the configurations of all its cases, and field by field
//! what the reference answered, or what we answer instead where `docs/ENVOY.md` says that we differ.
//!
//! Windows are aligned to the clock, so a case must not meet the end of one. Before it begins it waits for the next
//! window where too little is left; if one ended all the same, it is done again on a new server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt, stream};
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;

use super::cases::{self, Case, Ours, Sent};
use super::client::RateLimits;
use super::json::{difference, request, response};
use crate::harness::command::quorate;
use crate::harness::{Launch, Server};

/// What the settings of the recorded servers are called here.
const PROFILES: [(&str, &[&str]); 8] = [
    ("plain", &[]),
    ("headers", &["--envoy-response-headers"]),
    (
        "headers_custom",
        &[
            "--envoy-response-headers",
            "--envoy-limit-header",
            "X-My-Limit",
            "--envoy-remaining-header",
            "x-my-remaining",
            "--envoy-reset-header",
            "X-MY-RESET",
        ],
    ),
    ("metadata", &["--envoy-dynamic-metadata"]),
    ("shadow", &["--envoy-shadow"]),
    ("quota", &["--envoy-quota"]),
    ("stop_increment", &["--envoy-stop-increment-when-over"]),
    ("merge", &["--envoy-merge-domains"]),
];

/// How many cases run at once.
const AT_ONCE: usize = 32;

/// How often cases are begun again whose windows ended: a second is soon over on a busy machine.
const ATTEMPTS: usize = 30;

/// How much of a window must be left, by its length.
const ROOM: [(u64, Duration); 3] = [
    (3_600, Duration::from_secs(15)),
    (60, Duration::from_secs(6)),
    (1, Duration::from_millis(750)),
];

#[tokio::test]
async fn plain() {
    replay("plain").await;
}

#[tokio::test]
async fn response_headers() {
    replay("headers").await;
    replay("headers_custom").await;
}

#[tokio::test]
async fn dynamic_metadata() {
    replay("metadata").await;
}

#[tokio::test]
async fn shadow_and_quota_for_all() {
    replay("shadow").await;
    replay("quota").await;
}

#[tokio::test]
async fn what_is_over_stops_counting() {
    replay("stop_increment").await;
}

#[tokio::test]
async fn files_of_one_domain_are_merged() {
    replay("merge").await;
}

#[test]
fn a_difference_has_a_case_with_a_quirk_and_a_row_in_the_document() {
    let ours: BTreeSet<String> = cases::ours().into_keys().collect();
    let all = PROFILES.iter().flat_map(|(profile, _)| cases::of(profile));
    let quirks: BTreeSet<String> = all.filter(|case| case.quirk.is_some()).map(|case| case.name).collect();
    let unfounded: Vec<_> = ours.difference(&quirks).collect();
    assert!(
        unfounded.is_empty(),
        "the reference has no quirk in {unfounded:?}: these cases must pass"
    );
    let document = std::fs::read_to_string(crate::harness::root().join("docs/ENVOY.md")).expect("it can be read");
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<String> = rows
        .flat_map(|row| row.split('`'))
        .filter(|word| quirks.contains(*word))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        named, ours,
        "docs/ENVOY.md names other cases than those in which the answers differ"
    );
}

#[test]
fn configurations_are_accepted_and_refused_as_by_the_reference() {
    let configurations = cases::configurations();
    assert!(configurations.len() > 60);
    let mut unlike = Vec::new();
    for (name, files, accepted, quirk) in configurations {
        let folder = tempfile::TempDir::new().expect("a folder");
        for file in &files {
            let to = folder.path().join(file.file_name().expect("it has a name"));
            std::fs::copy(file, to).expect("a file can be copied");
        }
        let path = folder.path().display().to_string();
        let done = quorate(["validate", "--envoy", &path]);
        let verdict = done.code == Some(0);
        if verdict != accepted && quirk.is_none() {
            unlike.push(format!("{name}: {}", done.stdout));
        }
    }
    assert!(unlike.is_empty(), "{unlike:#?}");
}

/// Replays the cases of a profile.
async fn replay(profile: &str) {
    let (refused, loaded): (Vec<_>, Vec<_>) = cases::of(profile)
        .into_iter()
        .partition(|case| matches!(cases::ours().get(&case.name), Some(Ours::Refused(_))));
    for case in &refused {
        is_refused(profile, case);
    }
    let loaded = without_refused_quirks(profile, loaded);
    let (long, short): (Vec<_>, Vec<_>) = loaded.iter().partition(|case| case.window_s == 3_600);
    whole(profile, &long, AT_ONCE).await;
    // One by one: nothing else keeps the machine busy while seconds count.
    for case in short {
        whole(profile, &[case], 1).await;
    }
}

/// The cases whose files we take. One that we refuse would take its whole profile down: it is set aside where the case
/// says that the reference is peculiar there, and named where it does not.
fn without_refused_quirks(profile: &str, cases: Vec<Case>) -> Vec<Case> {
    let (quirks, mut taken): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.quirk.is_some());
    if refusal(profile, &taken.iter().collect::<Vec<_>>()).is_some() {
        let refused = taken.iter().filter_map(|case| refusal(profile, &[case]));
        let refused: Vec<String> = refused.collect();
        panic!("{profile}: the reference takes these files without a quirk: {refused:#?}");
    }
    taken.extend(quirks.into_iter().filter(|case| refusal(profile, &[case]).is_none()));
    taken
}

/// What is wrong with the files of cases, if anything.
fn refusal(profile: &str, cases: &[&Case]) -> Option<String> {
    let folder = tempfile::TempDir::new().expect("a folder");
    for (name, config) in files(cases) {
        std::fs::write(folder.path().join(name), config).expect("a file");
    }
    let path = folder.path().display().to_string();
    let merge = (profile == "merge").then_some("--merge-domains");
    let done = quorate(["validate", "--envoy", &path].into_iter().chain(merge));
    (done.code != Some(0)).then_some(done.stdout)
}

/// The files of cases, by their names.
fn files<'c>(cases: &[&'c Case]) -> Vec<(String, &'c str)> {
    let mut files = Vec::new();
    for case in cases {
        for (index, config) in case.configs.iter().enumerate() {
            let name = if index == 0 {
                format!("{}.yaml", case.name)
            } else {
                format!("{}-{index}.yaml", case.name)
            };
            files.push((name, config.as_str()));
        }
    }
    files
}

/// A configuration that the reference takes and we do not: said at the start, with the reason.
fn is_refused(profile: &str, case: &Case) {
    let ours = cases::ours();
    let Some(Ours::Refused(reason)) = ours.get(&case.name) else {
        panic!("{} is not to be refused", case.name);
    };
    let (code, words) = launch(profile, &[case]).refused();
    assert_eq!(code, Some(2), "{}: {words}", case.name);
    assert!(words.contains(reason), "{}: {reason:?} is not among {words}", case.name);
    assert!(words.contains(&format!("{}.yaml", case.name)), "{words}");
}

/// Replays cases until none of their windows ended meanwhile.
async fn whole(profile: &str, cases: &[&Case], at_once: usize) {
    for _ in 0..ATTEMPTS {
        let server = launch(profile, cases).start();
        if let Some(unlike) = attempt(&server, cases, at_once).await {
            assert!(
                unlike.is_empty(),
                "{} of {}:\n{}",
                unlike.len(),
                cases.len(),
                unlike.join("\n")
            );
            return;
        }
    }
    panic!("a window of {profile} ended in every one of {ATTEMPTS} attempts");
}

/// What differed in each case, or nothing when a window ended meanwhile.
async fn attempt(server: &Server, cases: &[&Case], at_once: usize) -> Option<Vec<String>> {
    let client = RateLimits::of(server).await;
    let ours = cases::ours();
    let runs = cases.iter().map(|case| run(&client, case, &ours));
    let outcomes: Vec<Option<Option<String>>> = stream::iter(runs).buffer_unordered(at_once).collect().await;
    let outcomes: Option<Vec<_>> = outcomes.into_iter().collect();
    Some(outcomes?.into_iter().flatten().collect())
}

/// Replays a case: what differed, or `None` when a window ended in the middle.
async fn run(client: &RateLimits, case: &Case, ours: &BTreeMap<String, Ours>) -> Option<Option<String>> {
    room_in(case.window_s).await;
    let hour = now().as_secs() / 3_600;
    let mut window = None;
    for (index, step) in case.steps.iter().enumerate() {
        if !step.after.is_zero() {
            window = None;
            // tidy: allow sleep because the case states how long it is
            tokio::time::sleep(step.after).await;
            room_in(case.window_s).await;
        }
        let bytes = match &step.request {
            Sent::Message(message) => request(message).encode_to_vec(),
            Sent::Raw(bytes) => bytes.clone(),
        };
        let before = now().as_secs() / case.window_s;
        let answer = client.send(bytes).await;
        let same_hour = now().as_secs() / 3_600 == hour;
        if !same_hour || now().as_secs() / case.window_s != before || *window.get_or_insert(before) != before {
            return None;
        }
        let expected = match ours.get(&case.name) {
            Some(Ours::Answers(answers)) => &answers[index],
            _ => &step.answer,
        };
        let got = match answer {
            Ok(answer) => json!({"response": response(&answer)}),
            Err(status) => json!({"error": {"code": code(status.code()), "message": status.message()}}),
        };
        if let Some(unlike) = unlike(expected, &got) {
            return Some(Some(format!("{} [{index}] {unlike}", case.name)));
        }
    }
    Some(None)
}

fn unlike(expected: &Value, got: &Value) -> Option<String> {
    match (expected.get("error"), got.get("error")) {
        (Some(expected), Some(got)) => difference(&expected["code"], &got["code"]),
        (None, None) => difference(&expected["response"], &got["response"]),
        _ => Some(format!("expected {expected}, got {got}")),
    }
}

const fn code(code: Code) -> &'static str {
    match code {
        Code::Unknown => "UNKNOWN",
        Code::Internal => "INTERNAL",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::Unavailable => "UNAVAILABLE",
        _ => "another",
    }
}

/// A server with the settings of a profile and the configurations of cases.
fn launch(profile: &str, cases: &[&Case]) -> Launch {
    let (_, settings) = PROFILES.iter().find(|(name, _)| *name == profile).expect("a profile");
    let launch = Launch::plain();
    let folder = launch.path("rules");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, config) in files(cases) {
        launch.file(&format!("rules/{name}"), config);
    }
    launch.arg("--envoy-config").arg(folder).args(*settings)
}

/// Waits for the next window where too little is left of this one.
async fn room_in(window_s: u64) {
    let (_, room) = ROOM.iter().find(|(length, _)| *length == window_s).expect("a length");
    let window = Duration::from_secs(window_s);
    let gone = Duration::from_nanos(u64::try_from(now().as_nanos() % window.as_nanos()).expect("below an hour"));
    let left = window.saturating_sub(gone);
    if left < *room {
        // tidy: allow sleep because windows are aligned to the clock, and this one's end is known
        tokio::time::sleep(left + Duration::from_millis(1)).await;
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}
