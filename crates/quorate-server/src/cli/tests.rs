//! Whole commands against a server in this process: what they come to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use quorate_client::{Ask, Client};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::exit::{Exit, Failure};
use super::{Command, bench, check, dispatch};
use crate::config::{Arguments, Config, Layers};
use crate::serve::{Addresses, Server, prepare};

#[derive(Debug, Parser)]
#[command(name = "quorate")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

fn parse(words: &[&str]) -> Command {
    let words = std::iter::once("quorate").chain(words.iter().copied());
    Line::try_parse_from(words)
        .unwrap_or_else(|error| panic!("{error}"))
        .command
}

/// The reference catalogue on a free port. Dropping the runtime stops it.
fn serve() -> (Runtime, String) {
    let (runtime, addresses) = serve_both();
    (runtime, addresses.grpc.to_string())
}

fn serve_both() -> (Runtime, Addresses) {
    let free = |name: &str| (name.to_owned(), "127.0.0.1:0".to_owned());
    let nowhere = ("QUORATE_STORE".to_owned(), "none".to_owned());
    let environment = [free("QUORATE_GRPC_LISTEN"), free("QUORATE_HTTP_LISTEN"), nowhere];
    let layers = Layers::gather(&Arguments::default(), environment);
    let (config, _) = Config::read(&layers).unwrap_or_else(|problems| panic!("{problems}"));
    let runtime = Runtime::new().expect("a runtime");
    let prepared = prepare(config).expect("nothing is wrong");
    let server = runtime.block_on(Server::start(prepared)).expect("starts");
    let addresses = server.addresses().clone();
    // It serves until its runtime ends.
    runtime.spawn(async move {
        std::future::pending::<()>().await;
        drop(server);
    });
    (runtime, addresses)
}

/// Far longer than any call here takes, also on a machine that does a hundred other things.
const PATIENCE: &str = "--deadline=2m";

fn run(address: &str, words: &[&str]) -> Result<Exit, Failure> {
    let server = format!("--server={address}");
    let mut all = words.to_vec();
    all.extend([&server, PATIENCE]);
    dispatch(parse(&all), Line::command())
}

const SCAN: [&str; 2] = ["--key=ak_1", "--endpoint=POST /api/v1/threats/scan"];
const SCAN_ENDPOINT: &str = "POST /api/v1/threats/scan";

#[test]
fn a_developer_gets_14_scans_and_the_15th_is_denied() {
    let (_runtime, address) = serve();
    let scan = |more: &[&str]| {
        let words = [&["check"], &SCAN[..], more].concat();
        run(&address, &words).expect("decided")
    };
    assert_eq!(scan(&["--times=14"]), Exit::Success);
    assert_eq!(scan(&["--look"]), Exit::No, "a look is judged the same");
    assert_eq!(scan(&["--json"]), Exit::No);
    let explained = run(&address, &[&["explain"], &SCAN[..]].concat());
    assert_eq!(explained.expect("decided"), Exit::No);
    let other = run(&address, &["explain", "--key=ak_2", "--json"]);
    assert_eq!(other.expect("decided"), Exit::Success);
}

#[test]
fn what_cannot_be_decided_is_a_failure() {
    let (_runtime, address) = serve();
    let malformed = run(&address, &["check", "--key=k", "--amount=no-such-meter=1"]);
    assert_eq!(malformed.expect_err("refused").exit, Exit::Failed);
    // Nobody listens on the discard port of a machine that runs tests.
    let away = run("127.0.0.1:9", &["check", "--key=k"]);
    assert_eq!(away.expect_err("unreachable").exit, Exit::Failed);
    let away = run("127.0.0.1:9", &["bench", "--count=1"]);
    assert_eq!(away.expect_err("unreachable").exit, Exit::Failed);
    let no_address = run("ftp://x", &["check", "--key=k"]);
    assert_eq!(no_address.expect_err("malformed").exit, Exit::Failed);
}

