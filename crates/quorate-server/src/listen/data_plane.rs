//! The data plane: one thread per core, each with a runtime of its own and connections of its own. Decisions are made
//! where their bytes arrive; nothing is handed between threads but sockets.
//!
//! A runtime of many threads that steal work from each other halves the rate of unary calls.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::connection::{Terms, serve};
use super::limits::ConnectionLimits;
use super::socket::Socket;
use super::tls::Tls;
use super::web::ABORT_MAX;
use crate::edge::Edge;
use crate::grpc::Doors;

/// How many accepted sockets may wait for a thread to register them. A thread does that between two polls.
const ARRIVALS_MAX: usize = 1_024;

/// What the data plane is told at its start.
pub struct DataPlaneConfig {
    /// How many threads.
    pub threads: usize,
    /// Bounds on connections.
    pub limits: ConnectionLimits,
    /// TLS for TCP connections.
    pub tls: Option<Arc<Tls>>,
    /// What every door shares.
    pub edge: Arc<Edge>,
}

/// The threads that decide.
#[derive(Debug)]
pub struct DataPlane {
    threads: Vec<Thread>,
    connections_max: usize,
    edge: Arc<Edge>,
    /// No new calls: connections say goodbye and finish what is open.
    stop: CancellationToken,
    /// Out of patience: connections are dropped.
    abort: CancellationToken,
    tracker: TaskTracker,
    /// Threads that have not ended.
    running: TaskTracker,
}

/// A socket on its way to its thread. The token makes a drain wait for it also before it is registered there.
type Arrival = (Socket, TaskTrackerToken);

#[derive(Debug)]
struct Thread {
    arrivals: mpsc::Sender<Arrival>,
    connections: Arc<AtomicUsize>,
}

impl DataPlane {
    /// Starts the threads; `doors` makes what each of them serves.
    ///
    /// # Errors
    /// A thread or its runtime cannot be made.
    pub fn start(config: &DataPlaneConfig, doors: impl Fn() -> Doors) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let abort = CancellationToken::new();
        let tracker = TaskTracker::new();
        let running = TaskTracker::new();
        let threads = (0..config.threads)
            .map(|index| {
                let (arrivals, arriving) = mpsc::channel(ARRIVALS_MAX);
                let connections = Arc::new(AtomicUsize::new(0));
                let worker = Worker {
                    arriving,
                    connections: Arc::clone(&connections),
                    doors: doors(),
                    terms: Arc::new(Terms {
                        limits: config.limits,
                        tls: config.tls.clone(),
                        edge: Arc::clone(&config.edge),
                    }),
                    stop: stop.clone(),
                    abort: abort.clone(),
                };
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let token = running.token();
                let run = move || {
                    runtime.block_on(worker.run());
                    // With all that is still open on it.
                    drop(runtime);
                    drop(token);
                };
                std::thread::Builder::new().name(format!("data-{index}")).spawn(run)?;
                Ok(Thread { arrivals, connections })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            threads,
            connections_max: config.limits.connections_max,
            edge: Arc::clone(&config.edge),
            stop,
            abort,
            tracker,
            running,
        })
    }

    /// Hands a connection to the thread with the fewest; one that is too many is closed and counted.
    pub fn hand_over(&self, socket: Socket) {
        let listener = socket.listener();
        let least = self
            .threads
            .iter()
            .min_by_key(|thread| thread.connections.load(Ordering::Relaxed));
        let handed = match least {
            Some(thread) if self.connections() < self.connections_max => {
                // Counted here and not on arrival, so that a burst of connections is spread at once.
                thread.connections.fetch_add(1, Ordering::Relaxed);
                thread
                    .arrivals
                    .try_send((socket, self.tracker.token()))
                    .inspect_err(|_| {
                        thread.connections.fetch_sub(1, Ordering::Relaxed);
                    })
                    .is_ok()
            }
            _ => false,
        };
        if !handed {
            self.edge.telemetry.connections().refused(listener);
        }
    }

    /// Connections that are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.threads
            .iter()
            .map(|thread| thread.connections.load(Ordering::Relaxed))
            .sum()
    }

    /// Says goodbye on every connection, waits until each has answered what is open, at most `patience`, and drops
    /// the rest: nothing is decided here afterwards. Answers how many had to be dropped.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.stop.cancel();
        self.tracker.close();
        let _ = tokio::time::timeout(patience, self.tracker.wait()).await;
        let left = self.connections();
        self.abort.cancel();
        self.running.close();
        let gone = tokio::time::timeout(ABORT_MAX, self.running.wait()).await;
        if gone.is_err() {
            tracing::error!("some calls could not be dropped: what they decide now may not be kept");
        }
        left
    }
}

/// One thread of the data plane.
struct Worker {
    arriving: mpsc::Receiver<Arrival>,
    connections: Arc<AtomicUsize>,
    doors: Doors,
    terms: Arc<Terms>,
    stop: CancellationToken,
    abort: CancellationToken,
}

impl Worker {
    async fn run(mut self) {
        loop {
            tokio::select! {
                () = self.abort.cancelled() => return,
                arrival = self.arriving.recv() => match arrival {
                    Some(arrival) => self.take_in(arrival),
                    // The data plane is gone without a drain.
                    None => return,
                },
            }
        }
    }

    fn take_in(&self, (socket, token): Arrival) {
        let open = OpenConnection(Arc::clone(&self.connections));
        let terms = Arc::clone(&self.terms);
        let doors = self.doors.clone();
        // A token of its own: looking at it costs no lock that another connection holds.
        let stop = self.stop.child_token();
        tokio::spawn(async move {
            serve(socket, &terms, &doors, stop).await;
            // In this order: a drain that has seen the last token counts what is left.
            drop(open);
            drop(token);
        });
    }
}

/// A connection that counts as open; counted when it was handed over.
struct OpenConnection(Arc<AtomicUsize>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
