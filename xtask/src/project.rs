//! Where the checkout is, which files belong to it, and what Cargo says of it.
//!
//! Reads; decides nothing: what the files must look like is for `tidy`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// Folders that hold no source, for a checkout that git cannot list.
const FOLDERS_WITHOUT_SOURCE: [&str; 4] = [".git", ".tools", "target", "__pycache__"];

/// The checkout.
pub struct Project {
    /// Its top folder.
    pub root: PathBuf,
}

/// One text file of the checkout.
pub struct TextFile {
    /// Relative to the root, with `/` between folders.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl Project {
    /// Finds the checkout that this task was started from.
    pub fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask lies in a folder of the checkout")?
            .to_owned();
        Ok(Self { root })
    }

    /// Cargo, started at the root.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        cargo
    }

    /// The workspace's own packages as their manifests declare them, without resolving the dependencies.
    pub fn metadata(&self) -> Result<Metadata> {
        MetadataCommand::new()
            .current_dir(&self.root)
            .no_deps()
            .exec()
            .context("cargo metadata")
    }

    /// Every text file that is tracked or about to be: what git does not ignore, in order of path.
    pub fn text_files(&self) -> Result<Vec<TextFile>> {
        let mut paths = self.listed_by_git().map_or_else(|| self.walked(), Ok)?;
        paths.sort_unstable();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            // A path that git still lists may have been deleted; a file that is not UTF-8 is not source.
            if let Ok(bytes) = std::fs::read(self.root.join(&path))
                && let Ok(text) = String::from_utf8(bytes)
            {
                files.push(TextFile { path, text });
            }
        }
        Ok(files)
    }

    fn listed_by_git(&self) -> Option<Vec<String>> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let text = String::from_utf8(listing.stdout).ok()?;
        Some(text.split_terminator('\0').map(str::to_owned).collect())
    }

    fn walked(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() {
                    if !FOLDERS_WITHOUT_SOURCE.iter().any(|name| entry.file_name() == *name) {
                        folders.push(path);
                    }
                } else if let Some(relative) = relative_to(&self.root, &path) {
                    found.push(relative);
                }
            }
        }
        Ok(found)
    }
}

fn relative_to(root: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/"))
}
