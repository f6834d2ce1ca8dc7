//! A steady load through Envoy: so many requests a second over kept connections, whatever comes back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::harness::client::within;

/// Connections, each with one request at a time.
const CONNECTIONS: u32 = 25;

/// What came back: how often each status.
pub type Statuses = BTreeMap<StatusCode, u64>;

/// A load that goes on until it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    callers: JoinSet<Statuses>,
}

impl Load {
    /// Begins. A connection that is late sends what it owes as fast as it is answered.
    pub fn start(address: SocketAddr, per_second: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        let every = Duration::from_secs(1) * CONNECTIONS / per_second;
        for caller in 0..CONNECTIONS {
            let first = Instant::now() + every * caller / CONNECTIONS;
            callers.spawn(call(address, first, every, Arc::clone(&stop), Arc::clone(&answered)));
        }
        Self {
            stop,
            answered,
            callers,
        }
    }

    /// How many requests were answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it and says what came back.
    pub async fn finish(mut self) -> Statuses {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Statuses::new();
        while let Some(statuses) = self.callers.join_next().await {
            for (status, count) in statuses.expect("no request failed") {
                *all.entry(status).or_default() += count;
            }
        }
        all
    }
}

async fn call(
    address: SocketAddr,
    first: Instant,
    every: Duration,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
) -> Statuses {
    let connection = TcpStream::connect(address).await.expect("Envoy listens");
    let (mut sender, connection) = handshake(TokioIo::new(connection)).await.expect("HTTP/1.1 is spoken");
    let connection = tokio::spawn(connection);
    let mut ticks = interval_at(first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut statuses = Statuses::new();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        *statuses.entry(ask(&mut sender).await).or_default() += 1;
        answered.fetch_add(1, Ordering::Relaxed);
    }
    connection.abort();
    statuses
}

async fn ask(sender: &mut SendRequest<Empty<Bytes>>) -> StatusCode {
    let request = Request::get("/")
        .header("host", "localhost")
        .header("x-api-key", "load");
    let request = request.body(Empty::new()).expect("a request");
    within(sender.ready()).await.expect("the connection is kept");
    let reply = within(sender.send_request(request)).await.expect("a reply");
    let status = reply.status();
    within(reply.into_body().collect()).await.expect("a whole reply");
    status
}
