//! The types of the wire stop at the edge: only the contract, the server, the client and the end-to-end tests know
//! prost, tonic and the generated code.

use super::manifests::Package;
use super::problem::Problem;
use crate::source::Source;

/// Packages that may use them.
const AT_THE_EDGE: [&str; 4] = ["quorate-api", "quorate-server", "quorate-client", "quorate-tests"];

/// Folders of those packages.
const FOLDERS_AT_THE_EDGE: [&str; 6] = [
    "src/",
    "build.rs",
    "crates/quorate-server/",
    "crates/quorate-client/",
    "tests/",
    "examples/",
];

/// Judges the declared dependencies.
pub fn check_manifests(packages: &[Package]) -> Vec<Problem> {
    let inner = packages
        .iter()
        .filter(|package| !AT_THE_EDGE.contains(&package.name.as_str()));
    let judged = inner.flat_map(|package| package.dependencies.iter().map(move |dependency| (package, dependency)));
    judged
        .filter(|(_, dependency)| is_of_the_wire(&dependency.name.replace('-', "_")))
        .map(|(package, dependency)| {
            let message = format!(
                "{} must not know {}: wire types stop at the edge",
                package.name, dependency.name
            );
            Problem::at(&package.manifest, dependency.line, message)
        })
        .collect()
}

/// Judges one file.
pub fn check_source(path: &str, text: &str) -> Vec<Problem> {
    if FOLDERS_AT_THE_EDGE.iter().any(|folder| path.starts_with(folder)) {
        return Vec::new();
    }
    let source = Source::scan(text);
    source
        .tokens()
        .windows(2)
        .filter(|pair| is_of_the_wire(pair[0].text) && pair[1].text == "::")
        .map(|pair| {
            Problem::at(
                path,
                pair[0].line,
                format!("`{}` beyond the edge of the wire", pair[0].text),
            )
        })
        .collect()
}

fn is_of_the_wire(name: &str) -> bool {
    let family = |first: &str| name == first || name.strip_prefix(first).is_some_and(|rest| rest.starts_with('_'));
    family("prost") || family("tonic") || family("protox") || name == "quorate_api"
}

#[cfg(test)]
mod tests;
