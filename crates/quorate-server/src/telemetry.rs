//! What the server tells of itself: logs, metrics, traces, and who is denied most.
//!
//! A decision is counted, never logged: by default there is no log line and no span for it. Data-plane threads count
//! through a [`Recorder`] of their own, which never waits and, for an allowed answer, allocates nothing; everything
//! is summed when somebody asks. Metrics have one source, [`Telemetry::gather`], from which the page for Prometheus
//! and the messages for OTLP are both made.

mod connections;
mod door;
mod exposition;
mod family;
mod gather;
mod latency;
pub mod logs;
pub mod otlp;
mod recorder;
mod shadow;
mod space_saving;
mod throttled;
pub mod traces;
mod view;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

pub use connections::{Connections, OpenConnection};
pub use door::{Door, Listener};
pub use exposition::{CONTENT_TYPE, exposition};
pub use family::{Distribution, Family, Kind, Sample, Value};
pub use recorder::Recorder;
pub use throttled::{Denied, ThrottledReport};
pub use view::ServerView;

use recorder::Shard;
use shadow::ShadowDenials;

/// How long one epoch of the most denied keys and limits is: what `/v1/throttled` shows is between one and two of
/// them old, which is what "now" means to a person who looks.
pub const THROTTLED_EPOCH: Duration = Duration::from_secs(300);

/// Where a server counts. One per process, shared by everything in it.
#[derive(Debug)]
pub struct Telemetry {
    shards: Mutex<Vec<Arc<Shard>>>,
    shadow: Arc<ShadowDenials>,
    connections: Connections,
    exports: otlp::Exports,
    started_unix_ns: u64,
    epoch_started_unix_ns: Mutex<[u64; 2]>,
}

impl Telemetry {
    /// Starts to count.
    #[must_use]
    pub fn new() -> Self {
        let started_unix_ns = wall_clock_ns();
        Self {
            shards: Mutex::default(),
            shadow: Arc::default(),
            connections: Connections::default(),
            exports: otlp::Exports::default(),
            started_unix_ns,
            epoch_started_unix_ns: Mutex::new([started_unix_ns; 2]),
        }
    }

    /// A place to count for one data-plane thread. Counts stay when the recorder goes.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        let shard = Arc::new(Shard::default());
        self.shards.lock().push(Arc::clone(&shard));
        Recorder::new(shard, Arc::clone(&self.shadow))
    }

    /// Connections, to be counted by who accepts them.
    #[must_use]
    pub const fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Every metric, as it stands; `server` is what is counted elsewhere.
    #[must_use]
    pub fn gather(&self, server: &ServerView) -> Vec<Family> {
        gather::gather(self, server)
    }

    /// Who was denied most in the last one to two epochs: at most `most` keys and `most` limits.
    #[must_use]
    pub fn throttled(&self, most: usize) -> ThrottledReport {
        let shards = self.shards.lock().clone();
        let since_unix_ns = self.epoch_started_unix_ns.lock()[0];
        throttled::report(shards.iter().map(|shard| shard.throttled()), most, since_unix_ns)
    }

    /// Ends the epoch of the most denied: what was counted before the last call is forgotten.
    pub fn end_throttled_epoch(&self) {
        let shards = self.shards.lock().clone();
        for shard in &shards {
            shard.throttled().lock().end_epoch();
        }
        let mut started = self.epoch_started_unix_ns.lock();
        *started = [started[1], wall_clock_ns()];
    }

    /// Ends an epoch every [`THROTTLED_EPOCH`], for as long as it is polled. To be spawned once.
    pub async fn keep_throttled_epochs(&self) {
        let mut ticks = tokio::time::interval(THROTTLED_EPOCH);
        // The first tick comes at once.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.end_throttled_epoch();
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

/// Wall time in nanoseconds since the Unix epoch: for people and for exports, never for a decision.
fn wall_clock_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::answer as test_answer;
