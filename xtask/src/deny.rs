//! `cargo xtask deny`: licences and bans of every dependency, by the rules of `deny.toml`.
//!
//! Apart from `ci`, because building cargo-deny takes minutes.

use anyhow::Result;

use crate::command;
use crate::project::Project;
use crate::tools::Tools;

/// Checks; needs no network once cargo-deny is there.
pub fn run(project: &Project) -> Result<()> {
    let program = Tools::of(project).cargo_deny(project)?;
    let mut deny = std::process::Command::new(program);
    command::run(
        deny.current_dir(&project.root)
            .args(["--workspace", "check", "licenses", "bans", "sources"]),
    )
}
