//! The load on a server: `quorate bench` as it ships, on a core of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::pinned::{LOAD_CORE, SERVER_CORE, on_core};
use crate::command;
use crate::project::Project;

/// Connections of the load.
pub const CONNECTIONS: &str = "4";
/// Calls in flight on each connection of a closed loop.
pub const IN_FLIGHT: &str = "25";
/// Keys that are asked for.
pub const KEYS: &str = "100000";
/// Requests of one batch.
pub const BATCH: &str = "100";

/// What one turn of load came to.
pub struct Load {
    /// Decisions that were answered.
    pub decisions: u64,
    /// Those of them that were denials.
    pub denied: u64,
}

impl Load {
    /// Itself, if at most `share` of a thousand decisions were denials: they would not cost what is to be measured.
    pub fn with_few_denied(self, share: u64) -> Result<Self> {
        let Self { decisions, denied } = self;
        ensure!(
            denied * 1_000 <= decisions * share,
            "{denied} of {decisions} decisions were denials"
        );
        Ok(self)
    }
}

/// Builds a program as it ships.
pub fn build(project: &Project, package: &str, program: &str) -> Result<PathBuf> {
    command::run(
        project
            .cargo()
            .args(["build", "--profile", "dist", "--package", package, "--bin", program]),
    )?;
    let target = project.metadata()?.target_directory.into_std_path_buf();
    Ok(target.join("dist").join(program))
}

/// The command that makes a load; `mode` is what it is told of how to ask, `in_flight` how many calls at once on each
/// connection.
pub fn bench(quorate: &Path, address: &str, mode: &[&str], in_flight: &str, seconds: u32) -> Command {
    let mut bench = on_core(LOAD_CORE, quorate);
    bench
        .args(["bench", "--json", "--server", address, "--mode"])
        .args(mode);
    bench.args(["--connections", CONNECTIONS, "--in-flight", in_flight, "--keys", KEYS]);
    bench.args(["--duration", &format!("{seconds}s")]);
    bench
}

/// Makes a load and waits for its end.
pub fn load(quorate: &Path, address: &str, mode: &[&str], seconds: u32) -> Result<Load> {
    decided(&command::capture(&mut bench(
        quorate, address, mode, IN_FLIGHT, seconds,
    ))?)
}

/// Reads the report of a load.
pub fn decided(report: &str) -> Result<Load> {
    let report: Value = serde_json::from_str(report).context("the report of `quorate bench`")?;
    let number = |field: &str| {
        report[field]
            .as_u64()
            .with_context(|| format!("no `{field}` in {report}"))
    };
    Ok(Load {
        decisions: number("decisions")?,
        denied: number("denied")?,
    })
}

/// What the numbers were measured on.
pub fn machine() -> String {
    let processor = processor();
    format!("Measured on {processor}; server on core {SERVER_CORE}, load on core {LOAD_CORE}.")
}

/// The machine's processor, and how many cores of it there are.
pub fn processor() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unknown CPU", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}
