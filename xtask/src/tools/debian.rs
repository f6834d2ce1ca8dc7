//! System packages, for a machine that has nothing yet.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Installs packages with `apt-get`, as root or through a password-less `sudo`.
pub fn install(packages: &[&str]) -> Result<()> {
    if !command::succeeds(Command::new("apt-get").arg("--version")) {
        bail!(
            "install {} first: this machine has no apt-get to do it with",
            packages.join(" and ")
        );
    }
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat())
        .with_context(|| format!("install {} by hand, or run this as root", packages.join(" and ")))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let root = command::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut apt = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command::run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
}
