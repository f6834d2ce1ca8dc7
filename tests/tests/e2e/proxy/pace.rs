//! A steady load through Envoy: so many requests a second over kept connections, whatever comes back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What came back to one request.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    pub sent: Instant,
    pub status: StatusCode,
}

/// How often each status came back.
pub fn statuses(replies: &[Reply]) -> BTreeMap<StatusCode, u64> {
    let mut statuses = BTreeMap::new();
    for reply in replies {
        *statuses.entry(reply.status).or_default() += 1;
    }
    statuses
}

/// A load that goes on until it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    callers: JoinSet<Vec<Reply>>,
}

impl Load {
    /// Begins. A connection that is late sends what it owes as fast as it is answered.
    pub fn start(address: SocketAddr, per_second: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        let every = Duration::from_secs(1) * CONNECTIONS / per_second;
        for caller in 0..CONNECTIONS {
            let first = Instant::now() + every * caller / CONNECTIONS;
            callers.spawn(call(address, first, every, Arc::clone(&stop)));
        }
        Self { stop, callers }
    }

    /// Ends it and says what came back.
    pub async fn finish(self) -> Vec<Reply> {
        self.stop.store(true, Ordering::Relaxed);
        self.callers.join_all().await.concat()
    }
}

async fn call(address: SocketAddr, first: Instant, every: Duration, stop: Arc<AtomicBool>) -> Vec<Reply> {
    let connection = TcpStream::connect(address).await.expect("Envoy listens");
    let (mut sender, connection) = handshake(TokioIo::new(connection)).await.expect("HTTP/1.1 is spoken");
    let connection = tokio::spawn(connection);
    let mut ticks = interval_at(first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut replies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let sent = Instant::now();
        let status = ask(&mut sender).await;
        replies.push(Reply { sent, status });
    }
    connection.abort();
    replies
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
