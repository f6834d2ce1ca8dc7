//! Code outside tests panics only for a bug of ours, and says why it cannot happen: `expect("why this holds")`, never
//! `unwrap()`.

use super::problem::Problem;
use super::shape::is_test_file;
use crate::source::Source;

/// Judges one file.
pub fn check(path: &str, text: &str) -> Vec<Problem> {
    if is_test_file(path) {
        return Vec::new();
    }
    let source = Source::scan(text);
    let tests_from = source.inline_tests_from().unwrap_or(usize::MAX);
    let tokens = source.tokens();
    let calls = tokens
        .windows(4)
        .filter(|run| run[0].text == "." && run[0].line < tests_from && run[2].text == "(");
    calls
        .filter(|run| matches!(run[1].text, "unwrap" | "unwrap_err") && run[3].text == ")")
        .map(|run| {
            Problem::at(
                path,
                run[1].line,
                "`unwrap()` says nothing: return an error, or `expect` with why it holds",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
