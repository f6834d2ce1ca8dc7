//! Who keeps rate windows on a store that servers share: one, unless they were told that each keeps its own. A lock in
//! the store says who. It guards against a second server started by mistake; no quota rests on it.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use quorate_core::grant::HolderId;
use quorate_store::{Store, StoreError};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The lock's name.
const NAME: &str = "windows";

/// For how long it is taken: how long a server that crashed stands in the way of the next.
const TTL_S: u32 = 15;

/// The same.
const TTL: Duration = Duration::from_secs(15);

/// How long before its end nothing is begun or believed any more: as far as clocks of servers may be apart. What was sent
/// by then and is done later is older than all that the next server writes.
const MARGIN: Duration = Duration::from_secs(1);

/// How often it is renewed: twice may fail.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// How often it is asked for while another server has it.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How long to wait for a server that may have crashed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a server must not start on a store.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another server renews it.
    #[error(
        "another server ({0}) keeps its windows on this store: stop it, or start both with --unshared-windows, which \
         lets each keep its own windows and pools (quotas are shared either way)"
    )]
    Held(String),
    /// Some of a deployment's quotas are in it and others are not: units would be granted twice.
    #[error("an import into this store was begun and did not finish: import into an empty one")]
    Unfinished,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The lock, held and renewed.
#[derive(Debug)]
pub(super) struct WindowsLock {
    renewal: JoinHandle<()>,
    holder: HolderId,
    lost: CancellationToken,
    until: watch::Receiver<Instant>,
}

impl WindowsLock {
    /// Takes the lock; waits for the end of one that a server left behind.
    pub(super) async fn take(store: &Arc<dyn Store>, holder: HolderId) -> Result<Self, LockError> {
        let by = format!("process {}", std::process::id());
        let deadline = Instant::now() + PATIENCE;
        let mut told = false;
        let mut asked = Instant::now();
        while let Some(held) = store.lock(NAME, holder, &by, TTL_S).await? {
            if Instant::now() >= deadline {
                return Err(LockError::Held(format!("{}, {}", held.by, held.holder)));
            }
            if !told {
                told = true;
                tracing::warn!(
                    by = held.by,
                    "another server keeps its windows on this store: waiting for its end"
                );
            }
            tokio::time::sleep(ASK_EVERY).await;
            asked = Instant::now();
        }
        // Counted from before it was asked for: the store began to count later.
        let (renewed, until) = watch::channel(asked + (TTL - MARGIN));
        let lost = CancellationToken::new();
        let losing = lost.clone();
        let (store, name) = (Arc::clone(store), by);
        let renewal = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(RENEW_EVERY);
            loop {
                ticks.tick().await;
                let asked = Instant::now();
                match store.lock(NAME, holder, &name, TTL_S).await {
                    Ok(None) => {
                        renewed.send_replace(asked + (TTL - MARGIN));
                    }
                    // Both count windows of their own now, as with --unshared-windows; quotas are exact all the same.
                    Ok(Some(other)) => {
                        tracing::error!(by = other.by, "another server took over the lock of windows");
                        losing.cancel();
                        // Once that one is gone it would be taken again, with nothing kept for it.
                        break;
                    }
                    Err(error) => tracing::warn!(%error, "the lock of windows could not be renewed"),
                }
            }
        });
        Ok(Self {
            renewal,
            holder,
            lost,
            until,
        })
    }

    /// Until when no other server can have it, by some margin.
    pub(super) fn until(&self) -> watch::Receiver<Instant> {
        self.until.clone()
    }

    /// Cancelled when another server has it.
    pub(super) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Renews the lock no more: it ends by itself.
    pub(super) fn abandon(self) {
        self.renewal.abort();
    }

    /// Gives the lock back.
    pub(super) async fn release(self, store: &Arc<dyn Store>) {
        self.renewal.abort();
        if let Err(error) = store.unlock(NAME, self.holder).await {
            tracing::warn!(%error, "the lock of windows ends by itself");
        }
    }
}
