//! Fetches the files of the list and holds them to their checksums, at every start.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::java;
use super::lock::{self, Artifact};
use crate::command;
use crate::tools::Tools;

/// Networks fail; what arrived before is kept by Maven.
const FETCH_TRIES: u32 = 3;

/// The files in the order of the class path, fetched where they are missing or not what they should be.
pub fn prepare(tools: &Tools) -> Result<Vec<PathBuf>> {
    let artifacts = lock::artifacts()?;
    let folder = tools.folder().join(format!("cassandra-{}", lock::VERSION));
    if verify(&folder, &artifacts).is_err() {
        fetch(&folder, &artifacts)?;
        verify(&folder, &artifacts)?;
    }
    let mut files: Vec<PathBuf> = artifacts.iter().map(|artifact| folder.join(artifact.file())).collect();
    files.sort();
    Ok(files)
}

/// Every file is there and has its checksum.
fn verify(folder: &Path, artifacts: &[Artifact]) -> Result<()> {
    ensure!(folder.is_dir(), "{} is not there", folder.display());
    let sums = sums(artifacts);
    let mut check = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "-"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("sha256sum (of coreutils) is needed to check what was fetched")?;
    // A program that ends early closes its input; its status says why.
    let _ = check.stdin.take().context("piped")?.write_all(sums.as_bytes());
    let output = check.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "the files in {} are not what cassandra.lock says:\n{}",
            folder.display(),
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(())
}

/// What `sha256sum --check` reads.
pub fn sums(artifacts: &[Artifact]) -> String {
    artifacts.iter().fold(String::new(), |mut lines, artifact| {
        let _ = writeln!(lines, "{}  {}", artifact.sha256, artifact.file());
        lines
    })
}

fn fetch(folder: &Path, artifacts: &[Artifact]) -> Result<()> {
    println!("fetching Cassandra {}: {} files", lock::VERSION, artifacts.len());
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    std::fs::write(folder.join("pom.xml"), lock::project_of(artifacts))?;
    for attempt in 1..=FETCH_TRIES {
        let mut copy = java::maven()?;
        copy.current_dir(folder)
            .arg(format!("{}:copy-dependencies", lock::PLUGIN))
            .arg(format!("-DoutputDirectory={}", folder.display()));
        match command::run(&mut copy) {
            Ok(()) => return Ok(()),
            Err(error) if attempt == FETCH_TRIES => return Err(error),
            Err(error) => println!("{error:#}; trying again"),
        }
    }
    bail!("unreachable: the last attempt returned")
}
