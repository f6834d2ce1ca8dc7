//! The folder that one run keeps everything in. A janitor removes it when this process is gone, however it went.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

use crate::tools::Tools;

/// Waits until its input ends, which is when the task ends, then removes the folder. Nodes that die with the task may
/// write for a moment longer, hence the second time.
const JANITOR: &str = "cat >/dev/null; rm -rf -- \"$1\" 2>/dev/null || { sleep 2; rm -rf -- \"$1\"; }";

/// The folder; removed when dropped.
pub struct Folder {
    path: PathBuf,
    janitor: Child,
    /// Held open for as long as the folder is needed.
    input: Option<ChildStdin>,
}

impl Folder {
    /// Makes a folder of its own.
    pub fn new(tools: &Tools) -> Result<Self> {
        let path = tools.folder().join(format!("services-{}", std::process::id()));
        // Left by a process of the same number, before a crash of the machine.
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        let mut janitor = Command::new("sh")
            .args(["-c", JANITOR, "janitor"])
            .arg(&path)
            .stdin(Stdio::piped())
            // Out of the terminal's group: an interrupt must not reach it.
            .process_group(0)
            .spawn()
            .context("starting a shell")?;
        let input = janitor.stdin.take();
        Ok(Self { path, janitor, input })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.input.take());
        // It says itself what it could not remove.
        let _ = self.janitor.wait();
    }
}
