//! Clients that are not ours: Python's grpcio, grpcurl, and the quick starts of the examples, run as they are
//! documented.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::command::{Outcome, run};
use crate::harness::{Launch, Server, environment, policy, root};

const PROTO: &str = "quorate/v1/decision.proto";

#[test]
fn python_asks_one_by_one_in_batches_and_on_a_stream() {
    let stubs = TempDir::new().expect("a folder");
    let mut protoc = Command::new(environment("QUORATE_TEST_PYTHON"));
    let folder = |flag: &str| format!("{flag}={}", stubs.path().display());
    protoc
        .args(["-m", "grpc_tools.protoc", "--proto_path"])
        .arg(root().join("proto"))
        .args([folder("--python_out"), folder("--grpc_python_out")])
        .arg(PROTO);
    run(&mut protoc).exits(0);
    let server = Launch::plain().start();
    let mut client = Command::new(environment("QUORATE_TEST_PYTHON"));
    client
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/foreign/client.py"))
        .arg(server.grpc().to_string())
        .arg(stubs.path());
    let outcome = run(&mut client).exits(0);
    assert_eq!(outcome.stdout.matches(" ok").count(), 5, "{}", outcome.stdout);
}

fn grpcurl(server: &Server, before: &[&str], after: &[&str]) -> Outcome {
    let mut grpcurl = Command::new(environment("QUORATE_TEST_GRPCURL"));
    let address = server.grpc().to_string();
    run(grpcurl.arg("-plaintext").args(before).arg(address).args(after))
}

#[test]
fn grpcurl_lists_by_reflection_and_calls() {
    let server = Launch::plain().start();
    let services = grpcurl(&server, &[], &["list"]).exits(0).stdout;
    for service in [
        "quorate.v1.DecisionService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ] {
        assert!(
            services.lines().any(|line| line == service),
            "{service} is not in\n{services}"
        );
    }
    let methods = grpcurl(&server, &[], &["list", "quorate.v1.DecisionService"])
        .exits(0)
        .stdout;
    assert_eq!(methods.lines().count(), 5, "{methods}");
    let described = grpcurl(&server, &[], &["describe", "quorate.v1.ShouldAllowRequest"])
        .exits(0)
        .stdout;
    assert!(described.contains("operation_id"), "{described}");

    let call = ["quorate.v1.DecisionService/ShouldAllow"];
    let question = r#"{"key": "k", "endpoint": "POST /api/v1/threats/scan"}"#;
    let answer: Value = grpcurl(&server, &["-d", question], &call).exits(0).json();
    assert_eq!(
        (&answer["allowed"], &answer["reason"]),
        (&Value::Bool(true), &"REASON_OK".into())
    );
    let refused = grpcurl(&server, &["-d", "{}"], &call);
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("InvalidArgument") && refused.stderr.contains("key"),
        "{refused:?}"
    );
    let health: Value = grpcurl(&server, &[], &["grpc.health.v1.Health/Check"]).exits(0).json();
    assert_eq!(health["status"], "SERVING");
}

#[test]
fn the_quick_start_in_python_runs_as_it_is_documented() {
    let quickstart = |server: &Server| {
        let mut python = Command::new(environment("QUORATE_TEST_PYTHON"));
        python.arg(root().join("examples/python/quickstart.py"));
        run_in_time(python.arg(server.grpc().to_string()))
    };
    quickstart(&Launch::plain().start()).exits(0);
    // Against a policy that answers otherwise it must notice.
    quickstart(&Launch::with(policy::one_limit(1, "1h")).start()).exits(1);
}

/// Runs a quick start, and again when the machine was too busy for the deadline of its calls. A run has new keys.
fn run_in_time(quickstart: &mut Command) -> Outcome {
    let mut outcome = run(quickstart);
    for _ in 0..10 {
        if !["DEADLINE_EXCEEDED", "DeadlineExceeded"]
            .iter()
            .any(|code| outcome.stderr.contains(code))
        {
            break;
        }
        outcome = run(quickstart);
    }
    outcome
}

#[test]
fn the_quick_start_in_go_runs_as_it_is_documented() {
    let folder = root().join("examples/go");
    run(Command::new(environment("QUORATE_TEST_BUF"))
        .arg("generate")
        .current_dir(&folder))
    .exits(0);
    let programs = TempDir::new().expect("a folder");
    let program = programs.path().join("quickstart");
    let mut build = Command::new(environment("QUORATE_TEST_GO"));
    run(build.args(["build", "-o"]).arg(&program).arg(".").current_dir(&folder)).exits(0);
    let quickstart = |server: &Server| run_in_time(Command::new(&program).arg(server.grpc().to_string()));
    quickstart(&Launch::plain().start()).exits(0);
    // Against a policy that answers otherwise it must notice.
    quickstart(&Launch::with(policy::one_limit(1, "1h")).start()).exits(1);
}
