//! The allowed edges between our crates: the picture of `docs/ARCHITECTURE.md`, enforced.

use super::manifests::Package;
use super::problem::Problem;

/// What a crate may depend on, of ours.
enum Allowed {
    /// Only these.
    Only(&'static [&'static str]),
    /// Any of them.
    Everything,
}

use Allowed::{Everything, Only};

/// Every edge that is allowed. A new crate gets a row here and in the architecture page, together.
const EDGES: [(&str, Allowed); 13] = [
    ("quorate-api", Only(&[])),
    ("quorate-core", Only(&[])),
    ("quorate-policy", Only(&["quorate-core"])),
    ("quorate-envoy", Only(&["quorate-core", "quorate-policy"])),
    ("quorate-quota", Only(&["quorate-core"])),
    ("quorate-cluster", Only(&["quorate-core"])),
    ("quorate-store", Only(&["quorate-core"])),
    ("quorate-store-scylla", Only(&["quorate-core", "quorate-store"])),
    (
        "quorate-node",
        Only(&[
            "quorate-core",
            "quorate-policy",
            "quorate-envoy",
            "quorate-quota",
            "quorate-cluster",
            "quorate-store",
        ]),
    ),
    ("quorate-server", Everything),
    ("quorate-client", Only(&["quorate-api"])),
    ("quorate-tests", Everything),
    ("xtask", Only(&[])),
];

/// Judges the edges of every kind, those of tests included: a test that needs more belongs to `tests/`.
pub fn check(packages: &[Package]) -> Vec<Problem> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut problems = Vec::new();
    for package in packages {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package.name) else {
            problems.push(Problem::of(
                &package.manifest,
                "a crate without a row in the table of allowed edges (xtask/src/tidy/edges.rs)",
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| ours(&dependency.name)) {
            let may = match allowed {
                Everything => true,
                Only(names) => names.contains(&dependency.name.as_str()),
            };
            if !may {
                let message = format!("{} must not depend on {}", package.name, dependency.name);
                problems.push(Problem::at(&package.manifest, dependency.line, message));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests;
