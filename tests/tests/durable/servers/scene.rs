//! Two servers on one keyspace, each with a proxy of its own between it and the database, and callers of both.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::load::{Books, CALLERS, Caller, Seen};
use crate::cassandra::Node;
use crate::harness::{Launch, Server};
use crate::proxy::Proxy;
use crate::stores::{self, DEADLINE};

/// As little patience as a server may have: faults that it waits for are over soon.
const SETTINGS: &str = "&request_timeout=3s";
/// What a server says that stopped with units of quotas still in its hands.
const KEPT_SOME: &str = "could not be given back in time";
/// A recovery takes no longer.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// A pause between two looks that takes longer than this is the machine's, and not counted beyond it.
const LOOK_MAX: Duration = Duration::from_millis(250);

/// One server, its way to the database, and its callers' view of it.
pub struct Slot {
    pub proxy: Proxy,
    pub seen: Arc<Seen>,
    /// How often it went away with units that nobody else can have.
    pub crashes: u64,
    server: Option<Server>,
    address: watch::Sender<Option<SocketAddr>>,
    policy: String,
    store: String,
}

impl Slot {
    /// A server that does not run yet, with a policy, on a keyspace of these nodes that is there.
    pub async fn new(nodes: &[SocketAddr], keyspace: &str, policy: &str) -> Self {
        let proxy = Proxy::before(nodes).await;
        Self {
            store: proxy.url(keyspace, SETTINGS),
            proxy,
            seen: Arc::default(),
            crashes: 0,
            server: None,
            address: watch::Sender::new(None),
            policy: policy.to_owned(),
        }
    }

    /// Starts it. A database that is slow may be too slow for it: tried again, as whoever supervises servers does.
    pub async fn start(&mut self) {
        let until = Instant::now() + DEADLINE;
        let server = loop {
            let launch = Launch::with(&self.policy)
                .args(["--drain-delay", "0", "--unshared-windows", "--store"])
                .arg(&self.store);
            let started = tokio::task::spawn_blocking(move || launch.try_start());
            match started.await.expect("starting does not panic") {
                Ok(server) => break server,
                Err(words) => assert!(Instant::now() < until, "it does not start:\n{words}"),
            }
        };
        self.address.send_replace(Some(server.grpc()));
        self.server = Some(server);
    }

    /// The server, which runs.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it was started")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.address.send_replace(None);
        let mut server = self.server.take().expect("it was started");
        server.signal(Signal::KILL);
        server.wait();
        self.crashes += 1;
    }

    /// Stops it in good order; whether it gave back all that it held.
    pub async fn stop(&mut self) -> bool {
        self.address.send_replace(None);
        let mut server = self.server.take().expect("it was started");
        let stopped = tokio::task::spawn_blocking(move || {
            server.signal(Signal::TERM);
            let status = server.wait();
            assert!(status.success(), "{status}:\n{}", server.words());
            !server.words().contains(KEPT_SOME)
        });
        let whole = stopped.await.expect("it stops");
        self.crashes += u64::from(!whole);
        whole
    }

    /// Lets callers at it until `stop` says so.
    pub fn call(&self, callers: &mut JoinSet<()>, books: &Arc<Books>, stop: &watch::Sender<bool>) {
        for number in 0..CALLERS {
            let caller = Caller {
                number,
                server: self.address.subscribe(),
                stop: stop.subscribe(),
                books: Arc::clone(books),
                seen: Arc::clone(&self.seen),
            };
            callers.spawn(caller.run());
        }
    }

    /// Waits until its callers were given so many more units.
    pub async fn admits(&self, units: u64) {
        let goal = self.seen.admitted() + units;
        until("units pass", || self.seen.admitted() >= goal).await;
    }

    /// Waits until units pass again after a fault that is over, and fails when that takes longer than it may.
    pub async fn recovers(&self) -> Duration {
        let before = self.seen.admitted();
        recovered("the server", || self.seen.admitted() > before).await
    }

    /// Waits until its callers are denied since the database is away.
    pub async fn runs_dry(&self) {
        let before = self.seen.away();
        until("the balance runs out", || self.seen.away() > before).await;
    }
}

/// How long something takes that happens by itself.
pub struct Recovery {
    begun: Instant,
    last: Instant,
    /// Without what this machine stood still.
    lived: Duration,
}

impl Recovery {
    /// It begins now.
    pub fn begin() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            last: now,
            lived: Duration::ZERO,
        }
    }

    /// A pause, after which to look again.
    pub async fn goes_on(&mut self, what: &str) {
        assert!(self.begun.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        stores::pause().await;
        self.lived += self.last.elapsed().min(LOOK_MAX);
        self.last = Instant::now();
    }

    /// It ended; fails when it took longer than a recovery may.
    pub fn ends(&self, who: &str) {
        let took = self.begun.elapsed();
        assert!(self.lived <= RECOVERY_MAX, "{who} took {took:?} to recover");
    }
}

/// Waits for a condition.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) -> Recovery {
    let mut recovery = Recovery::begin();
    while !condition() {
        recovery.goes_on(what).await;
    }
    recovery
}

/// Waits for the end of a recovery; how long it took.
pub async fn recovered(who: &str, condition: impl FnMut() -> bool) -> Duration {
    let recovery = until(who, condition).await;
    recovery.ends(who);
    recovery.begun.elapsed()
}

/// Does something to nodes that takes a while, beside everything else.
pub async fn with_nodes(nodes: &mut Vec<Node>, work: impl FnOnce(&mut [Node]) + Send + 'static) {
    let mut taken = std::mem::take(nodes);
    let done = tokio::task::spawn_blocking(move || {
        work(&mut taken);
        taken
    });
    *nodes = done.await.expect("nodes start");
}
