//! The command line: exit codes, JSON, and the first two minutes of somebody who has just read the README.

use std::process::Command;

use serde_json::Value;

use crate::harness::ask::ask_with_credential;
use crate::harness::command::{Outcome, quorate, run};
use crate::harness::{AskExt, Client, Launch, Server, binary, policy, root};

const SCAN: &str = "POST /api/v1/threats/scan";

/// Enough for a busy machine: what a command does when its deadline passes is a test of its own.
const PATIENT: [&str; 2] = ["--deadline", "2m"];

/// `quorate check` of a scan, with more arguments.
fn check(server: &Server, more: &[&str]) -> Outcome {
    let address = server.grpc().to_string();
    let arguments = ["check", "--server", &address, "--endpoint", SCAN];
    quorate(arguments.into_iter().chain(PATIENT).chain(more.iter().copied()))
}

fn reference() -> String {
    root().join("examples/policies/reference.yaml").display().to_string()
}

fn lines(text: &str) -> Vec<Value> {
    let parsed = text.lines().map(serde_json::from_str);
    parsed
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

#[test]
fn check_charges_and_says_by_its_exit_code_what_came_of_it() {
    let server = Launch::plain().start();
    let first = check(&server, &["--key", "demo"]).exits(0);
    assert!(
        first.stdout.contains("allowed") && first.stdout.contains("55 of 60"),
        "{}",
        first.stdout
    );
    let rest = lines(
        &check(&server, &["--key", "demo", "--times", "14", "--json"])
            .exits(1)
            .stdout,
    );
    let allowed = rest.iter().filter(|answer| answer["allowed"] == true).count();
    assert_eq!((rest.len(), allowed), (14, 13), "the fifteenth in all is denied");
    let last = &rest[13];
    assert_eq!(
        (&last["reason"], &last["limit_name"]),
        (&"RATE_LIMITED".into(), &"per-minute".into())
    );
    assert!(
        last["retry_after_ns"].as_u64().is_some_and(|stated| stated > 0),
        "{last}"
    );
    let denied = check(&server, &["--key", "demo"]).exits(1);
    assert!(denied.stdout.contains("denied"), "{}", denied.stdout);
    assert!(
        !denied.stdout.contains('\u{1b}'),
        "no colours where nobody sees them: {:?}",
        denied.stdout
    );
    check(&server, &["--key", "other", "--look"]).exits(0);
    // A look charged nothing: the whole minute is there.
    let look = check(&server, &["--key", "other", "--look", "--json"]).exits(0).json();
    assert_eq!(look["remaining"], 60);
}

#[test]
fn check_tells_what_went_wrong() {
    let server = Launch::plain().start();
    quorate(["check", "--no-such-flag"]).exits(2);
    quorate(["check", "--server", "127.0.0.1:1", "--key", "k"]).exits(3);
    let refused = check(&server, &["--key", "k", "--amount", "no-such-meter=1"]).exits(3);
    assert!(refused.stderr.contains("amounts"), "{}", refused.stderr);
}

#[test]
fn what_is_wrong_comes_with_what_may_help() {
    let server = Launch::plain().start();
    let http = server.http().to_string();
    let mistaken =
        |server: &str| quorate(["check", "--key", "k", "--server", server].into_iter().chain(PATIENT)).exits(3);
    let at_http = mistaken(&http).stderr;
    assert!(at_http.contains("8081 is gRPC"), "{at_http}");
    let clear = mistaken(&format!("https://{}", server.grpc())).stderr;
    assert!(clear.contains("speaks no TLS"), "{clear}");
    let nobody = quorate(["explain", "--key", "k", "--server", "127.0.0.1:1"])
        .exits(3)
        .stderr;
    assert!(
        nobody.contains("quorate serve") && nobody.contains("--reference"),
        "{nobody}"
    );
    let whose = quorate(["check"]).exits(2).stderr;
    assert!(
        whose.contains("--key") && whose.contains("--credential-file"),
        "{whose}"
    );
    for (deadline, said) in [("5", "5s"), ("0s", "longer"), ("18446744073709551615ms", "400 days")] {
        let refused = quorate(["check", "--key", "k", "--deadline", deadline]).exits(2).stderr;
        assert!(refused.contains(said), "{deadline}: {refused}");
    }
    let launch = Launch::plain();
    let bad = launch.file("bad.yaml", "version: 2\n").display().to_string();
    let explained = quorate(["explain", "--policy", &bad, "--key", "k", "--json"]).exits(1);
    assert_eq!(explained.json()["valid"], false);
}

#[test]
fn nobody_who_leaves_early_sees_a_panic() {
    let server = Launch::plain().start();
    let quorate = format!("'{}'", binary().display());
    let check = format!("check --key k --times 200 --server {} --deadline 2m", server.grpc());
    let serve = "serve --grpc-listen 127.0.0.1:0 --http-listen 127.0.0.1:0";
    for words in [&check, "schema", "completions bash", "--help", "serve --print-config"] {
        for into in ["| true", "> /dev/full"] {
            let outcome = run(Command::new("sh").args(["-c", &format!("{quorate} {words} {into}")]));
            assert!(
                !outcome.stderr.contains("panicked"),
                "{words} {into}: {}",
                outcome.stderr
            );
        }
    }
    let full = run(Command::new("sh").args(["-c", &format!("{quorate} {serve} > /dev/full")])).exits(3);
    assert!(!full.stderr.contains("panicked"), "{}", full.stderr);
    let silenced =
        run(Command::new("sh").args(["-c", &format!("{quorate} check --key k --server ftp://x 2> /dev/full")]));
    silenced.exits(3);
}

#[test]
fn validate_reports_every_problem_at_once() {
    let valid = quorate(["validate", &reference(), "--json"]).exits(0).json();
    assert_eq!((&valid["valid"], &valid["plans"]), (&Value::Bool(true), &3.into()));
    let launch = Launch::plain();
    let bad = launch.file(
        "bad.yaml",
        "version: 1\nplanz: {}\ndefaults: { plan: nowhere, warn_at: 800% }\n",
    );
    let bad = bad.display().to_string();
    let shown = quorate(["validate", &bad]).exits(1);
    for said in ["bad.yaml:2:1", "planz", "plans", "nowhere", "800%"] {
        assert!(shown.stdout.contains(said), "{said} is not said:\n{}", shown.stdout);
    }
    let report = quorate(["validate", &bad, "--json"]).exits(1).json();
    let problems = report["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), 3, "{report}");
    assert!(
        problems
            .iter()
            .all(|problem| problem["line"].as_u64().is_some_and(|line| line > 1)),
        "{report}"
    );
    quorate(["validate", "no-such-file.yaml"]).exits(3);
}

#[tokio::test]
async fn explain_says_which_limits_apply_and_charges_nothing() {
    let offline = quorate(["explain", "--reference", "--key", "ak", "--endpoint", SCAN]).exits(0);
    for said in ["developer", "per-minute", "per-hour", "scan-per-minute"] {
        assert!(offline.stdout.contains(said), "{said} is not said:\n{}", offline.stdout);
    }
    quorate([
        "explain",
        "--policy",
        &reference(),
        "--key",
        "ak",
        "--endpoint",
        SCAN,
        "--json",
    ])
    .exits(0)
    .json();
    let server = Launch::plain().start();
    let address = server.grpc().to_string();
    for _ in 0..3 {
        let explain = ["explain", "--server", &address, "--key", "ak", "--endpoint", SCAN];
        quorate(explain.into_iter().chain(PATIENT)).exits(0);
    }
    let client = server.client().await;
    assert_eq!(client.used(crate::harness::ask("ak").at(SCAN), "per-minute").await, 0);
}

#[test]
fn completions_schema_help_and_version() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(quorate(["completions", shell]).exits(0).stdout.contains("quorate"));
    }
    let schema = quorate(["schema"]).exits(0).json();
    assert!(schema["properties"]["plans"].is_object(), "{schema}");
    assert!(
        quorate(["--version"])
            .exits(0)
            .stdout
            .contains(env!("CARGO_PKG_VERSION"))
    );
    for command in ["serve", "check", "validate", "explain", "bench", "completions"] {
        let help = quorate([command, "--help"]).exits(0).stdout;
        assert!(help.contains("Examples:"), "{command} shows no example:\n{help}");
    }
}

