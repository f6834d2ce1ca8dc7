//! The project's own tasks, run as `cargo xtask <task>`.
//!
//! Everything that a person or a machine does to this repository beyond plain Cargo commands is a task here, so that
//! there is one place to look. Nothing of the product lives here, and nothing of the product depends on it.

mod bench;
mod ci;
mod command;
mod deny;
mod faults;
mod image;
mod mutants;
mod prepare;
mod project;
mod services;
mod source;
mod steps;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules of the house: crate edges, purity, module headers, file lengths, proto lint, and the rest
    Tidy,
    /// Prepare whatever the tests need and run every test: this is what proves a checkout
    Test(test::Options),
    /// Install the foreign clients that the end-to-end tests use and print the variables that lead to them
    Prepare,
    /// Start a real Apache Cassandra on loopback, say where it is, and keep it until the task is ended
    Services(services::Options),
    /// Kill servers and databases for as long as you like, and count what that costs (before a release)
    Faults(faults::Options),
    /// Run what the Dockerfile runs, without Docker, and start what comes of it (a release build: minutes)
    Image(image::Options),
    /// Everything a change must pass: fmt, clippy, tidy, test, docs without warnings
    Ci,
    /// Run the benchmarks, on the profile that ships
    Bench(bench::Options),
    /// Mutate the window, pool and charge modules of the core and list the mutants that no test catches (slow)
    Mutants(mutants::Options),
    /// Check licences and bans of every dependency with cargo-deny (installed on first use: minutes)
    Deny,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let project = project::Project::find()?;
    match task {
        Task::Tidy => tidy::run(&project),
        Task::Test(options) => test::run(&project, &options),
        Task::Prepare => prepare::run(&project),
        Task::Services(options) => services::run(&project, &options),
        Task::Faults(options) => faults::run(&project, &options),
        Task::Image(options) => image::run(&project, &options),
        Task::Ci => ci::run(&project),
        Task::Bench(options) => bench::run(&project, &options),
        Task::Mutants(options) => mutants::run(&project, &options),
        Task::Deny => deny::run(&project),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        super::Cli::command().debug_assert();
    }
}
