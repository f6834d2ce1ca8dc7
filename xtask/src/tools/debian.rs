//! System packages, for a machine that has nothing yet.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;

/// Installs packages with `apt-get`, as root or through a password-less `sudo`.
pub fn install(packages: &[&str]) -> Result<()> {
    must_have_apt(packages)?;
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat())
        .with_context(|| format!("install {} by hand, or run this as root", packages.join(" and ")))
}

/// Downloads a package, held to its checksum by `apt-get`, and unpacks it into a folder; nothing is installed.
pub fn unpack(package: &str, folder: &Path) -> Result<()> {
    must_have_apt(&[package])?;
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let download = || {
        let mut apt = Command::new("apt-get");
        command::run(apt.args(["download", "--quiet", package]).current_dir(folder))
    };
    // Lists that are missing or old name files that are not there.
    if download().is_err() {
        apt(&["update", "--quiet"])?;
        download()?;
    }
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        archives.push(entry?.path());
    }
    ensure!(archives.len() == 1, "{package} came as {archives:?}");
    command::run(Command::new("dpkg-deb").arg("--extract").arg(&archives[0]).arg(folder))?;
    std::fs::remove_file(&archives[0]).context("removing the archive")
}

fn must_have_apt(packages: &[&str]) -> Result<()> {
    ensure!(
        command::succeeds(Command::new("apt-get").arg("--version")),
        "install {} first: this machine has no apt-get to do it with",
        packages.join(" and ")
    );
    Ok(())
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
