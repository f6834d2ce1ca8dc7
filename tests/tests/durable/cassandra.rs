//! Real Cassandra nodes: the one that `cargo xtask test` started for all tests, and more of a test's own.
//!
//! ```ignore
//! let shared = cassandra::shared();              // host:port; never killed, holds other tests' keyspaces
//!
//! let mut node = Node::start();                  // a node of one's own: about 5 s, half a gigabyte
//! node.address();                                // stays the same for as long as it exists
//! node.kill();                                   // SIGKILL; what was acknowledged is on the disk
//! node.restart();                                // same address, same data; returns when it answers
//! let three = Node::start_together(3);           // a cluster of one's own
//! ```
//!
//! All of these block: from async code that must go on meanwhile, call them in `tokio::task::spawn_blocking`. A node is
//! killed when dropped, and dies with this process however that ends. By hand, `cargo xtask services` starts what is
//! shared and prints the variables that lead to it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A node that has not answered by then never will. On an idle machine it takes five seconds.
const START_DEADLINE: Duration = Duration::from_secs(300);
/// An OPTIONS request of protocol version 4, which every node answers before anybody logs in.
const OPTIONS: [u8; 9] = [0x04, 0, 0, 0, 0x05, 0, 0, 0, 0];
/// The operation code of its answer.
const SUPPORTED: u8 = 0x06;
/// How much of what a node said is shown when it fails.
const LINES_SHOWN: usize = 60;

/// Where the shared node serves CQL.
pub fn shared() -> SocketAddr {
    let address = environment("QUORATE_TEST_CASSANDRA");
    let address = address.into_string().expect("an address is text");
    address.parse().expect("QUORATE_TEST_CASSANDRA is host:port")
}

/// How many copies a keyspace of the shared cluster is to have.
pub fn replication() -> u16 {
    let copies = environment("QUORATE_TEST_CASSANDRA_REPLICATION");
    copies.to_string_lossy().parse().expect("a number")
}

/// A node of a test's own.
pub struct Node {
    process: Option<Child>,
    folder: TempDir,
    address: SocketAddr,
    arguments: Vec<String>,
    is_ready: Probe,
}

/// Where a node is to be.
struct Place {
    host: Ipv4Addr,
    cql_port: u16,
    storage_port: u16,
    /// Every node of its cluster, with commas between.
    seeds: String,
    /// Where its share of the ring begins.
    token: i64,
    ring_delay_ms: u32,
}

/// Whether a node is there.
type Probe = fn(SocketAddr) -> std::io::Result<bool>;

impl Node {
    /// Starts a node with the usual configuration.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a node with more lines at the end of its `cassandra.yaml`.
    pub fn start_with(more: &str) -> Self {
        Self::start_and_wait(more, answers)
    }

