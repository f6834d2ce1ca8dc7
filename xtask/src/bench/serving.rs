//! A quorate server under measurement: pinned to its core, on a store of its own, and its metrics.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::pinned::{Pinned, SERVER_CORE, on_core};
use crate::project::Project;

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
    /// Starts a server on a policy of `tests/benchmark`.
    pub fn start(project: &Project, quorate: &Path, policy: &str, store: Store) -> Result<Self> {
        let data = Folder::new(project)?;
        let mut serve = on_core(SERVER_CORE, quorate);
        serve.args(["serve", "--json", "--data-threads", "1", "--log", "warn"]);
        serve.args(["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
        match store {
            Store::Nowhere => serve.args(["--store", "none"]),
            Store::Embedded => serve.arg("--data-dir").arg(&data.0),
        };
        serve
            .arg("--policy")
            .arg(project.root.join("tests/benchmark").join(policy));
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
        sum(&self.metrics()?, name).with_context(|| format!("the server has no metric {name}"))
    }

    fn metrics(&self) -> Result<String> {
        let mut connection = TcpStream::connect(&self.http).with_context(|| format!("connecting to {}", self.http))?;
        // HTTP/1.0: the answer ends with the connection, and is not cut in chunks.
        connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        ensure!(
            answer.contains(" 200 "),
            "the server does not show its metrics: {answer}"
        );
        Ok(answer)
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

/// A folder under the target folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(project: &Project) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let target = project.metadata()?.target_directory.into_std_path_buf();
        let folder = target.join(format!("bench-data-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is in the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
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