#[test]
fn bench_measures_every_way_of_asking() {
    let server = Launch::with(policy::one_limit(1_000_000_000, "1h")).start();
    let address = server.grpc().to_string();
    for mode in ["unary", "batch", "stream"] {
        let load = ["bench", "--json", "--server", &address, "--mode", mode, "--keys", "100"];
        let load = load.into_iter().chain(["--count", "2000", "--connections", "2"]);
        let report = quorate(load.chain(PATIENT)).exits(0).json();
        let count = |field: &str| {
            report[field]
                .as_u64()
                .unwrap_or_else(|| panic!("no {field} in {report}"))
        };
        assert_eq!((count("decisions"), count("denied")), (2_000, 0), "{report}");
        assert!(
            report["latency_ns"]["p50"].as_u64() <= report["latency_ns"]["p99"].as_u64(),
            "{report}"
        );
    }
    // A rate is kept: an open loop sends what is due and no more.
    let load = [
        "bench",
        "--json",
        "--server",
        &address,
        "--rate",
        "500",
        "--duration",
        "1s",
    ];
    let report = quorate(load.into_iter().chain(PATIENT)).exits(0).json();
    let count = |field: &str| report[field].as_u64().expect("a number");
    let due = count("decisions") + count("unsent");
    // A busy machine sends less than is due, and says so; each of the two threads may have one call due at the end.
    assert!((498..=500).contains(&due), "{report}");
    quorate(["bench", "--server", "127.0.0.1:1", "--duration", "100ms"]).exits(3);
}

