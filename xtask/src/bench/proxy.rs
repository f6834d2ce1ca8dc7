//! A real Envoy before a server under measurement: on the load's core, with its own counts.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::folder::Folder;
use super::page::page;
use super::pinned::{LOAD_CORE, Pinned, on_core};
use super::serving::RULES;
use crate::project::Project;

/// An Envoy that is not ready by then never will be.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A running Envoy.
pub struct Proxy {
    /// The process.
    pub process: Pinned,
    /// Where it takes requests.
    pub address: String,
    admin: String,
    _folder: Folder,
}

/// What Envoy has counted of its questions to the rate limit service.
#[derive(Clone, Copy)]
pub struct Undecided {
    /// Those without a decision, for whatever reason.
    pub errors: u64,
    /// Those of them that took too long.
    pub timeouts: u64,
}

impl Proxy {
    /// Starts one that asks the service at `limits` before it passes requests on to `upstream`.
    pub fn start(project: &Project, envoy: &Path, limits: &str, upstream: &str) -> Result<Self> {
        let folder = Folder::new(project)?;
        let template = project.root.join(RULES).join("envoy.yaml");
        let config = std::fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?;
        let config = config
            .replace("LIMITS_PORT", port(limits)?)
            .replace("UPSTREAM_PORT", port(upstream)?);
        let (path, admin) = (folder.path().join("envoy.yaml"), folder.path().join("admin"));
        std::fs::write(&path, config).with_context(|| format!("writing {}", path.display()))?;
        let mut command = on_core(LOAD_CORE, envoy);
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]);
        command.arg("--config-path").arg(path);
        command.arg("--admin-address-path").arg(&admin);
        let mut process = Pinned::silent(&mut command)?;
        let admin = ready(&mut process, &admin)?;
        Ok(Self {
            process,
            address: listener(&page(&admin, "/listeners?format=json")?)?,
            admin,
            _folder: folder,
        })
    }

    /// What it has counted so far.
    pub fn undecided(&self) -> Result<Undecided> {
        let counts = page(&self.admin, "/stats?filter=ratelimit.error|limits.upstream_rq_timeout")?;
        // What never happened is not told of.
        let count = |name| counted(&counts, name).unwrap_or(0);
        Ok(Undecided {
            errors: count("cluster.upstream.ratelimit.error"),
            timeouts: count("cluster.limits.upstream_rq_timeout"),
        })
    }
}

/// Waits until it takes requests; where its own door is.
fn ready(process: &mut Pinned, address: &Path) -> Result<String> {
    let started = Instant::now();
    loop {
        ensure!(!process.ended()?, "Envoy ended: it said why");
        ensure!(started.elapsed() < START_DEADLINE, "Envoy is not ready");
        let admin = std::fs::read_to_string(address).unwrap_or_default();
        if !admin.is_empty() && page(&admin, "/ready").is_ok() {
            return Ok(admin);
        }
        // The pause between looks at another process.
        thread::sleep(Duration::from_millis(10));
    }
}

/// Where its one listener is, by its page about listeners.
fn listener(listeners: &str) -> Result<String> {
    let listeners: Value = serde_json::from_str(listeners).context("Envoy's page about its listeners")?;
    let address = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
    let port = address["port_value"].as_u64().context("Envoy listens on a port")?;
    Ok(format!("127.0.0.1:{port}"))
}

fn port(address: &str) -> Result<&str> {
    let (_, port) = address.rsplit_once(':').context("an address has a port")?;
    Ok(port)
}

fn counted(counts: &str, name: &str) -> Option<u64> {
    let count = counts
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    count?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn a_count_is_found_by_its_whole_name() {
        let counts = "cluster.a.ratelimit.error: 12\ncluster.a.ratelimit.error_budget: 3\n";
        assert_eq!(counted(counts, "cluster.a.ratelimit.error"), Some(12));
        assert_eq!(counted(counts, "cluster.a.ratelimit"), None);
    }
}
