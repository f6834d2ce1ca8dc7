//! One node: a Java process, waited for and ended by its own handle.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::recipe::Recipe;

/// An OPTIONS request of protocol version 4 without a body, which every node answers before anybody logs in.
const OPTIONS: [u8; 9] = [0x04, 0, 0, 0, 0x05, 0, 0, 0, 0];
/// The operation code of its answer.
const SUPPORTED: u8 = 0x06;
/// How much of what a node said is shown when it fails.
const LINES_SHOWN: usize = 40;

/// Where a node is to be.
#[derive(Clone)]
pub struct Place {
    /// Its address, for clients and for other nodes.
    pub address: Ipv4Addr,
    /// Where clients reach it.
    pub cql_port: u16,
    /// Where other nodes reach it.
    pub storage_port: u16,
    /// Every node of the cluster, `address:port`, with commas between.
    pub seeds: String,
    /// Where its share of the ring begins.
    pub token: i64,
    /// How long it listens to others before it joins.
    pub ring_delay_ms: u32,
}

/// A running node; killed when dropped.
pub struct Node {
    /// Where it is.
    pub place: Place,
    process: Child,
    log: PathBuf,
}

impl Node {
    /// Starts a node whose data is in `folder`.
    pub fn start(recipe: &Recipe, place: &Place, folder: &Path) -> Result<Self> {
        let step = recipe.fill(place, folder);
        std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        for (name, text) in &step.files {
            std::fs::write(folder.join(name), text).with_context(|| format!("writing {name}"))?;
        }
        let log = folder.join("node.log");
        let words = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let process = Command::new(&step.arguments[0])
            .args(&step.arguments[1..])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(words.try_clone()?)
            .stderr(words)
            .spawn()
            .with_context(|| format!("starting {}", step.arguments[0]))?;
        Ok(Self {
            place: place.clone(),
            process,
            log,
        })
    }

    /// Waits for its first answer.
    pub fn wait(&mut self, until: Instant) -> Result<()> {
        let address = SocketAddr::from((self.place.address, self.place.cql_port));
        loop {
            self.check()?;
            if answers(address).unwrap_or(false) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("Cassandra at {address} does not answer:\n{}", self.words());
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// An error when it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("Cassandra at {} ended: {status}:\n{}", self.place.address, self.words()),
        }
    }

    /// What it said last.
    fn words(&self) -> String {
        let words = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = words.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself. What it holds is thrown away, so it need not end in good order.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a node answers the protocol.
fn answers(address: SocketAddr) -> std::io::Result<bool> {
    let patience = Some(Duration::from_secs(5));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    stream.write_all(&OPTIONS)?;
    let mut head = [0; OPTIONS.len()];
    stream.read_exact(&mut head)?;
    Ok(head[4] == SUPPORTED)
}
