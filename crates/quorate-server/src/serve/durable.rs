//! What outlives the process: the store, and the driver of quotas on it. Started before the doors open, stopped after
//! they are closed.

use std::sync::Arc;
use std::time::Duration;

use quorate_node::pools::PoolKeeper;
use quorate_node::quotas::{Listener, Notice, Quotas, new_holder};
use quorate_node::usage::UsageWriter;
use quorate_store::transfer::unfinished;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
}

/// The store at work.
#[derive(Debug)]
pub(super) struct Durable {
    store: OpenStore,
    stop: watch::Sender<bool>,
    quotas: JoinHandle<bool>,
    usage: JoinHandle<()>,
    /// `None` where each server keeps its own pools.
    pools: Option<JoinHandle<bool>>,
    windows: Option<WindowsLock>,
}

impl Durable {
    /// Starts the driver of quotas, once no other server keeps windows on the store, or each is to keep its own. To be
    /// called on the admin runtime.
    pub(super) async fn start(
        store: OpenStore,
        edge: &Arc<Edge>,
        health: &Health,
        settings: DurableSettings,
    ) -> Result<Self, LockError> {
        let node = &edge.node;
        let (stop, stopped) = watch::channel(false);
        let holder = new_holder();
        tracing::info!(store = store.store().describe(), %holder, "store open");
        if unfinished(&**store.store()).await? {
            return Err(LockError::Unfinished);
        }
        let windows = if store.is_shared() && !settings.unshared_windows {
            Some(WindowsLock::take(store.store(), holder).await?)
        } else {
            None
        };
        let driver = Quotas::new(Arc::clone(node), store.grants(), holder, listener());
        let usage = UsageWriter::new(Arc::clone(node), holder, settings.usage_kept);
        let usage = tokio::spawn(usage.run(Arc::clone(store.store()), stopped.clone()));
        let pools = (!settings.unshared_windows).then(|| {
            let keeper = PoolKeeper::new(Arc::clone(node), store.pools());
            tokio::spawn(keeper.run(stopped.clone(), GIVE_BACK_MAX))
        });
        let driver = tokio::spawn(driver.run(stopped, GIVE_BACK_MAX));
        let quotas = tokio::spawn(watch_over(driver, Arc::clone(edge), health.clone()));
        Ok(Self {
            store,
            stop,
            quotas,
            usage,
            pools,
            windows,
        })
    }

    /// Gives back what is left of the leases, and closes the store. To be called when nothing is decided any more.
    pub(super) async fn stop(self) {
        // The driver stops by itself when nobody holds the other end.
        let _gone = self.stop.send(true);
        match self.quotas.await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("units of quotas could not be given back in time: unused until their period ends")
            }
            Err(error) => tracing::error!(%error, "nobody knows what became of the quotas"),
        }
        if let Err(error) = self.usage.await {
            tracing::error!(%error, "the writer of usage failed");
        }
        match self.pools {
            None => {}
            Some(pools) => match pools.await {
                Ok(true) => {}
                Ok(false) => tracing::warn!("some burst pools lose what is left of their chunks"),
                Err(error) => tracing::error!(%error, "the keeper of burst pools failed: they lose their chunks"),
            },
        }
        if let Some(windows) = self.windows {
            windows.release(self.store.store()).await;
        }
        self.store.close().await;
    }
}

/// Waits for the driver's end; whether it gave everything back. One that fails takes the server out of service: what
/// quotas have to pass is denied from then on, and only a restart changes that.
async fn watch_over(driver: JoinHandle<bool>, edge: Arc<Edge>, health: Health) -> bool {
    match driver.await {
        Ok(whole) => whole,
        Err(error) => {
            tracing::error!(%error, "the driver of quotas failed: what quotas have to pass is denied until a restart");
            edge.readiness.fail("the driver of quotas");
            health.set_serving(false).await;
            false
        }
    }
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
        Notice::StoreAway => tracing::error!("the store does not answer: quotas are served from what is held here"),
        Notice::StoreBack => tracing::info!("the store answers again"),
    })
}
