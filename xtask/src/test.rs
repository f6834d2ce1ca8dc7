//! `cargo xtask test`: prepares whatever the tests need and runs every test.
//!
//! Made for a machine that has nothing but Rust: the rest is installed on first use. Nothing is skipped silently.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::Metadata;

use crate::project::Project;
use crate::steps::Steps;
use crate::{command, image, prepare, services, tidy};

/// The package of the end-to-end tests.
const END_TO_END: &str = "quorate-tests";
/// The tests among them that need a real database.
pub const DURABLE: &str = "durable";
/// The profile that the one binary of the end-to-end tests is built with.
const PROFILE: &str = "e2e";

/// What to leave out, for a quicker turn while working. Nothing is left out by default.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Leave out `tidy`
    #[arg(long)]
    skip_tidy: bool,
    /// Leave out the tests of the single crates
    #[arg(long)]
    skip_unit: bool,
    /// Leave out the end-to-end tests, and all the tools that only they need
    #[arg(long)]
    skip_e2e: bool,
    /// Leave out the end-to-end tests on a real database
    #[arg(long)]
    skip_durable: bool,
}

/// Runs the tests and prints what came of them.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    all(project, options, &mut steps);
    steps.summary()
}

/// Runs the tests as steps of a larger run.
pub fn all(project: &Project, options: &Options, steps: &mut Steps) {
    if !options.skip_tidy {
        steps.run("tidy", || tidy::run(project));
    }
    if !options.skip_unit {
        unit(project, steps);
    }
    if !options.skip_e2e {
        end_to_end(project, options, steps);
    }
}

fn unit(project: &Project, steps: &mut Steps) {
    steps.run("tests of the crates", || {
        let targets = integration_targets(&project.metadata()?, |package| package != END_TO_END);
        let mut cargo = project.cargo();
        cargo.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--examples"]);
        command::run(cargo.args(selection(&targets)))
    });
    steps.run("tests in the documentation", || {
        command::run(project.cargo().args(["test", "--workspace", "--no-fail-fast", "--doc"]))
    });
}

fn end_to_end(project: &Project, options: &Options, steps: &mut Steps) {
    const NAMES: [&str; 2] = ["end-to-end tests", "end-to-end tests on Cassandra"];
    let environment = prepare::all(project, steps);
    let binary = steps.run("build the server", || build_server(project));
    let (Some(mut environment), Some(binary)) = (environment, binary) else {
        for name in NAMES {
            steps.not_run(name, "what they need could not be prepared");
        }
        return;
    };
    steps.run("the image's files", || image::check(project, Some(&binary)));
    environment.push(("QUORATE_BIN", binary.into()));
    steps.run(NAMES[0], || {
        end_to_end_targets(project, |name| name != DURABLE, &environment)
    });
    if options.skip_durable {
        return;
    }
    // Started late and stopped at once: it takes half a gigabyte.
    let Some(services) = steps.run("start Cassandra", || services::start(project, 1)) else {
        steps.not_run(NAMES[1], "Cassandra could not be started");
        return;
    };
    environment.extend(services.environment());
    steps.run(NAMES[1], || {
        end_to_end_targets(project, |name| name == DURABLE, &environment)
    });
}

fn end_to_end_targets(
    project: &Project,
    chosen: impl Fn(&str) -> bool,
    environment: &prepare::Environment,
) -> Result<()> {
    let mut targets = integration_targets(&project.metadata()?, |package| package == END_TO_END);
    targets.retain(|name| chosen(name));
    ensure!(!targets.is_empty(), "the package {END_TO_END} lacks tests");
    let mut cargo = project.cargo();
    // The whole workspace is selected, as for the other tests, so that shared dependencies have the same features and
    // are not built twice.
    cargo
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(selection(&targets));
    command::run(cargo.envs(environment.iter().cloned()))
}

/// Runs those tests of one target whose names hold `part`, with what they print.
pub fn some(project: &Project, target: &str, part: &[&str], environment: &prepare::Environment) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["test", "--workspace", "--test", target, "--"]).args(part);
    command::run(cargo.arg("--nocapture").envs(environment.iter().cloned()))
}

/// Builds the one binary of the end-to-end tests; where it is.
pub fn build_server(project: &Project) -> Result<PathBuf> {
    command::run(
        project
            .cargo()
            .args(["build", "--profile", PROFILE, "--package", "quorate-server"]),
    )?;
    let target = project.metadata()?.target_directory.into_std_path_buf();
    let binary = target
        .join(PROFILE)
        .join(format!("quorate{}", std::env::consts::EXE_SUFFIX));
    command::capture(Command::new(&binary).arg("--version")).context("the built server does not start")?;
    Ok(binary)
}

/// The names of the integration tests of the chosen packages.
fn integration_targets(metadata: &Metadata, chosen: impl Fn(&str) -> bool) -> Vec<String> {
    let packages = metadata.packages.iter().filter(|package| chosen(&package.name));
    packages
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_test())
        .map(|target| target.name.clone())
        .collect()
}

fn selection(targets: &[String]) -> impl Iterator<Item = String> {
    targets.iter().flat_map(|name| ["--test".to_owned(), name.clone()])
}
