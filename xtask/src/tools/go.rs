//! Programs built from Go modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Tools, existing};
use crate::command;

impl Tools {
    /// Builds and installs one program at one version of its module.
    pub(super) fn go_program(&self, package: &str, version: &str) -> Result<PathBuf> {
        self.go_program_in(&self.programs(), package, version)
    }

    /// The same, into a folder of one's choice.
    pub(super) fn go_program_in(&self, folder: &Path, package: &str, version: &str) -> Result<PathBuf> {
        let name = package
            .rsplit('/')
            .next()
            .context("a Go package path has a last element")?;
        let go = self.go()?;
        self.once(name, version, || {
            let mut install = Command::new(go);
            // No cgo: no C compiler needed. Local toolchain: never downloads another Go.
            install
                .env("GOBIN", folder)
                .env("CGO_ENABLED", "0")
                .env("GOTOOLCHAIN", "local")
                .env("GOFLAGS", "");
            command::run(install.arg("install").arg(format!("{package}@{version}")))
        })?;
        existing(folder.join(name))
    }
}
