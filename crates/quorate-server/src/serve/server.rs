//! A running server: its doors, its timers, and how it goes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use quorate_node::Node;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::announce::Addresses;
use super::assembly::{edge, start_data_plane, start_otlp, watch, web};
use super::durable::{Durable, DurableSettings, Granted};
use super::policy::{PolicyReloader, warn};
use super::prepare::Prepared;
use super::reload::{Cause, Reloads};
use super::rules::RulesReloader;
use super::watch::FileWatch;
use super::windows::LockError;
use crate::config::{CallerEntry, Config};
use crate::edge::{Edge, PolicyHealth};
use crate::grpc::{Companions, Health};
use crate::listen::{BindError, Bound, DataPlane, Web, accept_until};
use crate::store::{OpenStore, OpenStoreError, StoreChoice};
use crate::telemetry::otlp::{Otlp, OtlpError};

/// How long the HTTP door may take to close: its calls are short.
const HTTP_DRAIN_MAX: Duration = Duration::from_secs(2);

/// Why a server that was told nothing wrong does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A door cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Threads or runtimes cannot be made.
    #[error("cannot start threads: {0}")]
    Runtime(#[source] io::Error),
    /// Files cannot be watched.
    #[error("cannot watch files: {0}")]
    Watch(#[from] notify::Error),
    /// Telemetry cannot be exported.
    #[error("telemetry: {0}")]
    Otlp(#[from] OtlpError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// Another server keeps its windows on it.
    #[error(transparent)]
    Windows(#[from] LockError),
    /// Nobody can be told where the doors are.
    #[error("cannot say where the server listens: {0}")]
    Announce(#[source] io::Error),
}

/// A running server.
pub struct Server {
    edge: Arc<Edge>,
    config: Config,
    addresses: Addresses,
    health: Health,
    data_plane: Arc<DataPlane>,
    web: Web,
    reloads: Arc<Reloads>,
    otlp: Option<Otlp>,
    durable: Option<Durable>,
    stop_grpc: CancellationToken,
    stop_http: CancellationToken,
    grpc_acceptors: JoinSet<()>,
    http_acceptors: JoinSet<()>,
    timers: JoinSet<()>,
}

/// The sockets that were bound.
struct Sockets {
    grpc: Bound,
    uds: Option<Bound>,
    http: Bound,
}

impl Server {
    /// Opens the doors. To be called on the admin runtime.
    ///
    /// # Errors
    /// A port is taken, or the machine lacks something.
    pub async fn start(mut prepared: Prepared) -> Result<Self, StartError> {
        if let StoreChoice::Cluster(address) = &prepared.config.store {
            prepared.store = Some(OpenStore::connect(address).await?);
        }
        let sockets = Sockets::bind(&prepared.config)?;
        let addresses = sockets.addresses(&prepared.config)?;
        warn(&prepared.checked);
        if let Some(rules) = &prepared.rules {
            rules.warn();
        }
        let settings = DurableSettings {
            unshared_windows: prepared.config.unshared_windows,
            usage_kept: prepared.config.usage_kept,
            keep_timeout: prepared.config.keep_timeout,
        };
        let granted = match prepared.store.clone() {
            Some(store) => Some(Granted::open(store, settings).await?),
            None => None,
        };
        if let Some(key) = granted.as_ref().and_then(Granted::hash_key) {
            prepared.node = prepared.node.keyed(key);
        }
        let edge = edge(&prepared);
        let otlp = start_otlp(&prepared.config, &edge)?;
        let traces = otlp.as_ref().map(Otlp::traces);
        let (health, companions) = Companions::new();
        let data_plane = Arc::new(start_data_plane(&prepared, &edge, &companions, traces.as_ref())?);
        let web = web(&prepared, &edge, traces);
        let watch = watch(&prepared)?;
        // Last of all that can fail: short windows of a stop in good order are restored once, and then are here alone.
        let durable = match granted {
            Some(granted) => Some(Durable::start(granted, &edge, &health, settings).await?),
            None => None,
        };
        let policy = PolicyReloader::new(Arc::clone(&edge), prepared.source.clone(), prepared.texts);
        let rules = prepared
            .rules_source
            .clone()
            .map(|source| RulesReloader::new(Arc::clone(&edge), source));
        let tls = [prepared.grpc_tls, prepared.http_tls].into_iter().flatten().collect();
        let mut server = Self {
            edge,
            addresses,
            health,
            data_plane,
            web,
            reloads: Arc::new(Reloads::new(policy, rules, tls)),
            otlp,
            durable,
            stop_grpc: CancellationToken::new(),
            stop_http: CancellationToken::new(),
            grpc_acceptors: JoinSet::new(),
            http_acceptors: JoinSet::new(),
            timers: JoinSet::new(),
            config: prepared.config,
        };
        server.follow(watch).await;
        server.keep_time();
        server.accept(sockets);
        server.edge.readiness.set_serving(true);
        server.health.set_serving(server.edge.readiness.is_serving()).await;
        Ok(server)
    }

    /// Who may call; empty when everybody may.
    pub(super) fn callers(&self) -> &[CallerEntry] {
        &self.config.callers
    }

    /// Where the doors are.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<PolicyHealth> {
        self.edge.readiness.policy()
    }

    /// Calls that wait for their message, for tests that wait for them.
    #[cfg(test)]
    pub(super) fn in_flight_waiting(&self) -> usize {
        self.edge.in_flight.waiting()
    }

    /// Reads the policy and the certificates again, on a thread where that disturbs nobody.
    pub fn reload_now(&self) {
        let reloads = Arc::clone(&self.reloads);
        tokio::task::spawn_blocking(move || reloads.run(Cause::Told));
    }

    /// Stops in good order: says that it is not ready, waits for those who look, stops accepting, and answers what is
    /// open. Bounded by the configured times.
    pub async fn drain(mut self) {
        tracing::info!("draining");
        self.edge.readiness.set_serving(false);
        self.health.set_serving(false).await;
        tokio::time::sleep(self.config.drain_delay).await;
        self.stop_grpc.cancel();
        // First the acceptors, which still take in what waits to be accepted, then what they took in.
        while self.grpc_acceptors.join_next().await.is_some() {}
        let cut = self.data_plane.drain(self.config.drain_timeout).await;
        if cut > 0 {
            tracing::warn!(connections = cut, "connections did not finish in time and were dropped");
        }
        // Last, so that whoever watches sees the drain to its end.
        self.stop_http.cancel();
        while self.http_acceptors.join_next().await.is_some() {}
        self.web.drain(HTTP_DRAIN_MAX).await;
        self.timers.shutdown().await;
        if let Some(durable) = self.durable.take() {
            durable.stop().await;
        }
        if let Some(otlp) = self.otlp.take() {
            otlp.shut_down().await;
        }
        tracing::info!("stopped");
    }

    fn accept(&mut self, sockets: Sockets) {
        for bound in [Some(sockets.grpc), sockets.uds].into_iter().flatten() {
            let data_plane = Arc::clone(&self.data_plane);
            let stop = self.stop_grpc.clone().cancelled_owned();
            self.grpc_acceptors.spawn(async move {
                let accepted = accept_until(&bound, stop, |socket| data_plane.hand_over(socket)).await;
                log_acceptor(accepted);
            });
        }
        let web = self.web.clone();
        let stop = self.stop_http.clone().cancelled_owned();
        self.http_acceptors.spawn(async move {
            log_acceptor(accept_until(&sockets.http, stop, |socket| web.take_in(socket)).await);
        });
    }

    /// Puts in force what changes in the files, and what has changed since they were read: a start may have waited long
    /// for its store, and nothing was watched then.
    async fn follow(&mut self, watch: Option<FileWatch>) {
        let Some(watch) = watch.map(Arc::new) else {
            return;
        };
        let reloads = Arc::clone(&self.reloads);
        read_again(&watch, &reloads).await;
        self.timers.spawn(async move {
            loop {
                watch.changed().await;
                read_again(&watch, &reloads).await;
            }
        });
    }

    fn keep_time(&mut self) {
        let edge = Arc::clone(&self.edge);
        self.timers.spawn(async move {
            let mut steps = tokio::time::interval(Duration::from_millis(Node::HOUSEKEEPING_MS));
            steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                steps.tick().await;
                edge.node.housekeep();
            }
        });
        let edge = Arc::clone(&self.edge);
        self.timers
            .spawn(async move { edge.telemetry.keep_throttled_epochs().await });
    }
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, BindError> {
        Ok(Self {
            grpc: Bound::tcp(config.grpc_listen)?,
            uds: config.grpc_unix_socket.as_deref().map(Bound::unix).transpose()?,
            http: Bound::tcp(config.http_listen)?,
        })
    }

    fn addresses(&self, config: &Config) -> Result<Addresses, StartError> {
        let address = |bound: &Bound| bound.address().map_err(StartError::Announce);
        Ok(Addresses {
            grpc: address(&self.grpc)?,
            uds: config.grpc_unix_socket.clone(),
            http: address(&self.http)?,
            tls: config.tls.is_some(),
        })
    }
}

async fn read_again(watch: &Arc<FileWatch>, reloads: &Arc<Reloads>) {
    let (watch, reloads) = (Arc::clone(watch), Arc::clone(reloads));
    let reload = move || {
        if let Err(error) = watch.follow() {
            tracing::warn!(%error, "changes of some files will not be noticed: tell with SIGHUP");
        }
        reloads.run(Cause::Changed);
    };
    let _ = tokio::task::spawn_blocking(reload).await;
}

fn log_acceptor(accepted: io::Result<()>) {
    if let Err(error) = accepted {
        tracing::error!(%error, "a socket cannot be watched: nothing is accepted there");
    }
}
