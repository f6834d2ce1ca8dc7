//! One real Envoy process: started on free ports, its statistics read over its own door.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::http::{Reply, get, send};
use crate::harness::{environment, time};

/// An Envoy that is not ready by then never will be.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// A running Envoy; killed when dropped.
pub struct Envoy {
    child: Child,
    folder: TempDir,
    listeners: BTreeMap<String, SocketAddr>,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts one and waits until it takes connections. Its configuration has every listener on port 0.
    pub async fn start(config: &str) -> Self {
        let folder = TempDir::new().expect("a folder of its own");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("envoy.yaml"), config).expect("the folder can be written to");
        let said = std::fs::File::create(path("words")).expect("the folder can be written to");
        let child = Command::new(environment("QUORATE_TEST_ENVOY"))
            // Envoys that may restart hot share memory by their number: several tests run at once.
            .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"])
            .arg("--config-path")
            .arg(path("envoy.yaml"))
            .arg("--admin-address-path")
            .arg(path("admin"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("Envoy starts");
        let mut envoy = Self {
            child,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            listeners: BTreeMap::new(),
            folder,
        };
        envoy.wait(config).await;
        envoy
    }

    async fn wait(&mut self, config: &str) {
        let started = Instant::now();
        let admin = self.folder.path().join("admin");
        loop {
            let ended = self.child.try_wait().expect("it can be waited for");
            assert!(ended.is_none(), "Envoy ended: {ended:?}\n{config}\n{}", self.words());
            assert!(
                started.elapsed() < START_DEADLINE,
                "Envoy is not ready:\n{}",
                self.words()
            );
            let address = std::fs::read_to_string(&admin).unwrap_or_default();
            if let Ok(address) = address.trim().parse() {
                self.admin = address;
                if get(self.admin, "/ready").await.status == 200 {
                    break;
                }
            }
            // tidy: allow sleep because it is the pause between polls of another process
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let listeners = get(self.admin, "/listeners?format=json").await.json();
        for listener in listeners["listener_statuses"].as_array().expect("it has listeners") {
            let name = listener["name"].as_str().expect("each has a name").to_owned();
            let address = &listener["local_address"]["socket_address"];
            let port = address["port_value"].as_u64().and_then(|port| u16::try_from(port).ok());
            let address = SocketAddr::from(([127, 0, 0, 1], port.expect("a port")));
            self.listeners.insert(name, address);
        }
    }

    /// Where a listener is.
    pub fn at(&self, listener: &str) -> SocketAddr {
        self.listeners[listener]
    }

    /// A request through it.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        send(self.at("http"), http::Method::GET, path, headers, bytes::Bytes::new()).await
    }

    /// Its own count of something; 0 for what it has not counted yet.
    pub async fn count(&self, name: &str) -> u64 {
        let counts = self.counts(name).await;
        counts.get(name).copied().unwrap_or(0)
    }

    /// Its counts whose names hold a text.
    pub async fn counts(&self, part: &str) -> BTreeMap<String, u64> {
        let page = get(self.admin, "/stats?format=json").await.json();
        let stats = page["stats"].as_array().expect("statistics");
        let counts = stats.iter().filter_map(|stat: &Value| {
            let name = stat["name"].as_str()?;
            let count = stat["value"].as_u64()?;
            name.contains(part).then(|| (name.to_owned(), count))
        });
        counts.collect()
    }

    /// Waits until it has counted so many of something: it writes its statistics down in its own time.
    pub async fn has_counted(&self, name: &str, at_least: u64) {
        time::eventually(name, || async { (self.count(name).await >= at_least).then_some(()) }).await;
    }

    /// What it said so far.
    fn words(&self) -> String {
        let path: PathBuf = self.folder.path().join("words");
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- Envoy said:\n{}---", self.words());
        }
    }
}
