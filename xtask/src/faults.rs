//! `cargo xtask faults`: the long run of what the tests do in short. Servers on the embedded store are killed again and
//! again, and two servers on real Cassandra are failed in every way, for as long as you like. The figures that it prints
//! are those of `docs/quotas.md` and `docs/scylla.md`.

use std::ffi::OsString;

use anyhow::Result;

use crate::project::Project;
use crate::services::{self, Services};
use crate::steps::Steps;
use crate::test;

/// How long, on what.
#[derive(clap::Args)]
pub struct Options {
    /// For how many minutes two servers on Cassandra are failed; 0 leaves this out
    #[arg(long, default_value_t = 25)]
    minutes: u64,
    /// How many nodes of Cassandra, each with a copy of everything. With several, the tests of the store run on them too
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    nodes: u8,
    /// How often a server on the embedded store is killed; 0 leaves this out
    #[arg(long, default_value_t = 200)]
    crashes: u64,
    /// The seed of the faults; a new one each time unless given
    #[arg(long)]
    seed: Option<u64>,
}

/// Fails everything, and prints what came of it.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    if let Some(binary) = steps.run("build the server", || test::build_server(project)) {
        let server = ("QUORATE_BIN", OsString::from(binary));
        if options.crashes > 0 {
            steps.run("kill servers on the embedded store", || {
                let crashes = ("QUORATE_TEST_CRASHES", options.crashes.to_string().into());
                test::some(project, "e2e", &["quotas::crashes"], &vec![server.clone(), crashes])
            });
        }
        if options.nodes > 1 {
            steps.run("tests of the store on several nodes", || {
                let started = services::start(project, options.nodes)?;
                let environment = with(&started, std::slice::from_ref(&server));
                test::some(project, test::DURABLE, &["--skip", "servers::failing"], &environment)
            });
        }
        if options.minutes > 0 {
            steps.run("fail servers and databases", || fail(project, options, &server));
        }
    }
    steps.summary()
}

fn fail(project: &Project, options: &Options, server: &(&'static str, OsString)) -> Result<()> {
    let prepared = services::prepare(project)?;
    let mut told = vec![
        server.clone(),
        ("QUORATE_TEST_FAULTS_MINUTES", options.minutes.to_string().into()),
        ("QUORATE_TEST_FAULTS_NODES", options.nodes.to_string().into()),
    ];
    if let Some(seed) = options.seed {
        told.push(("QUORATE_TEST_FAULTS_SEED", seed.to_string().into()));
    }
    let environment = with(&prepared, &told);
    test::some(project, test::DURABLE, &["servers::failing"], &environment)
}

fn with(services: &Services, more: &[(&'static str, OsString)]) -> Vec<(&'static str, OsString)> {
    let mut environment = services.environment();
    environment.extend_from_slice(more);
    environment
}
