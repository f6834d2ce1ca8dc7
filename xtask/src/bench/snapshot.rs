//! What keeping windows costs: stop, restore, writing behind, and how long a shard's lock is held for it. In process, on
//! the embedded engine; the example of `quorate-node` that it runs measures and prints.

use anyhow::Result;

use super::folder::Folder;
use super::load::processor;
use crate::command;
use crate::project::Project;

/// What is kept.
#[derive(clap::Args)]
pub struct Size {
    /// Snapshot: how many keys
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// Snapshot: orgs that the keys are spread over
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    orgs: u64,
    /// Snapshot: how often each key is used before the stop
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..))]
    hits: u64,
}

/// Builds the example, runs it on a folder of its own, and has it print its table.
pub fn run(project: &Project, size: &Size) -> Result<()> {
    let folder = Folder::new(project)?;
    println!("\nMeasured on {}.\n", processor());
    let mut cargo = project.cargo();
    cargo.args([
        "run",
        "--release",
        "--package",
        "quorate-node",
        "--example",
        "snapshot",
        "--",
    ]);
    cargo.arg(folder.path());
    command::run(cargo.args([size.keys, size.orgs, size.hits].map(|number| number.to_string())))
}
