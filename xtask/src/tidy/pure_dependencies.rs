//! The pure crates depend, however indirectly, on nothing that could read a clock, a socket, a file or a random
//! source, and on no runtime, wire format or logger.

use anyhow::Result;

use super::manifests::Package;
use super::problem::Problem;
use super::pure_source::PURE_CRATES;
use crate::command;
use crate::project::Project;

/// What a pure crate must not reach. Families are named by their members that everything else of them depends on.
const FORBIDDEN: [&str; 32] = [
    // Runtimes, sockets and files.
    "tokio",
    "tokio-stream",
    "tokio-util",
    "mio",
    "async-std",
    "smol",
    "socket2",
    "rustix",
    "nix",
    "notify",
    "tempfile",
    // The wire.
    "tonic",
    "tonic-prost",
    "prost",
    "prost-types",
    "hyper",
    "h2",
    "axum",
    "reqwest",
    "rustls",
    // Clocks.
    "quanta",
    "chrono",
    "time",
    // Randomness.
    "rand",
    "rand_core",
    "getrandom",
    "fastrand",
    "ahash",
    // Logs and metrics.
    "tracing",
    "log",
    "opentelemetry",
    "prometheus-client",
];

/// Judges what Cargo resolves for every pure crate of the workspace.
pub fn check_all(project: &Project, packages: &[Package]) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for package in packages
        .iter()
        .filter(|package| PURE_CRATES.contains(&package.name.as_str()))
    {
        let mut tree = project.cargo();
        tree.args([
            "tree",
            "--package",
            &package.name,
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "depth",
        ]);
        let tree = command::capture(&mut tree)?;
        problems.extend(check(&package.manifest, &tree));
    }
    Ok(problems)
}

/// Judges one dependency tree: lines of a depth directly followed by a name and a version.
fn check(manifest: &str, tree: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut way: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
        let (depth, rest) = line.split_at(digits);
        let (Ok(depth), Some(name)) = (depth.parse::<usize>(), rest.split(' ').next()) else {
            continue;
        };
        way.truncate(depth);
        way.push(name);
        if FORBIDDEN.contains(&name) {
            problems.push(Problem::of(
                manifest,
                format!("a pure crate must not reach {name}: {}", way.join(" -> ")),
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
