//! `cargo xtask mutants`: which changes to the core's arithmetic would no test notice?
//!
//! Takes long and is run by hand before a release; `docs/` lists the mutants that change no behaviour.

use anyhow::{Result, ensure};

use crate::command;
use crate::project::Project;
use crate::tools::Tools;

/// The modules whose every line must matter to some test.
const MODULES: [&str; 3] = ["window", "pool", "charge"];

/// Where they are.
const CORE: &str = "crates/quorate-core/src";

/// How to run.
#[derive(clap::Args)]
pub struct Options {
    /// Passed on to cargo-mutants, for instance `--list` or `--shard 1/4`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Mutates and reports.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let files = project.text_files()?;
    for module in MODULES {
        let there = files
            .iter()
            .any(|file| file.path.starts_with(CORE) && file.path.contains(&format!("/{module}")));
        ensure!(
            there,
            "the core has no module {module} any more: correct the list in xtask/src/mutants.rs"
        );
    }
    let program = Tools::of(project).cargo_mutants(project)?;
    let mut mutants = std::process::Command::new(program);
    mutants
        .current_dir(&project.root)
        .args(["mutants", "--package", "quorate-core", "--output", "target"]);
    for module in MODULES {
        mutants.args(["--file", &format!("{CORE}/**/{module}*")]);
        mutants.args(["--file", &format!("{CORE}/**/{module}*/**/*.rs")]);
    }
    command::run(mutants.args(&options.arguments))
}
