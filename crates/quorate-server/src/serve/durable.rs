//! What outlives the process: the store, the driver of quotas on it, and the keepers of pools and windows. Started before the doors open, stopped after
//! they are closed.

use std::sync::Arc;
use std::time::Duration;

use quorate_core::grant::HolderId;
use quorate_core::state::fingerprint::HashKey;
use quorate_node::Node;
use quorate_node::pools::{self, PoolKeeper};
use quorate_node::quotas::{Listener, Notice, Quotas, new_holder};
use quorate_node::usage::UsageWriter;
use quorate_node::windows::Found;
use quorate_store::transfer::unfinished;
use tokio::sync::watch;

use super::keeping::Keeping;
use super::part::Part;
use super::windows::{LockError, WindowsLock};
use crate::edge::Edge;
use crate::grpc::Health;
use crate::store::OpenStore;

/// How long the store may take to get back what is left of the leases. What it does not get is unused until the period
/// ends.
const GIVE_BACK_MAX: Duration = Duration::from_secs(5);

/// What it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurableSettings {
    /// Several servers may have windows of their own on one store.
    pub(super) unshared_windows: bool,
    /// How long usage is kept; `None` for ever.
    pub(super) usage_kept: Option<Duration>,
    /// How long the last writing of windows may take.
    pub(super) keep_timeout: Duration,
}

/// A store that this server may work on.
#[derive(Debug)]
pub(super) struct Granted {
    store: OpenStore,
    holder: HolderId,
    lock: Option<WindowsLock>,
    kept: Option<Found>,
}

/// The store at work.
#[derive(Debug)]
pub(super) struct Durable {
    store: OpenStore,
    stop: watch::Sender<bool>,
    quotas: Part<bool>,
    usage: Part<()>,
    /// `None` where each server keeps its own pools.
    pools: Option<Part<Option<bool>>>,
    /// `None` where each server keeps its own, which nobody could tell apart at the next start.
    windows: Option<Keeping>,
    lock: Option<WindowsLock>,
    keep_timeout: Duration,
}

impl Granted {
    /// Waits until no other server keeps windows on the store, or each is to keep its own, and looks for windows that
    /// were kept.
    pub(super) async fn open(store: OpenStore, settings: DurableSettings) -> Result<Self, LockError> {
        let holder = new_holder();
        tracing::info!(store = store.store().describe(), %holder, "store open");
        if unfinished(&**store.store()).await? {
            return Err(LockError::Unfinished);
        }
        let unshared = store.is_shared() && settings.unshared_windows;
        let lock = if store.is_shared() && !unshared {
            Some(WindowsLock::take(store.store(), holder).await?)
        } else {
            None
        };
        let kept = if unshared {
            None
        } else {
            Some(Found::look(&**store.store()).await?)
        };
        Ok(Self {
            store,
            holder,
            lock,
            kept,
        })
    }

    /// The key that counters are to be found by, if any are kept.
    pub(super) fn hash_key(&self) -> Option<HashKey> {
        self.kept.as_ref().map(Found::hash_key).copied()
    }
}

impl Durable {
    /// Restores windows, and starts the driver of quotas and the keepers of pools and windows. To be called on the admin
    /// runtime, before anything is decided.
    pub(super) async fn start(
        granted: Granted,
        edge: &Arc<Edge>,
        health: &Health,
        settings: DurableSettings,
    ) -> Result<Self, LockError> {
        let node = &edge.node;
        let (stop, stopped) = watch::channel(false);
        let Granted {
            store,
            holder,
            lock,
            kept,
        } = granted;
        let keeps = kept.is_some();
        let windows = match kept {
            Some(kept) => {
                let store = store.store();
                Some(Keeping::start(kept, (edge, health), store, stopped.clone(), lock.as_ref()).await?)
            }
            None => None,
        };
        let driver = Quotas::new(Arc::clone(node), store.grants(), holder, listener());
        let usage = UsageWriter::new(Arc::clone(node), holder, settings.usage_kept);
        let usage = usage.run(Arc::clone(store.store()), stopped.clone());
        let usage = Part::start("the writer of usage", edge, health, usage);
        let pools = keeps.then(|| {
            let pools = keep_pools(node, &store, stopped.clone(), lock.as_ref());
            Part::start("the keeper of burst pools", edge, health, pools)
        });
        let driver = driver.run(stopped, GIVE_BACK_MAX);
        let quotas = Part::start("the driver of quotas", edge, health, driver);
        Ok(Self {
            store,
            stop,
            quotas,
            usage,
            pools,
            windows,
            lock,
            keep_timeout: settings.keep_timeout,
        })
    }

