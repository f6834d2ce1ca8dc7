//! The documents say what is so: their examples work as they stand, and their flags are those of the program.

use std::collections::BTreeSet;

use crate::harness::Launch;
use crate::harness::command::quorate;
use crate::harness::document::{self, read};

/// The blocks of a document in this language.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let blocks = document::blocks(text).into_iter();
    let blocks = blocks.filter(|block| block.language == language);
    blocks.map(|block| block.text).collect()
}

/// The flags that a text names, without what goes before and after them.
fn flags(text: &str) -> BTreeSet<String> {
    let part_of_flag = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let words = text.split(|c: char| !part_of_flag(c));
    let flags = words.filter(|word| word.starts_with("--") && word.len() > 3);
    flags.map(str::to_owned).collect()
}

fn help(command: &str) -> String {
    quorate([command, "--help"]).exits(0).stdout
}

#[test]
fn the_policy_in_the_readme_serves_and_has_no_problem() {
    let policies = blocks(&read("README.md"), "yaml");
    assert!(!policies.is_empty());
    for policy in policies {
        assert!(policy.lines().count() <= 20, "it is said to have 20 lines");
        let launch = Launch::with(&policy);
        let file = launch.path("policy.yaml").display().to_string();
        let checked = quorate(["validate", "--json", &file]).exits(0).json();
        assert_eq!(checked["warnings"], serde_json::json!([]), "{policy}");
        // In a place of its own: it may declare quotas.
        let kept = launch.path("kept").display().to_string();
        drop(launch.args(["--data-dir", &kept]).start());
    }
}

#[test]
fn the_answer_in_the_readme_is_what_the_command_before_it_says() {
    let readme = read("README.md");
    let shown = blocks(&readme, "");
    let shown = shown.iter().find(|block| block.starts_with("allowed"));
    let shown = shown.expect("the README shows an answer");
    let command = readme
        .lines()
        .find_map(|line| line.strip_prefix("target/release/quorate "));
    let command = command.expect("the README shows a command").replace('\'', "\"");
    let server = Launch::plain().start();
    let address = server.grpc().to_string();
    // Words, with what stands in quotes together.
    let mut words: Vec<&str> = Vec::new();
    for (index, part) in command.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words.extend(["--server", &address, "--deadline", "2m"]);
    let said = quorate(words).exits(0).stdout;
    // The id of a decision is another one each time.
    let same = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| match line.split_once("decision ") {
            Some((before, _)) => format!("{before}decision"),
            None => line.to_owned(),
        });
        lines.collect()
    };
    assert_eq!(same(shown), same(&said));
}

#[test]
fn operations_names_every_flag_of_serve_and_no_document_names_one_that_is_not() {
    let serve = flags(&help("serve"));
    assert!(serve.len() > 25, "{serve:?}");
    let operations = flags(&read("docs/OPERATIONS.md"));
    let general = ["--help", "--version"];
    let missing: Vec<_> = serve
        .iter()
        .filter(|flag| !operations.contains(*flag) && !general.contains(&flag.as_str()))
        .collect();
    assert!(missing.is_empty(), "docs/OPERATIONS.md does not name {missing:?}");

    let commands = [
        "serve",
        "check",
        "explain",
        "validate",
        "schema",
        "hash-credential",
        "bench",
        "completions",
        "export",
        "import",
    ];
    let ours: BTreeSet<String> = commands.iter().flat_map(|command| flags(&help(command))).collect();
    // Of cargo, rustc, git and others that the documents use.
    let others = [
        "--release",
        "--profile",
        "--test",
        "--nocapture",
        "--skip-e2e",
        "--proto",
        "--now",
        "--lib",
    ];
    for path in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/OPERATIONS.md",
        "docs/policy.md",
        "docs/semantics.md",
    ] {
        let unknown: Vec<_> = flags(&read(path))
            .into_iter()
            .filter(|flag| !ours.contains(flag) && !others.contains(&flag.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
}

#[test]
fn every_command_is_in_the_readme_and_its_help_says_how_it_ends() {
    let readme = read("README.md");
    for command in [
        "serve",
        "check",
        "explain",
        "validate",
        "schema",
        "hash-credential",
        "bench",
        "completions",
        "export",
        "import",
    ] {
        assert!(readme.contains(&format!("`{command}`")), "{command}");
        if ["check", "explain", "validate", "bench"].contains(&command) {
            assert!(help(command).contains("Exit codes:"), "{command}");
        }
    }
}
