//! Servers that keep things on an embedded store: a folder of their own, a stop in good order, and units that come from
//! the store in their own time.

use std::time::{Duration, Instant};

use quorate_api::v1::{ShouldAllowRequest, ShouldAllowResponse};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{Client, Launch, Server};

/// Units that were asked for are here by then, or never will be.
pub const EVENTUALLY: Duration = Duration::from_secs(120);

/// A folder for data.
pub fn folder() -> TempDir {
    TempDir::new().expect("a folder of its own")
}

/// A server that keeps its things there.
pub fn serve(policy: impl AsRef<str>, folder: &TempDir) -> Server {
    Launch::keeping(policy, &folder.path().join("data")).start()
}

/// Stops a server in good order.
pub fn stop(mut server: Server) {
    server.signal(Signal::TERM);
    let status = server.wait();
    assert!(status.success(), "{status}:\n{}", server.words());
}

/// Asks until the answer is no denial that only waits for units.
pub async fn settled(
    client: &Client,
    request: &ShouldAllowRequest,
    pending: impl Fn(&ShouldAllowResponse) -> bool,
) -> ShouldAllowResponse {
    let deadline = Instant::now() + EVENTUALLY;
    loop {
        let answer = client.ask(request.clone()).await;
        if !pending(&answer) {
            return answer;
        }
        assert!(
            !answer.allowed && answer.retryable && answer.retry_after_ns > 0,
            "{answer:?}"
        );
        assert!(Instant::now() < deadline, "units do not come: {answer:?}");
    }
}
