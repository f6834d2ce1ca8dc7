//! Rules in a directory, as a user of the reference has them.

use std::path::Path;

use tempfile::TempDir;

use crate::harness::server::replace;
use crate::harness::{Launch, Server};

/// A directory of rules.
pub struct Rules(TempDir);

impl Rules {
    /// With one file.
    pub fn new(text: &str) -> Self {
        let rules = Self(TempDir::new().expect("a folder"));
        rules.replace(text);
        rules
    }

    /// Writes its file anew, at once.
    pub fn replace(&self, text: &str) {
        replace(&self.0.path().join("rules.yaml"), text);
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A server that goes by them, with more arguments.
    pub fn serve_with(&self, arguments: &[&str]) -> Server {
        Launch::plain()
            .args(["--envoy-config"])
            .arg(self.path())
            .args(arguments)
            .start()
    }

    /// A server that goes by them.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }
}
