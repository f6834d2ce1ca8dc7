//! A quorate server under measurement: pinned to its core, on a store of its own, and its metrics.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::folder::Folder;
use super::page::page;
use super::pinned::{Pinned, SERVER_CORE, on_core};
use crate::project::Project;

/// Where what is measured has its rules and configurations.
pub const RULES: &str = "tests/benchmark";

/// A running server with an empty embedded store, which is gone when it is dropped.
pub struct Serving {
    /// The process.
    pub process: Pinned,
    /// Where it listens for gRPC.
    pub grpc: String,
    http: String,
    _data: Folder,
}

/// Where a server keeps things.
#[derive(Clone, Copy)]
pub enum Store {
    Nowhere,
    Embedded,
}

impl Serving {
    /// Starts a server on what it decides by: an argument, and a file or folder of `tests/benchmark`.
    pub fn start(project: &Project, quorate: &Path, by: [&str; 2], store: Store) -> Result<Self> {
        let data = Folder::new(project)?;
        let mut serve = on_core(SERVER_CORE, quorate);
        serve.args(["serve", "--json", "--data-threads", "1", "--log", "warn"]);
        serve.args(["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
        match store {
            Store::Nowhere => serve.args(["--store", "none"]),
            Store::Embedded => serve.arg("--data-dir").arg(data.path()),
        };
        let [argument, rules] = by;
        serve.arg(argument).arg(project.root.join(RULES).join(rules));
        let process = Pinned::start(&mut serve)?;
        let ready: Value = serde_json::from_str(&process.first_line).context("the server's first line")?;
        let door = |name: &str| {
            let address = ready[name].as_str().context("the server says where it listens")?;
            Ok::<_, anyhow::Error>(address.to_owned())
        };
        Ok(Self {
            grpc: door("grpc")?,
            http: door("http")?,
            process,
            _data: data,
        })
    }

    /// The sum of a metric over its labels.
    pub fn metric(&self, name: &str) -> Result<u64> {
        sum(&page(&self.http, "/metrics")?, name).with_context(|| format!("the server has no metric {name}"))
    }
}

/// Adds up the samples of a metric; `None` if there is none.
fn sum(text: &str, name: &str) -> Option<u64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once("} ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.trim().parse::<u64>().ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0) + value))
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn samples_of_a_metric_are_added_up_and_others_left_out() {
        let text = "# HELP a_total x\na_total{kind=\"read\"} 3\na_total{kind=\"w } 1\"} 4\na_total_more 9\nb 7\n";
        assert_eq!(sum(text, "a_total"), Some(7));
        assert_eq!(sum(text, "b"), Some(7));
        assert_eq!(sum(text, "c"), None);
    }
}