    /// Gives back what is left of the leases, keeps the windows, and closes the store. To be called when nothing is decided any more.
    pub(super) async fn stop(mut self) {
        // The driver stops by itself when nobody holds the other end.
        let _gone = self.stop.send(true);
        // Of what has failed a person was told when it did.
        if self.quotas.end().await == Some(false) {
            tracing::warn!("units of quotas could not be given back in time: unused until their period ends");
        }
        let _written = self.usage.end().await;
        if let Some(mut pools) = self.pools
            && pools.end().await == Some(Some(false))
        {
            tracing::warn!("some burst pools lose what is left of their chunks");
        }
        let ended = match self.windows {
            Some(windows) => windows.end(self.keep_timeout).await,
            None => true,
        };
        match self.lock {
            Some(lock) if ended => lock.release(self.store.store()).await,
            // What is under way is not to meet what the next server writes: that one waits for the lock's end.
            Some(lock) => lock.abandon(),
            None => {}
        }
        self.store.close().await;
    }
}

/// Keeps pools until `stop` says that nothing is decided any more, or another server keeps them: then `None`.
fn keep_pools(
    node: &Arc<Node>,
    store: &OpenStore,
    stop: watch::Receiver<bool>,
    lock: Option<&WindowsLock>,
) -> impl Future<Output = Option<bool>> + use<> {
    let lost = lock.map(WindowsLock::lost).unwrap_or_default();
    let keeper = PoolKeeper::new(Arc::clone(node), store.pools(), pools_listener());
    let keeper = match lock {
        Some(lock) => keeper.while_held(lock.until()),
        None => keeper,
    };
    async move {
        tokio::select! {
            // What another server has written since is not to be overwritten, at a stop least of all.
            biased;
            () = lost.cancelled() => {
                tracing::error!("burst pools are not kept any more: they lend what is deducted, and then nothing");
                None
            }
            whole = keeper.run(stop, GIVE_BACK_MAX) => Some(whole),
        }
    }
}

fn pools_listener() -> pools::Listener {
    Arc::new(|notice| match notice {
        pools::Notice::Away(error) => {
            tracing::error!(
                error,
                "burst pools lend what is deducted, and then nothing: the store does not answer"
            );
        }
        pools::Notice::Back => tracing::info!("burst pools are deducted in the store again"),
        pools::Notice::Spoilt { org, pool, error } => tracing::error!(
            org = &*org,
            pool = &*pool,
            error,
            "the store cannot serve the row of a burst pool: it lends nothing"
        ),
    })
}

/// Logs what a person should hear of.
fn listener() -> Listener {
    Arc::new(|notice| match notice {
        Notice::Alert { key, alert } => tracing::warn!(
            org = &*key.org,
            quota = &*key.quota,
            account = ?key.account,
            period = &*key.period,
            percent = alert.percent,
            used = alert.used,
            limit = alert.limit,
            "quota threshold reached"
        ),
        Notice::Unbooked { key, units } => tracing::error!(
            org = &*key.org,
            quota = &*key.quota,
            account = ?key.account,
            period = &*key.period,
            units,
            "units that passed beyond what was leased are never booked"
        ),
        Notice::StoreAway => tracing::error!("the store does not answer: quotas are served from what is held here"),
        Notice::StoreBack => tracing::info!("the store answers again"),
    })
}
