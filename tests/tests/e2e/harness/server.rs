//! One real server process: started on ports of its own, stopped by its own handle, its words kept.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{Client, binary, http};

/// A server that is not ready by then never will be.
const START_DEADLINE: Duration = Duration::from_secs(120);
/// A server that has not ended by then never will.
const END_DEADLINE: Duration = Duration::from_secs(120);

/// How a server is to be started.
pub struct Launch {
    arguments: Vec<OsString>,
    folder: TempDir,
    /// Whether to listen on free ports of the loopback, as all but tests of listening do.
    doors: bool,
    /// Where it runs, if that matters.
    within: Option<PathBuf>,
    /// The most files that it may open, if that is bounded.
    files_max: Option<u32>,
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    folder: TempDir,
    ready: Value,
    words: Arc<Mutex<String>>,
}

impl Launch {
    /// With the built-in catalogue.
    pub fn plain() -> Self {
        Self {
            arguments: Vec::new(),
            folder: TempDir::new().expect("a folder of its own"),
            doors: true,
            within: None,
            files_max: None,
        }
    }

    /// With no arguments but those that the test gives.
    pub fn bare() -> Self {
        let mut launch = Self::plain();
        launch.doors = false;
        launch
    }

    /// With a policy, in a file that the test may change.
    pub fn with(policy: impl AsRef<str>) -> Self {
        let launch = Self::plain();
        let path = launch.file("policy.yaml", policy.as_ref());
        launch.arg("--policy").arg(path)
    }

    /// With a policy that has quotas, which are kept in a directory. It stops without delay.
    pub fn keeping(policy: impl AsRef<str>, directory: &Path) -> Self {
        let launch = Self::with(policy).args(["--drain-delay", "0", "--data-dir"]);
        launch.arg(directory)
    }

    /// Runs it in a directory, where it keeps its store as a user's does.
    pub fn within(mut self, directory: &Path) -> Self {
        self.within = Some(directory.to_owned());
        self
    }

    /// Lets it open no more than so many files at once, sockets and all.
    pub fn with_files_max(mut self, files: u32) -> Self {
        self.files_max = Some(files);
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Writes a file into the server's folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the folder can be written to");
        path
    }

    /// Where a file of the server's folder is, or will be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Server {
        self.try_start()
            .unwrap_or_else(|words| panic!("the server did not start:\n{words}"))
    }

    /// Starts a server that must refuse to; what it said.
    pub fn refused(self) -> (Option<i32>, String) {
        let mut child = self.spawn();
        let mut words = String::new();
        let status = wait(&mut child, END_DEADLINE).unwrap_or_else(|| {
            stop(&mut child);
            panic!("the server started although it should have refused to")
        });
        read_to_end(child.stderr.take(), &mut words);
        read_to_end(child.stdout.take(), &mut words);
        (status.code(), words)
    }

    fn spawn(&self) -> Child {
        let mut command = match self.files_max {
            None => Command::new(binary()),
            Some(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", r#"ulimit -n "$0" && exec "$@""#, &files.to_string()]);
                shell.arg(binary());
                shell
            }
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("QUORATE_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--json"]);
        if self.doors {
            command.args(["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
        }
        let stored = |argument: &OsString| argument == "--data-dir" || argument == "--store";
        match &self.within {
            Some(directory) => _ = command.current_dir(directory),
            // A store in the working directory would be everybody's: a test that wants one says where.
            None if !self.arguments.iter().any(stored) => _ = command.args(["--store", "none"]),
            None => {}
        }
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// Starts it and waits until it is ready; what it said when it would not.
    pub fn try_start(self) -> Result<Server, String> {
        let mut child = self.spawn();
        let words = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("piped");
        let keeping = keep(stderr, Arc::clone(&words));
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, receiver) = mpsc::channel();
        let said = Arc::clone(&words);
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = sender.send(line);
            keep(stdout, said);
        });
        let line = receiver.recv_timeout(START_DEADLINE).unwrap_or_default();
        match serde_json::from_str(&line) {
            Ok(ready) => Ok(Server {
                child,
                folder: self.folder,
                ready,
                words,
            }),
            Err(_) => {
                stop(&mut child);
                // What it said last is what matters.
                let _ = keeping.join();
                let words = words.lock().expect("nobody panics with it");
                Err(format!("{line}{words}"))
            }
        }
    }
}

