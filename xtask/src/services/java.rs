//! A Java that Cassandra 5.0 runs on, and Maven: those of the machine, or else Debian's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::tools::debian;

/// What Cassandra 5.0 supports. Newer ones lack the security manager that it installs.
const VERSIONS: [u32; 2] = [17, 11];
/// Debian's names for these.
const PACKAGES: [&str; 1] = ["openjdk-17-jre-headless"];
/// Where Debian puts them: whatever `java` on the search path is, another one may be beside it.
const FOLDER: &str = "/usr/lib/jvm";

/// Finds a Java, or installs one.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(java) = find() {
        return Ok(java);
    }
    debian::install(&PACKAGES)?;
    find().context("openjdk-17-jre-headless is installed, but no Java 17 or 11 is found")
}

/// Installs Maven where it is missing.
pub fn maven() -> Result<Command> {
    if !command::succeeds(Command::new("mvn").arg("--version")) {
        debian::install(&["maven", PACKAGES[0]])?;
    }
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode"]);
    Ok(maven)
}

fn find() -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut beside: Vec<PathBuf> = std::fs::read_dir(FOLDER)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin/java"))
        .collect();
    beside.sort();
    let candidates = home.into_iter().chain([PathBuf::from("java")]).chain(beside);
    candidates.into_iter().find(|java| suits(java))
}

fn suits(java: &Path) -> bool {
    let Ok(output) = Command::new(java).arg("-version").output() else {
        return false;
    };
    // It writes its version to standard error.
    major(&String::from_utf8_lossy(&output.stderr)).is_some_and(|major| VERSIONS.contains(&major))
}

/// The 17 of `openjdk version "17.0.15" 2025-04-15`.
pub fn major(words: &str) -> Option<u32> {
    let version = words.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}
