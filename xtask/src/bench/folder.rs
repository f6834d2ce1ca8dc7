//! A folder for what a program under measurement keeps.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::project::Project;

/// A folder under the target folder, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one.
    pub fn new(project: &Project) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let target = project.metadata()?.target_directory.into_std_path_buf();
        let folder = target.join(format!("bench-data-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
