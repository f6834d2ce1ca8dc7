//! The shape of files: what a module opens with, how long it may grow, how things are named, and which files have no
//! place here at all.

use super::problem::Problem;
use crate::source::Source;

/// Beyond this many lines a file probably holds more than one idea.
const LINES_WANTED: usize = 300;
/// No source file is longer.
const LINES_MAX: usize = 400;
/// Tests are lists of cases and may be longer.
const TEST_LINES_MAX: usize = 600;

/// Ends of names that say nothing of what a type is for.
const EMPTY_NAMES: [&str; 5] = ["Manager", "Handler", "Helper", "Util", "Utils"];

/// Ends of paths that code generators write.
const GENERATED: [&str; 8] = [
    ".pb.go",
    ".pb.rs",
    ".pb.cc",
    ".pb.h",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    "_pb.js",
];

/// Whether a file holds only test or benchmark code.
pub fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || path.split('/').any(|part| part == "tests" || part == "benches")
}

/// Judges one file.
pub fn check(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(misplaced(path).map(|message| Problem::of(path, message)));
    let generated_by_mark = text
        .lines()
        .take(5)
        .any(|line| line.contains(concat!("@gene", "rated")) || line.contains("DO NOT EDIT"));
    if generated_by_mark && !path.ends_with(".lock") || GENERATED.iter().any(|end| path.ends_with(end)) {
        problems.push(Problem::of(
            path,
            "generated code is never committed: generate it where it is used",
        ));
    }
    if path.ends_with(".rs") {
        problems.extend(check_rust(path, text));
    }
    problems
}

fn check_rust(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push(Problem::at(
            path,
            1,
            "a module opens with `//!`: what it is for, and what it is not for",
        ));
    }
    let lines = text.lines().count();
    let limit = if is_test_file(path) { TEST_LINES_MAX } else { LINES_MAX };
    if lines > limit {
        problems.push(Problem::of(
            path,
            format!("{lines} lines; at most {limit}: split it by idea"),
        ));
    } else if lines > LINES_WANTED && !is_test_file(path) {
        problems.push(Problem::warning(
            path,
            format!("{lines} lines; {LINES_WANTED} are wanted"),
        ));
    }
    let source = Source::scan(text);
    for pair in source.tokens().windows(2) {
        let declares = matches!(pair[0].text, "struct" | "enum" | "trait" | "type" | "union");
        if declares && EMPTY_NAMES.iter().any(|end| pair[1].text.ends_with(end)) {
            problems.push(Problem::at(
                path,
                pair[1].line,
                format!("`{}` does not say what it is for", pair[1].text),
            ));
        }
    }
    problems
}

/// Why a file has no place in this repository, if it has none.
fn misplaced(path: &str) -> Option<&'static str> {
    if matches!(path, "rust-toolchain" | "rust-toolchain.toml") {
        Some("a toolchain file could trigger a download; the manifest's rust-version says what is needed")
    } else if path.starts_with(".github/workflows") || path == ".gitlab-ci.yml" || path.starts_with(".circleci/") {
        Some("no vendor's CI files: .ci/run is what any of them runs")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
