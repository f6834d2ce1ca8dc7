//! Tests run, all of them, and wait for what they wait for: no `#[ignore]`, and no sleep instead of a signal.

use super::problem::Problem;
use super::shape::is_test_file;
use crate::source::Source;

/// What excuses a sleep, on its line or the one before: a reason must follow.
const EXCUSE: &str = "// tidy: allow sleep because ";

/// Judges one file.
pub fn check(path: &str, text: &str) -> Vec<Problem> {
    let source = Source::scan(text);
    let tokens = source.tokens();
    let tests_from = if is_test_file(path) {
        0
    } else {
        source.inline_tests_from().unwrap_or(usize::MAX)
    };
    let excused = |line: usize| {
        source.comments.iter().any(|comment| {
            let reason = comment.text.strip_prefix(EXCUSE).unwrap_or_default();
            !reason.trim().is_empty() && (comment.line == line || comment.line + 1 == line)
        })
    };
    let mut problems = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or("", |token| token.text);
        let before = at.checked_sub(1).map_or("", |before| tokens[before].text);
        match token.text {
            "ignore" if in_attribute(&tokens, at) => {
                problems.push(Problem::at(
                    path,
                    token.line,
                    "a test that does not run proves nothing: no `#[ignore]`",
                ));
            }
            "sleep" | "sleep_until" | "sleep_ms"
                if next == "(" && before != "fn" && token.line >= tests_from && !excused(token.line) =>
            {
                let message = format!("a sleep is no synchronization: wait for the event, or say `{EXCUSE}…`");
                problems.push(Problem::at(path, token.line, message));
            }
            _ => {}
        }
    }
    problems
}

/// Whether a token stands as an attribute of its own: `#[ignore…` or behind a `cfg_attr` condition.
fn in_attribute(tokens: &[crate::source::Token<'_>], at: usize) -> bool {
    let text = |back: usize| at.checked_sub(back).map_or("", |before| tokens[before].text);
    let direct = text(1) == "[" && text(2) == "#";
    let opened = tokens[..at].iter().rposition(|token| token.text == "#");
    let conditional = opened.is_some_and(|open| {
        tokens.get(open + 2).is_some_and(|token| token.text == "cfg_attr")
            && !tokens[open..at].iter().any(|token| token.text == "]")
    });
    direct || (conditional && text(1) == ",")
}

#[cfg(test)]
mod tests;
