//! `cargo xtask bench`: the benchmarks, on the profile that ships.
//!
//! Two of them: criterion on the core, and the whole server against a service that does nothing. None is a gate of CI:
//! what they say depends on the machine, and `docs/performance.md` says which machine said what.

mod pinned;
mod server;
mod table;

use anyhow::Result;

use crate::command;
use crate::project::Project;

/// What to run.
#[derive(clap::Args)]
pub struct Options {
    /// Which benchmark [default: all of them]
    #[arg(value_enum)]
    which: Option<Which>,
    #[command(flatten)]
    server: server::Turns,
    /// Passed on to criterion, for instance a filter
    #[arg(last = true)]
    criterion: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// The core alone, by criterion
    Core,
    /// The whole server, in CPU per decision, next to a service that does nothing
    Server,
}

/// Runs the benchmarks.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    if options.which != Some(Which::Server) {
        core(project, &options.criterion)?;
    }
    if options.which != Some(Which::Core) {
        server::run(project, &options.server)?;
    }
    Ok(())
}

fn core(project: &Project, criterion: &[String]) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args([
        "bench",
        "--profile",
        "dist",
        "--package",
        "quorate-core",
        "--benches",
        "--",
    ]);
    command::run(cargo.args(criterion))
}