    /// Starts a node whose `more` lines make it speak nothing but TLS: it is there when its port is open, which is the
    /// last thing that it does.
    pub fn start_encrypted(more: &str) -> Self {
        Self::start_and_wait(more, |address| {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).map(|_| true)
        })
    }

    fn start_and_wait(more: &str, is_ready: Probe) -> Self {
        let host = loopback_of_its_own();
        let (cql_port, storage_port) = (free_port(&[host]), free_port(&[host]));
        let place = Place {
            host,
            cql_port,
            storage_port,
            seeds: format!("{host}:{storage_port}"),
            token: i64::MIN,
            ring_delay_ms: 0,
        };
        let mut node = Self::lay_out(&place, more, is_ready);
        node.restart();
        node
    }

    /// Nodes that are one cluster, on addresses of their own and equal ports, and all answer.
    pub fn start_together(count: usize) -> Vec<Self> {
        if count == 1 {
            return vec![Self::start()];
        }
        let hosts: Vec<Ipv4Addr> = (0..count).map(|_| loopback_of_its_own()).collect();
        let (cql_port, storage_port) = (free_port(&hosts), free_port(&hosts));
        let seeds: Vec<String> = hosts.iter().map(|host| format!("{host}:{storage_port}")).collect();
        let share = u64::MAX / u64::try_from(count).expect("few");
        let nodes = hosts.iter().zip(0_u64..).map(|(host, index)| {
            let place = Place {
                host: *host,
                cql_port,
                storage_port,
                seeds: seeds.join(","),
                token: i64::MIN.saturating_add_unsigned(share * index),
                // They have to hear of each other first.
                ring_delay_ms: 1_000,
            };
            let mut node = Self::lay_out(&place, "", answers);
            node.be_quick_to_hear_of_others();
            node
        });
        let mut nodes: Vec<Self> = nodes.collect();
        nodes.iter_mut().for_each(Self::launch);
        nodes.iter_mut().for_each(Self::wait);
        nodes
    }

    /// Starts several again on what they left behind, and waits until each answers.
    pub fn restart_together(nodes: &mut [Self]) {
        nodes.iter_mut().for_each(Self::kill);
        nodes.iter_mut().for_each(Self::launch);
        nodes.iter_mut().for_each(Self::wait);
    }

    /// Writes the files of a node that is to be started.
    fn lay_out(place: &Place, more: &str, is_ready: Probe) -> Self {
        let recipe = Recipe::read();
        let folder = TempDir::new().expect("a folder of its own");
        let filled = |text: &str| {
            let values = [
                ("{folder}", folder.path().display().to_string()),
                ("{address}", place.host.to_string()),
                ("{cql_port}", place.cql_port.to_string()),
                ("{storage_port}", place.storage_port.to_string()),
                ("{seeds}", place.seeds.clone()),
                ("{token}", place.token.to_string()),
                ("{ring_delay_ms}", place.ring_delay_ms.to_string()),
                ("{more}", more.to_owned()),
            ];
            let mut text = text.to_owned();
            for (name, value) in &values {
                text = text.replace(name, value);
            }
            text
        };
        for (name, text) in &recipe.files {
            std::fs::write(folder.path().join(name), filled(text)).expect("the folder can be written to");
        }
        Self {
            process: None,
            address: SocketAddr::new(place.host.into(), place.cql_port),
            arguments: recipe.arguments.iter().map(|argument| filled(argument)).collect(),
            folder,
            is_ready,
        }
    }

    /// Nodes ask each other whether they are back with requests that are waited for like any other. With the patience of
    /// a node that is alone, a question that a death swallowed is asked again after two minutes.
    fn be_quick_to_hear_of_others(&mut self) {
        let path = self.folder.path().join("cassandra.yaml");
        let text = std::fs::read_to_string(&path).expect("just written");
        std::fs::write(&path, text.replace(": 120s", ": 10s")).expect("the folder can be written to");
    }

    /// Where it serves CQL.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it can be killed");
            process.wait().expect("it can be waited for");
        }
    }

    /// Starts it again on what it left behind, and waits until it answers.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
        self.wait();
    }

    fn launch(&mut self) {
        let log = self.folder.path().join("node.log");
        let words = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log can be written");
        let mut command = Command::new(&self.arguments[0]);
        command
            .args(&self.arguments[1..])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(words.try_clone().expect("a second handle"))
            .stderr(words);
        self.process = Some(spawn(command));
    }

    fn wait(&mut self) {
        let until = Instant::now() + START_DEADLINE;
        while !(self.is_ready)(self.address).unwrap_or(false) {
            let process = self.process.as_mut().expect("just started");
            let ended = process.try_wait().expect("it can be waited for");
            assert!(
                ended.is_none() && Instant::now() < until,
                "Cassandra is not there ({ended:?}); it said:\n{}",
                self.words()
            );
            // tidy: allow sleep because it is the pause between polls of another process
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it said last.
    fn words(&self) -> String {
        let words = std::fs::read_to_string(self.folder.path().join("node.log")).unwrap_or_default();
        let lines: Vec<&str> = words.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the node said:\n{}\n---", self.words());
        }
    }
}

/// How nodes are started, as `cargo xtask` wrote it.
struct Recipe {
    arguments: Vec<String>,
    files: BTreeMap<String, String>,
}

impl Recipe {
    fn read() -> Self {
        let path = environment("QUORATE_TEST_CASSANDRA_RECIPE");
        let text = std::fs::read_to_string(&path).expect("the recipe can be read");
        let recipe: serde_json::Value = serde_json::from_str(&text).expect("the recipe is JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        Self {
            arguments: recipe["arguments"]
                .as_array()
                .expect("a list")
                .iter()
                .map(text)
                .collect(),
            files: recipe["files"]
                .as_object()
                .expect("an object")
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
        }
    }
}

/// Starts a process from a thread that lives as long as this process: nodes ask the system to be killed when the thread
/// ends that started them, and those of tests and runtimes end.
fn spawn(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static ORDERS: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in receiver {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, receiver) = mpsc::channel();
    orders
        .send((command, sender))
        .expect("the thread lives as long as this process");
    receiver.recv().expect("every order is answered").expect("Java starts")
}

/// An address on which nobody else listens or connects from, so that a port of it is still free when a killed node wants
/// it back. Where only 127.0.0.1 exists, that.
fn loopback_of_its_own() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    const PER_PROCESS: u32 = 64;
    let number = std::process::id().wrapping_mul(PER_PROCESS) + COUNT.fetch_add(1, Ordering::Relaxed) % PER_PROCESS;
    let [_, _, high, low] = number.to_be_bytes();
    let own = Ipv4Addr::new(127, 77, high, low.clamp(1, 254));
    if TcpListener::bind((own, 0)).is_ok() {
        own
    } else {
        Ipv4Addr::LOCALHOST
    }
}

/// A port that is free at all of these addresses.
fn free_port(hosts: &[Ipv4Addr]) -> u16 {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let listener = TcpListener::bind((hosts[0], 0)).expect("some port is free");
        let port = listener.local_addr().expect("it is bound").port();
        if hosts[1..].iter().all(|host| TcpListener::bind((*host, port)).is_ok()) {
            return port;
        }
    }
    panic!("no port is free at all of {hosts:?}")
}

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

/// A variable that `cargo xtask test` sets; `cargo xtask services` prints them for running single tests by hand.
pub fn environment(name: &str) -> OsString {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`, or what `cargo xtask services` prints"))
}
