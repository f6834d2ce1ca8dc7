//! A Python environment of our own, and packages in it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Tools, debian};
use crate::command;

impl Tools {
    /// The environment's folder.
    pub(super) fn venv(&self) -> PathBuf {
        self.folder.join("python")
    }

    /// A program of the environment.
    pub(super) fn in_venv(&self, program: &str) -> PathBuf {
        self.venv().join("bin").join(program)
    }

    /// Installs one package at one version.
    pub(super) fn python_package(&self, name: &str, version: &str) -> Result<()> {
        self.environment()?;
        self.once(name, version, || {
            command::run(self.pip_install().arg(format!("{name}=={version}")))
        })
    }

    /// Installs one package at one version if it has one of these SHA-256 sums, and without what it depends on.
    pub(super) fn checked_python_package(&self, name: &str, version: &str, sums: &[&str]) -> Result<()> {
        self.environment()?;
        self.once(name, version, || {
            let sums: Vec<String> = sums.iter().map(|sum| format!("--hash=sha256:{sum}")).collect();
            let file = self.folder().join(format!("{name}.requirements"));
            std::fs::write(&file, format!("{name}=={version} {}\n", sums.join(" ")))?;
            let mut pip = self.pip_install();
            command::run(pip.args(["--no-deps", "--require-hashes", "--requirement"]).arg(file))
        })
    }

    fn pip_install(&self) -> Command {
        let mut pip = Command::new(self.in_venv("python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            // Source builds would need compilers: a missing wheel is better said than tried.
            "--only-binary",
            ":all:",
        ]);
        pip
    }

    fn environment(&self) -> Result<()> {
        // A venv breaks when the Python it was made from goes away: then it is made anew, with all its packages.
        if !command::succeeds(Command::new(self.in_venv("python")).args(["-c", "import pip"])) {
            let installed = self.folder.join("installed");
            if installed.exists() {
                std::fs::remove_dir_all(installed)?;
            }
            if !can_make_environments() {
                debian::install(&["python3", "python3-venv"])?;
            }
            command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(self.venv()))?;
        }
        Ok(())
    }
}

fn can_make_environments() -> bool {
    // Debian packs `ensurepip`, which `venv` needs, apart from Python itself.
    command::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]))
}
