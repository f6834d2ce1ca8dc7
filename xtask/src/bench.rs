//! `cargo xtask bench`: the benchmarks, on the profile that ships.
//!
//! Three of them: criterion on the core, the whole server against a service that does nothing, and what a quota costs.
//! None is a gate of CI: what they say depends on the machine, and `docs/performance.md` says which machine said what.

mod load;
mod operations;
mod pinned;
mod quota;
mod server;
mod serving;
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
    #[command(flatten)]
    operations: operations::Length,
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
    /// What a hard quota costs: in CPU per decision, and in operations on the store
    Quota,
    /// The second half of that alone
    Operations,
}

/// Runs the benchmarks.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let wanted = |which| options.which.is_none_or(|wanted| wanted == which);
    if wanted(Which::Core) {
        core(project, &options.criterion)?;
    }
    if wanted(Which::Server) {
        server::run(project, &options.server)?;
    }
    if wanted(Which::Quota) {
        quota::run(project, &options.server)?;
    }
    if wanted(Which::Quota) || options.which == Some(Which::Operations) {
        operations::run(project, &options.operations)?;
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