#[tokio::test]
async fn a_credential_is_found_by_the_hash_that_the_command_makes() {
    let launch = Launch::plain();
    let key = launch.file("credential.key", &"5a".repeat(32));
    let secret = launch.file("secret", "s3cret-of-acme\n");
    let (key, secret) = (key.display().to_string(), secret.display().to_string());
    let hashed = quorate(["hash-credential", "--credential-key-file", &key, &secret])
        .exits(0)
        .stdout;
    let policy = format!(
        "version: 1\ndefaults: {{ plan: p }}\n\
         plans: {{ p: {{ limits: [{{ name: own, per: key, limit: 2, window: 1h }}] }} }}\n\
         orgs: {{ acme: {{}} }}\nkeys: {{ ci: {{ org: acme, credential_hash: {} }} }}\n",
        hashed.trim()
    );
    let policy = launch.file("keys.yaml", &policy);
    let server = launch
        .arg("--policy")
        .arg(policy)
        .arg("--credential-key-file")
        .arg(key)
        .start();
    let client: Client = server.client().await;
    use quorate_api::v1::{Include, Reason};
    let answer = client
        .allowed(ask_with_credential("s3cret-of-acme").with(Include::Policy))
        .await;
    assert_eq!(answer.policy.expect("asked for").org, "acme");
    // The secret and the id are one key.
    client.allowed(crate::harness::ask("ci")).await;
    client
        .denied(ask_with_credential("s3cret-of-acme"), Reason::RateLimited)
        .await;
    client
        .denied(ask_with_credential("s3cret-of-acme "), Reason::KeyUnknown)
        .await;
    for page in ["/metrics", "/v1/throttled", "/v1/policy"] {
        let page = crate::harness::http::get(server.http(), page).await.body;
        assert!(!page.contains("s3cret"), "a secret is never shown: {page}");
    }
    assert!(!server.words().contains("s3cret"));
}

#[test]
fn the_first_two_minutes() {
    // `serve` with nothing given says where it listens and what to try; what it says to try works as it stands.
    let launch = Launch::bare();
    let words = launch.path("words");
    let ready = launch.path("ready");
    let mut command = Command::new(binary());
    command.args([
        "serve",
        "--grpc-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
        "--ready-file",
    ]);
    // Where nothing else is said its data is kept in the working directory.
    command
        .arg(&ready)
        .current_dir(launch.path("."))
        .stdout(std::fs::File::create(&words).expect("a file"));
    let _server = crate::harness::server::until_file(&mut command, &ready);
    let said = std::fs::read_to_string(&words).expect("text");
    assert!(said.contains("127.0.0.1:"), "{said}");
    let line = said
        .lines()
        .map(str::trim)
        .find(|line| line.contains(" check --key demo"));
    let line = line.unwrap_or_else(|| panic!("nothing to try in:\n{said}"));
    // As it stands it has two seconds for its answer. A machine that is too busy for that is asked again.
    let mut outcome = run(Command::new("sh").args(["-c", line]));
    for _ in 0..20 {
        if !outcome.stderr.contains("no answer within the deadline") {
            break;
        }
        outcome = run(Command::new("sh").args(["-c", line]));
    }
    let outcome = outcome.exits(0);
    assert!(outcome.stdout.contains("allowed"), "{}", outcome.stdout);
    assert!(launch.path("quorate-data").is_dir());
}
