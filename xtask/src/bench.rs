//! `cargo xtask bench`: the benchmarks, on the profile that ships.
//!
//! Five of them: criterion on the core, the whole server against a service that does nothing, what a quota costs, how much
//! Envoy can ask within its default time-out, and what keeping windows costs.
//! None is a gate of CI: what they say depends on the machine, and `docs/performance.md` says which machine said what.

mod envoy;
mod folder;
mod load;
mod operations;
mod page;
mod pinned;
mod proxy;
mod quota;
mod server;
mod serving;
mod snapshot;
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
    #[command(flatten)]
    envoy: envoy::Steps,
    #[command(flatten)]
    snapshot: snapshot::Size,
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
    /// How much a real Envoy can ask before more than one of 1,000 questions take longer than its default 20 ms
    Envoy,
    /// What keeping windows costs: a stop, a restore, the writing behind
    Snapshot,
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
    if wanted(Which::Envoy) {
        envoy::run(project, &options.envoy)?;
    }
    if wanted(Which::Snapshot) {
        snapshot::run(project, &options.snapshot)?;
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
