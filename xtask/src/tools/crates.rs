//! Programs built from crates.

use std::path::PathBuf;

use anyhow::Result;

use super::{Tools, existing};
use crate::command;
use crate::project::Project;

impl Tools {
    /// Builds and installs one program of crates.io at one version, with the dependencies it was released with.
    pub(super) fn crate_program(&self, project: &Project, name: &str, version: &str) -> Result<PathBuf> {
        self.once(name, version, || {
            let mut install = project.cargo();
            install
                .args(["install", "--locked", name, "--version", version, "--root"])
                .arg(&self.folder);
            command::run(&mut install)
        })?;
        existing(self.programs().join(name))
    }
}
