//! The wire contract, judged by `buf`: its standard rules, a comment on everything, and no break with the last
//! release.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::problem::Problem;
use crate::command;

/// What `buf` exits with when it ran and found something.
const FOUND_SOMETHING: i32 = 100;

/// Lints the contract below `root`, by the rules of its `buf.yaml`.
pub fn lint(buf: &Path, root: &Path) -> Result<Vec<Problem>> {
    findings(
        Command::new(buf)
            .args(["lint", "--error-format", "text"])
            .current_dir(root),
    )
}

/// Compares the contract with the last release; before there is one there is nothing to break.
pub fn breaking(buf: &Path, root: &Path) -> Result<Vec<Problem>> {
    let Some(tag) = last_release(root) else {
        println!("tidy: no release tag yet, so there is nothing that buf could find broken");
        return Ok(Vec::new());
    };
    let folder = command::capture(
        Command::new("git")
            .args(["rev-parse", "--git-common-dir"])
            .current_dir(root),
    )?;
    breaking_against(buf, root, &format!("{}#format=git,tag={tag}", folder.trim()))
}

/// Compares the contract with another state of it, in `buf`'s notation.
fn breaking_against(buf: &Path, root: &Path, other: &str) -> Result<Vec<Problem>> {
    findings(
        Command::new(buf)
            .args(["breaking", "--error-format", "text", "--against", other])
            .current_dir(root),
    )
}

/// The newest tag of a release that this commit comes after.
fn last_release(root: &Path) -> Option<String> {
    let mut tags = Command::new("git");
    tags.args([
        "tag",
        "--list",
        "v[0-9]*",
        "--merged",
        "HEAD",
        "--sort=-version:refname",
    ])
    .current_dir(root);
    command::capture(&mut tags).ok()?.lines().next().map(str::to_owned)
}

fn findings(buf: &mut Command) -> Result<Vec<Problem>> {
    let output = buf.output().context("starting buf")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => Ok(Vec::new()),
        Some(FOUND_SOMETHING) => Ok(text.lines().map(problem).collect()),
        _ => bail!(
            "buf: {}\n{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Reads a finding of the form `path:line:column:message`.
fn problem(finding: &str) -> Problem {
    let mut parts = finding.splitn(4, ':');
    let path = parts.next().unwrap_or_default();
    match (
        parts.next().and_then(|line| line.parse().ok()),
        parts.next(),
        parts.next(),
    ) {
        (Some(line), Some(_), Some(message)) => Problem::at(path, line, message),
        _ => Problem::of("buf.yaml", finding),
    }
}

#[cfg(test)]
mod tests;
