//! The manifests of the workspace: what every package must state, and their dependencies in a form that other checks
//! judge.

use anyhow::Result;

use super::problem::Problem;
use crate::project::{Project, TextFile};

/// A package of the workspace, as its manifest declares it.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its manifest, relative to the root.
    pub manifest: String,
    /// What it depends on, of every kind.
    pub dependencies: Vec<Dependency>,
    /// Its licence, if stated.
    pub license: Option<String>,
    /// The oldest compiler it promises to build with, if stated.
    pub rust_version: Option<String>,
    /// What it is for, if stated.
    pub description: Option<String>,
}

/// One declared dependency.
pub struct Dependency {
    /// The name of the package depended on.
    pub name: String,
    /// The line of the manifest, or 0.
    pub line: usize,
}

/// The packages of the workspace.
pub fn packages(project: &Project, files: &[TextFile]) -> Result<Vec<Package>> {
    let metadata = project.metadata()?;
    let packages = metadata.packages.iter().map(|package| {
        let manifest = package
            .manifest_path
            .strip_prefix(&metadata.workspace_root)
            .unwrap_or(&package.manifest_path);
        let text = files
            .iter()
            .find(|file| file.path == manifest.as_str())
            .map_or("", |file| &file.text);
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            line: line_of(text, &dependency.name),
        });
        Package {
            name: package.name.to_string(),
            manifest: manifest.to_string(),
            dependencies: dependencies.collect(),
            license: package.license.clone(),
            rust_version: package.rust_version.as_ref().map(ToString::to_string),
            description: package.description.clone(),
        }
    });
    Ok(packages.collect())
}

/// Every package states its licence, its compiler and its purpose.
pub fn check(packages: &[Package]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in packages {
        if package.license.as_deref() != Some("Apache-2.0") {
            problems.push(Problem::of(&package.manifest, "must state `license.workspace = true`"));
        }
        if package.rust_version.is_none() {
            problems.push(Problem::of(
                &package.manifest,
                "must state `rust-version.workspace = true`",
            ));
        }
        if package.description.as_ref().is_none_or(|text| text.trim().is_empty()) {
            problems.push(Problem::of(
                &package.manifest,
                "must say in `description` what the package is for",
            ));
        }
    }
    problems
}

/// The line on which a manifest names a dependency, skipping the workspace's own list of versions.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let mut in_workspace = false;
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            in_workspace = line.starts_with("[workspace");
        }
        let named = line
            .strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        if named && !in_workspace {
            return index + 1;
        }
    }
    0
}

#[cfg(test)]
pub mod tests;
