//! Keeps windows over a restart: restores them before the doors open, has them written behind, and waits for the last of
//! them at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_node::windows::{Found, Listener, Notice, Written};
use quorate_store::{Store, StoreError};
use tokio::sync::watch;

use super::part::Part;
use super::windows::WindowsLock;
use crate::edge::Edge;
use crate::grpc::Health;

/// The keeper at work.
#[derive(Debug)]
pub(super) struct Keeping {
    /// `None` when another server has taken over the windows.
    task: Part<Option<Result<Written, StoreError>>>,
}

impl Keeping {
    /// Restores what is kept, and keeps from then on, until `stop` says that nothing is decided any more, or the right
    /// to is lost.
    pub(super) async fn start(
        kept: Found,
        (edge, health): (&Arc<Edge>, &Health),
        store: &Arc<dyn Store>,
        stop: watch::Receiver<bool>,
        lock: Option<&WindowsLock>,
    ) -> Result<Self, StoreError> {
        let began = Instant::now();
        let (keeper, restored) = kept.restore(&edge.node, store.clone()).await?;
        for problem in &restored.problems {
            tracing::warn!(problem, "windows that were kept are lost");
        }
        if restored.bytes > 0 {
            tracing::info!(
                entries = restored.entries,
                bytes = restored.bytes,
                took_ms = millis(began),
                after_orderly_stop = restored.orderly,
                "windows restored"
            );
        }
        let lost = lock.map(WindowsLock::lost).unwrap_or_default();
        let keeper = match lock {
            Some(lock) => keeper.while_held(lock.until()),
            None => keeper,
        };
        let task = Part::start("the keeper of windows", edge, health, async move {
            tokio::select! {
                biased;
                () = lost.cancelled() => {
                    tracing::error!("windows are not kept any more: a restart of this server forgets them");
                    None
                }
                written = keeper.run(listener(), stop) => Some(written),
            }
        });
        Ok(Self { task })
    }

    /// Waits for the last writing, for so long; to be called when the keeper was told to stop. What counts over less
    /// than an hour is forgotten if that is not enough. Whether nothing is under way in the store any more.
    pub(super) async fn end(mut self, within: Duration) -> bool {
        let began = Instant::now();
        match tokio::time::timeout(within, self.task.end()).await {
            Ok(Some(Some(Ok(written)))) => tracing::info!(
                entries = written.entries,
                bytes = written.bytes,
                took_ms = millis(began),
                "windows kept"
            ),
            Ok(Some(Some(Err(error)))) => tracing::error!(%error, "windows could not be kept: {FORGOTTEN}"),
            Ok(Some(None)) => {}
            Ok(None) => tracing::error!("the keeper of windows had failed: {FORGOTTEN}"),
            Err(_) => {
                self.task.abort();
                let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                // What is under way in the store may yet be done, and is worth something then.
                tracing::error!(
                    within_ms,
                    "windows could not be kept in time: the next start may know none but those of an hour or more"
                );
                return false;
            }
        }
        true
    }
}

const FORGOTTEN: &str = "the next start knows those of an hour or more, as after a crash, and no others";

fn listener() -> Listener {
    Arc::new(|notice| match notice {
        Notice::Behind(error) => tracing::error!(error, "windows cannot be written behind: a crash would forget them"),
        Notice::Caught => tracing::info!("windows are written behind again"),
    })
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