impl Server {
    /// Where gRPC is served.
    pub fn grpc(&self) -> SocketAddr {
        self.address("grpc")
    }

    /// Where HTTP is served.
    pub fn http(&self) -> SocketAddr {
        self.address("http")
    }

    fn address(&self, door: &str) -> SocketAddr {
        let address = self.ready[door].as_str();
        let address = address.unwrap_or_else(|| panic!("no {door} in {}", self.ready));
        address.parse().expect("an address")
    }

    /// A new connection to it.
    pub async fn client(&self) -> Client {
        Client::connect(self.grpc()).await
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces its policy file the way editors and configuration tools do: at once.
    pub fn replace_policy(&self, policy: &str) {
        replace(&self.path("policy.yaml"), policy);
    }

    /// The count of a metric, over all its series that carry these labels.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let page = http::get(self.http(), "/metrics").await.body;
        let counts = page.lines().filter_map(|line| {
            let (series, count) = line.rsplit_once(' ')?;
            let rest = series.strip_prefix(name)?;
            let ours = rest.is_empty() || rest.starts_with('{');
            (ours && labels.iter().all(|label| rest.contains(label))).then(|| count.parse::<u64>().expect("a count"))
        });
        counts.sum()
    }

    /// Everything it said so far.
    pub fn words(&self) -> String {
        self.words.lock().expect("nobody panics with it").clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its memory in use, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("it has memory");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Halts it as it stands, connections and all, and waits until every one of its threads stands still.
    pub fn halt(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + END_DEADLINE;
        while !self.stands_still() {
            assert!(Instant::now() < deadline, "it did not stop");
            // tidy: allow sleep because it is the pause between polls of another process
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn stands_still(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it runs");
        threads.flatten().all(|thread| {
            let state = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The state is the first word after the name, which stands in brackets and may hold anything.
            state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child, END_DEADLINE).unwrap_or_else(|| panic!("it did not end:\n{}", self.words()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child);
        if std::thread::panicking() {
            eprintln!("--- the server said:\n{}---", self.words());
        }
    }
}

/// A process that is killed when dropped.
pub struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}

/// Starts a program and waits until it has written a file.
pub fn until_file(command: &mut Command, file: &Path) -> Killed {
    let mut process = Killed(command.spawn().expect("the binary starts"));
    let deadline = Instant::now() + START_DEADLINE;
    while !file.exists() {
        let ended = process.0.try_wait().expect("it can be waited for");
        assert!(
            ended.is_none() && Instant::now() < deadline,
            "it is not ready: {ended:?}"
        );
        // tidy: allow sleep because it is the pause between polls of another process
        std::thread::sleep(Duration::from_millis(5));
    }
    process
}

/// Starts a program and waits for the first line that it writes.
pub fn until_line(command: &mut Command) -> (Killed, String) {
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut process = Killed(spawned.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let mut stdout = BufReader::new(process.0.stdout.take().expect("piped"));
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = stdout.read_line(&mut line);
        let _ = sender.send(line);
        // What it goes on to write is nobody's, but has to go somewhere.
        let _ = std::io::copy(&mut stdout, &mut std::io::sink());
    });
    let line = receiver.recv_timeout(START_DEADLINE).unwrap_or_default();
    assert!(!line.is_empty(), "{command:?} says nothing");
    (process, line)
}

/// Replaces a file at once.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("the folder can be written to");
    std::fs::rename(&new, path).expect("the file can be replaced");
}

fn keep(stream: impl Read + Send + 'static, words: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut words = words.lock().expect("nobody panics with it");
            words.push_str(&line);
            words.push('\n');
        }
    })
}

fn read_to_end(stream: Option<impl Read>, words: &mut String) {
    stream.expect("piped").read_to_string(words).expect("text");
}

fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return Some(status);
        }
        // tidy: allow sleep because it is the pause between polls of another process
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

fn stop(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
