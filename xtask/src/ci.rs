//! `cargo xtask ci`: everything a change must pass, and exactly what a machine checks before it lands.

use anyhow::Result;

use crate::project::Project;
use crate::steps::Steps;
use crate::{command, test};

/// Runs everything and prints what came of it.
pub fn run(project: &Project) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("fmt", || {
        command::run(project.cargo().args(["fmt", "--all", "--check"]))
    });
    steps.run("clippy", || {
        command::run(
            project
                .cargo()
                .args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        )
    });
    test::all(project, &test::Options::default(), &mut steps);
    steps.run("docs", || {
        let mut doc = project.cargo();
        command::run(
            doc.args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    });
    steps.summary()
}
