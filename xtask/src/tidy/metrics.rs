//! Every metric of the server has its row in `docs/metrics.md`, and every row its metric.
//!
//! A metric is known by a string literal of its name; the `_total` that the exposition format puts behind a counter's
//! name may be left out in the source.

use std::collections::BTreeMap;

use super::problem::Problem;
use super::shape::is_test_file;
use crate::project::TextFile;
use crate::source::Source;

/// The page.
const PAGE: &str = "docs/metrics.md";
/// What every metric's name begins with.
const PREFIX: &str = "quorate_";
/// Names of crates begin so too, and appear in filters of logs.
const CRATES: [&str; 7] = [
    "quorate_api",
    "quorate_core",
    "quorate_policy",
    "quorate_node",
    "quorate_server",
    "quorate_client",
    "quorate_tests",
];

/// Judges the sources of all crates against the page.
pub fn check(files: &[TextFile]) -> Vec<Problem> {
    let registered = registered(files);
    let page = files
        .iter()
        .find(|file| file.path == PAGE)
        .map_or("", |file| &file.text);
    let documented = documented(page);
    let mut problems = Vec::new();
    for (name, (path, line)) in &registered {
        if !documented.contains_key(name) {
            problems.push(Problem::at(
                path,
                *line,
                format!("the metric {name} has no row in {PAGE}"),
            ));
        }
    }
    for (name, line) in &documented {
        if !registered.contains_key(name) {
            problems.push(Problem::at(
                PAGE,
                *line,
                format!("no source registers the metric {name}"),
            ));
        }
    }
    problems
}

fn registered(files: &[TextFile]) -> BTreeMap<String, (&str, usize)> {
    let mut names = BTreeMap::new();
    let sources = files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.path.ends_with(".rs") && !is_test_file(&file.path));
    for file in sources {
        let source = Source::scan(&file.text);
        let tests_from = source.inline_tests_from().unwrap_or(usize::MAX);
        for literal in source
            .literals
            .iter()
            .filter(|literal| literal.line < tests_from && is_metric(&literal.text))
        {
            names
                .entry(bare(&literal.text))
                .or_insert((file.path.as_str(), literal.line));
        }
    }
    names
}

/// The names in the first column of the page's tables.
fn documented(page: &str) -> BTreeMap<String, usize> {
    let rows = page.lines().enumerate().filter(|(_, line)| line.starts_with('|'));
    rows.filter_map(|(index, line)| {
        let cell = line.split('|').nth(1)?;
        let name = cell.split('`').nth(1)?;
        is_metric(name).then(|| (bare(name), index + 1))
    })
    .collect()
}

fn is_metric(text: &str) -> bool {
    let in_shape = |rest: &str| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    text.strip_prefix(PREFIX).is_some_and(in_shape) && !CRATES.contains(&text)
}

fn bare(name: &str) -> String {
    name.strip_suffix("_total").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests;