#[test]
fn health_is_asked_and_told_from_no_answer() {
    let (_runtime, address) = serve();
    assert_eq!(run(&address, &["health"]).expect("answered"), Exit::Success);
    let ours = run(&address, &["health", "--service=quorate.v1.DecisionService"]);
    assert_eq!(ours.expect("answered"), Exit::Success);
    let unknown = run(&address, &["health", "--service=no.such.Service"]);
    assert_eq!(unknown.expect_err("not known").exit, Exit::Failed);
    let away = run("127.0.0.1:9", &["health"]);
    assert_eq!(away.expect_err("unreachable").exit, Exit::Failed);
}

#[test]
fn a_load_of_each_mode_counts_what_it_was_told() {
    let (_runtime, address) = serve();
    let modes: [&[&str]; 4] = [
        &["--mode=unary"],
        &["--mode=batch", "--batch-size=7"],
        &["--mode=stream"],
        &["--mode=stream", "--rate=100000"],
    ];
    for mode in modes {
        let words = [&["bench", "--count=700", "--connections=3", "--keys=1000000000"], mode].concat();
        let Command::Bench(arguments) = parse(&[&words[..], &["--server", &address, PATIENCE]].concat()) else {
            panic!("it is a bench");
        };
        let outcome = bench::measure(&arguments).expect("runs");
        assert_eq!(outcome.tally.decisions(), 700, "{mode:?}");
        assert_eq!((outcome.tally.allowed, outcome.tally.failures()), (700, 0), "{mode:?}");
        assert!(outcome.tally.at(0.5) > 0 && outcome.tally.longest() >= outcome.tally.at(0.5));
    }
    let denied = run(&address, &["bench", "--count=100", "--keys=1", "--look", "--cost=61"]);
    assert_eq!(denied.expect("runs"), Exit::Success, "a denial is an answer");
    let malformed = run(&address, &["bench", "--count=10", "--cost=18446744073709551615"]);
    assert_eq!(malformed.expect("runs"), Exit::Failed, "nothing was answered");
}

/// The body of an answer over HTTP.
fn over_http(addresses: &Addresses, question: &Value) -> Value {
    let body = question.to_string();
    let mut stream = TcpStream::connect(addresses.http).expect("connects");
    write!(
        stream,
        "POST /v1/should-allow HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("headers end");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn the_json_is_that_of_http() {
    let (runtime, addresses) = serve_both();
    let question = json!({
        "key": "k", "endpoint": SCAN_ENDPOINT, "check_only": true, "include": ["limits", "policy", "shadow"],
    });
    let theirs = over_http(&addresses, &question);
    let ask = Ask::key("k").endpoint(SCAN_ENDPOINT).look();
    let ask = ask.include_limits().include_policy().include_shadow();
    let config = quorate_client::Config::new(addresses.grpc.to_string()).deadline(Duration::from_secs(120));
    let answer = runtime.block_on(async {
        let client = Client::new(config).expect("a good configuration");
        client.should_allow(ask).await.expect("judged")
    });
    let ours: Value = serde_json::from_str(&check::json(&answer)).expect("JSON");
    let names = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&ours), names(&theirs));
    // What depends on the moment differs; what does not, does not.
    for name in [
        "allowed",
        "reason",
        "limit_name",
        "limit",
        "remaining",
        "window_ns",
        "policy",
        "shadow_denied",
    ] {
        assert_eq!(ours[name], theirs[name], "{name}");
    }
    assert_eq!(names(&ours["limits"][0]), names(&theirs["limits"][0]));
    assert_eq!(ours["limits"][0]["algorithm"], theirs["limits"][0]["algorithm"]);
}

#[test]
fn the_command_line_is_sound_and_every_command_gives_examples() {
    let line = Line::command();
    line.clone().debug_assert();
    for command in line.get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Examples:\n  "), "{}", command.get_name());
    }
}
