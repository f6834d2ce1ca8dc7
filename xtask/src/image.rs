//! `cargo xtask image`: the container image, without a container: runs what the Dockerfile runs in a clean directory and
//! starts what comes of it, with nothing but the files of the image.
//!
//! `cargo xtask test` does the same with the server that it has built anyway, and leaves out the long build.

mod dockerfile;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::project::Project;
use dockerfile::Dockerfile;

const DOCKERFILE: &str = "deploy/image/Dockerfile";
/// Where its first RUN line leaves the program, and where the image has it.
const BUILT: &str = "target/dist/quorate";
const INSTALLED: &str = "usr/bin/quorate";
/// What the second one leaves: the root of the image, and what the server may write to.
const ROOT: &str = "image/root";
const STATE: &str = "image/state";
/// A server that is not healthy by then never will be.
const HEALTHY_WITHIN: Duration = Duration::from_secs(120);

/// What to run.
#[derive(clap::Args)]
pub struct Options {
    /// Take this program and leave out the line that builds one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Runs the Dockerfile's commands and starts what comes of them.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    check(project, options.program.as_deref())
}

/// Runs the Dockerfile's commands and starts what comes of them; with a program at hand, all but the one that builds it.
pub fn check(project: &Project, program: Option<&Path>) -> Result<()> {
    let text = std::fs::read_to_string(project.root.join(DOCKERFILE)).context(DOCKERFILE)?;
    let file = Dockerfile::parse(&text)?;
    let folder = CleanFolder::new()?;
    copy_sources(project, &folder.0)?;
    ensure!(
        file.runs.len() == 2 && file.runs[0].starts_with("cargo build") && file.runs[1].contains(BUILT),
        "{DOCKERFILE}: expected a build, and a command that takes {BUILT}: {:?}",
        file.runs
    );
    match program {
        None => shell(&folder.0, &file.runs[0])?,
        Some(program) => {
            let place = folder.0.join(BUILT);
            std::fs::create_dir_all(place.parent().context("it has a parent")?)?;
            std::fs::copy(program, place).with_context(|| format!("copying {}", program.display()))?;
        }
    }
    shell(&folder.0, &file.runs[1])?;
    nothing_else(&folder.0.join(ROOT))?;
    start(&folder.0, &file)
}

/// A folder of this run alone, removed when dropped.
struct CleanFolder(PathBuf);

impl CleanFolder {
    /// Not in the checkout: the address of a Unix socket in it has to be short.
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("quorate-image-{}", std::process::id()));
        // Left by a process of the same number, before a crash of the machine.
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for CleanFolder {
    fn drop(&mut self) {
        // It is where the system keeps what is temporary.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What `COPY . .` copies.
fn copy_sources(project: &Project, folder: &Path) -> Result<()> {
    for file in project.text_files()? {
        let place = folder.join(&file.path);
        std::fs::create_dir_all(place.parent().context("it has a parent")?)?;
        std::fs::copy(project.root.join(&file.path), &place).with_context(|| file.path.clone())?;
    }
    Ok(())
}

fn shell(folder: &Path, line: &str) -> Result<()> {
    let mut sh = Command::new("sh");
    // As in a container: no target directory but the one that the line means.
    sh.env_remove("CARGO_TARGET_DIR").current_dir(folder).args(["-c", line]);
    command::run(&mut sh)
}

/// The image holds the program, shared libraries and four words of configuration.
fn nothing_else(root: &Path) -> Result<()> {
    let listing = command::capture(Command::new("find").current_dir(root).args([".", "-type", "f"]))?;
    let expected = [
        "./usr/bin/quorate",
        "./etc/nsswitch.conf",
        "./etc/passwd",
        "./etc/group",
    ];
    for file in listing.lines() {
        let library = file.contains("/lib") && file.contains(".so");
        ensure!(library || expected.contains(&file), "{file} has no place in the image");
    }
    for file in expected {
        ensure!(listing.lines().any(|line| line == file), "{file} is not in the image");
    }
    Ok(())
}

/// Starts the server as the image does, on loopback, by the image's own loader and libraries, and asks its health as
/// the image does.
fn start(folder: &Path, file: &Dockerfile) -> Result<()> {
    let root = folder.join(ROOT);
    let state = folder.join(STATE);
    let loader = loader(&root)?;
    let libraries = libraries(&root, &loader)?;
    let run = |arguments: &[String]| {
        let mut command = Command::new(&loader);
        command.env_clear().arg("--library-path").arg(&libraries);
        command.arg(root.join(INSTALLED)).args(arguments);
        command
    };
    let here = |text: &str| text.replace("/run/quorate", &state.join("run/quorate").display().to_string());
    let mut serve = run(&file.command);
    for (name, value) in &file.environment {
        let value = value.replace("/var/lib/quorate", &state.join("var/lib/quorate").display().to_string());
        serve.env(name, loopback(&here(&value)));
    }
    let health: Vec<String> = file.health.iter().skip(1).map(|argument| here(argument)).collect();
    ensure!(
        file.health
            .first()
            .is_some_and(|program| program.trim_start_matches('/') == INSTALLED),
        "the health check starts {:?}",
        file.health
    );
    ensure!(
        !command::succeeds(&mut run(&health)),
        "healthy before anything was started"
    );
    let mut server = Running(
        serve
            .stdout(Stdio::null())
            .spawn()
            .context("starting the image's server")?,
    );
    let deadline = Instant::now() + HEALTHY_WITHIN;
    while !command::succeeds(&mut run(&health)) {
        if let Some(status) = server.0.try_wait()? {
            bail!("the image's server ended: {status}");
        }
        ensure!(Instant::now() < deadline, "the image's server is not healthy");
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A wildcard address with a port becomes a free port of the loopback.
fn loopback(value: &str) -> String {
    let listens = value.starts_with("0.0.0.0:");
    if listens {
        "127.0.0.1:0".to_owned()
    } else {
        value.to_owned()
    }
}

/// The dynamic loader of the image.
fn loader(root: &Path) -> Result<PathBuf> {
    let listing = command::capture(
        Command::new("find")
            .arg(root)
            .args(["-name", "ld-linux*", "-type", "f"]),
    )?;
    let path = listing.lines().next().context("the image has no dynamic loader")?;
    let executable = std::fs::metadata(path)?.permissions().mode() & 0o111 != 0;
    ensure!(executable, "{path} cannot be executed");
    Ok(path.into())
}

/// The folders of the image's libraries; an error when the program needs one that the image lacks.
fn libraries(root: &Path, loader: &Path) -> Result<String> {
    let listing = command::capture(Command::new("find").arg(root).args(["-name", "*.so*", "-type", "f"]))?;
    let mut folders: Vec<&str> = listing
        .lines()
        .filter_map(|path| Some(path.rsplit_once('/')?.0))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let folders = folders.join(":");
    let mut list = Command::new(loader);
    list.args(["--library-path", &folders, "--list"])
        .arg(root.join(INSTALLED));
    let needed = command::capture(&mut list)?;
    for line in needed.lines().filter(|line| line.contains("=> ")) {
        let ours = line.contains(&root.display().to_string());
        ensure!(ours, "a library that the image lacks: {}", line.trim());
    }
    Ok(folders)
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
