//! What is kept of windows on the embedded store: all of them over an orderly stop, those of an hour or more over a crash,
//! and never more room than before.

mod crashes;
mod failed_starts;
mod policies;
mod stops;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::data::{self, folder, stop};
use crate::harness::{Server, policy, time};

/// A minute that holds ten and an hour that holds fifteen. Long enough that no test ends either.
const MINUTE_AND_HOUR: &str =
    "limits: [{ name: minute, limit: 10, window: 59m, per: key }, { name: hour, limit: 15, window: 10h, per: key }]";

/// A server with a plan that keeps its windows there.
fn serve(plan: &str, folder: &TempDir) -> Server {
    data::serve(policy::plan(plan), folder)
}

/// Ends a server as a crash does.
fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait();
}

/// Waits until all that was decided so far is written behind.
async fn written(server: &Server) {
    let rounds = async || server.metric("quorate_windows_rounds_total", &[]).await;
    // The one that is under way may have begun before; the one after it has not.
    let wanted = rounds().await + 2;
    time::eventually("a round of writing behind", || async {
        (rounds().await >= wanted).then_some(())
    })
    .await;
}
