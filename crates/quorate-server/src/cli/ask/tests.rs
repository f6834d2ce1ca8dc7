//! Arguments become the question that they say.

use clap::Parser;
use quorate_client::Ask;

use super::{CREDENTIAL_BYTES_MAX, Question};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    question: Question,
}

fn parse(arguments: &[&str]) -> Result<Question, clap::Error> {
    let words = std::iter::once("quorate").chain(arguments.iter().copied());
    Line::try_parse_from(words).map(|line| line.question)
}

#[test]
fn every_argument_reaches_the_question() {
    let question = parse(&[
        "--key=k",
        "--org=o",
        "--endpoint=GET /x",
        "--cost=3",
        "--amount=tokens=1_000",
        "--amount=bytes=2",
        "--attribute=ip=::1",
        "--attribute=user=a=b",
        "--environment=prod",
        "--scope=soc2",
        "--scope=gdpr",
    ])
    .expect("all are known");
    let expected = Ask::key("k")
        .org("o")
        .endpoint("GET /x")
        .cost(3)
        .amount("tokens", 1_000)
        .amount("bytes", 2)
        .attribute("ip", "::1")
        .attribute("user", "a=b")
        .environment("prod")
        .scope("soc2")
        .scope("gdpr");
    assert_eq!(question.ask().expect("reads no file"), expected);
    assert_eq!(question.shown(), "k  GET /x");
}

#[test]
fn a_credential_is_read_from_a_file_without_its_line_end() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "s3cret\r\n").expect("writes");
    let argument = format!("--credential-file={}", file.path().display());
    let question = parse(&[&argument]).expect("no key is needed");
    assert_eq!(question.ask().expect("reads"), Ask::credential("s3cret"));
    assert!(!question.shown().contains("s3cret"));

    std::fs::write(file.path(), "\n").expect("writes");
    assert!(question.ask().is_err(), "an empty credential is a mistake");

    let longest = usize::try_from(CREDENTIAL_BYTES_MAX).expect("small");
    std::fs::write(file.path(), "s".repeat(longest)).expect("writes");
    assert!(question.ask().is_ok());
    std::fs::write(file.path(), "s".repeat(longest + 1)).expect("writes");
    assert!(question.ask().is_err(), "what is too long is refused and never cut");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let cases: [&[&str]; 7] = [
        &[],
        &["--key=k", "--cost", "-1"],
        &["--key=k", "--credential-file=f"],
        &["--key=k", "--cost=-1"],
        &["--key=k", "--amount=tokens"],
        &["--key=k", "--amount==1"],
        &["--key=k", "--attribute=ip"],
    ];
    for arguments in cases {
        let refused = parse(arguments).expect_err("refused");
        assert_eq!(refused.exit_code(), 2, "{arguments:?}");
    }
    let nobody = parse(&[]).expect_err("refused").to_string();
    assert!(
        nobody.contains("--key") && nobody.contains("--credential-file"),
        "{nobody}"
    );
    let cost = parse(&["--key=k", "--cost", "-1"]).expect_err("refused").to_string();
    assert!(cost.contains("no whole number of units"), "{cost}");
}
