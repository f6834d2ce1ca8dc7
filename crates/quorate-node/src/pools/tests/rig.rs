//! A node with a durable pool on a store that does as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::answer::{Reason, Retry};
use quorate_core::request::Request;
use quorate_policy::{Checked, Source, check};
use quorate_store::StoreError;
use quorate_store::embedded::Embedded;
use quorate_store::pool::{PoolLevel, Pools};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::pools::{Listener, Notice, PoolKeeper, PoolStats};
use crate::quotas::Patience;
use crate::{Decided, Node, NodeConfig, Wanted};

/// A condition that does not hold by then never will.
pub const EVENTUALLY: Duration = Duration::from_secs(120);

/// No test takes as long.
pub const FOR_LONG: Duration = Duration::from_secs(24 * 3_600);

/// A chunk of the pool of [`pooled`].
pub const CHUNK: u64 = 5;

/// A denial that says so early a time waits for the store.
const PENDING_NS: u64 = 2_000_000_000;

/// How a store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As the embedded engine does.
    Well,
    /// Nothing reaches it.
    Away,
    /// It does what it is asked, and says that it did not.
    Mute,
    /// It answers, but cannot read the row of one org.
    Spoilt(&'static str),
}

/// The embedded store, in a mood.
pub struct Moody {
    inner: Embedded,
    mood: Mutex<Mood>,
}

impl Moody {
    pub fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    fn away(&self, mood: Mood) -> Result<(), StoreError> {
        if *self.mood.lock() == mood {
            return Err(StoreError::Unavailable("as it was told".to_owned()));
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Pools for Moody {
    async fn write_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError> {
        self.away(Mood::Away)?;
        self.inner.write_pools(levels).await?;
        self.away(Mood::Mute)
    }

    async fn levels(&self, names: &[(Arc<str>, Arc<str>)]) -> Result<Vec<Option<PoolLevel>>, StoreError> {
        self.away(Mood::Away)?;
        if let Mood::Spoilt(spoilt) = *self.mood.lock()
            && names.iter().any(|(org, _)| &**org == spoilt)
        {
            return Err(StoreError::Corrupt("as it was told".to_owned()));
        }
        self.inner.levels(names).await
    }

    async fn forget_pools(&self, levels: &[(Arc<str>, Arc<str>, PoolLevel)]) -> Result<(), StoreError> {
        self.away(Mood::Away)?;
        self.inner.forget_pools(levels).await
    }

    async fn pools(
        &self,
        after: Option<(&str, &str)>,
        max: usize,
    ) -> Result<Vec<(Arc<str>, Arc<str>, PoolLevel)>, StoreError> {
        self.away(Mood::Away)?;
        self.inner.pools(after, max).await
    }
}

/// A store in a folder of its own.
pub fn store() -> (TempDir, Arc<Moody>) {
    let folder = TempDir::new().expect("a folder of its own");
    let store = Moody {
        inner: Embedded::open(folder.path()).expect("the store opens"),
        mood: Mutex::new(Mood::Well),
    };
    (folder, Arc::new(store))
}

/// A pool of a hundred units that caps its org and hardly refills.
pub fn pooled() -> Checked {
    let text = "version: 1\ndefaults: { plan: p }\nplans:\n  p:\n    \
                limits: [{ name: own, per: key, limit: 1_000_000, window: 1h }]\n    \
                pool: { capacity: 100, refill: 100, every: 400d, mode: ceiling }\n";
    check(&[Source {
        name: "test.yaml".into(),
        text: text.into(),
    }])
    .unwrap_or_else(|report| panic!("{report}"))
}

/// A node and what keeps its pools.
pub struct Rig {
    pub node: Arc<Node>,
    pub notices: Arc<Mutex<Vec<Notice>>>,
    lent: AtomicU64,
    /// Until when nobody else may lend.
    pub hold: watch::Sender<Instant>,
    stop: watch::Sender<bool>,
    keeper: JoinHandle<bool>,
}

impl Rig {
    pub fn start(policy: &Checked, store: &Arc<Moody>) -> Self {
        let node = Node::start(NodeConfig::default(), policy).expect("the policy compiles");
        let (stop, stopped) = watch::channel(false);
        let notices = Arc::<Mutex<Vec<Notice>>>::default();
        let heard = Arc::clone(&notices);
        let listener: Listener = Arc::new(move |notice| heard.lock().push(notice));
        let (hold, until) = watch::channel(Instant::now() + FOR_LONG);
        let keeper = PoolKeeper::new(Arc::clone(&node), store.clone(), listener).while_held(until);
        let keeper = tokio::spawn(keeper.run(stopped, Duration::from_secs(60)));
        Self {
            node,
            notices,
            lent: AtomicU64::new(0),
            hold,
            stop,
            keeper,
        }
    }

    /// Units lent so far.
    pub fn lent(&self) -> u64 {
        self.lent.load(Ordering::SeqCst)
    }

    /// Asks for one unit, and waits as a door does.
    pub async fn once(&self) -> Told {
        let told = ask(&self.node).await;
        self.lent
            .fetch_add(u64::from(told.reason == Reason::Ok), Ordering::SeqCst);
        told
    }

    /// Asks until the store has answered.
    pub async fn settled(&self) -> Told {
        self.until_told(|told| told.reason == Reason::Ok || told.retry_after_ns > PENDING_NS)
            .await
    }

    /// Asks until it is told something.
    pub async fn until_told(&self, holds: impl Fn(&Told) -> bool) -> Told {
        let deadline = Instant::now() + EVENTUALLY;
        loop {
            let told = self.once().await;
            if holds(&told) {
                return told;
            }
            assert!(Instant::now() < deadline, "it is told {told:?}");
            tokio::task::yield_now().await;
        }
    }

    pub async fn until(&self, what: &str, holds: impl Fn(PoolStats) -> bool) {
        let deadline = Instant::now() + EVENTUALLY;
        while !holds(self.node.pool_stats()) {
            assert!(Instant::now() < deadline, "{what}: never");
            // tidy: allow sleep because the loop is bounded and what is waited for gives no signal
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Has so many units lent.
    pub async fn lend(&self, units: u64) {
        for unit in 0..units {
            let told = self.settled().await;
            assert_eq!(told.reason, Reason::Ok, "unit {unit} of {units}: {told:?}");
        }
    }

    /// Has all lent that there are; how many they were.
    pub async fn drain(&self) -> u64 {
        let before = self.lent();
        while self.settled().await.reason == Reason::Ok {}
        self.lent() - before
    }

    /// Stops in good order; whether every pool was settled.
    pub async fn stop(self) -> bool {
        self.stop.send_replace(true);
        self.keeper.await.expect("the keeper does not panic")
    }

    /// Stops as a crash does.
    pub async fn crash(self) -> Arc<Node> {
        self.keeper.abort();
        let _aborted = self.keeper.await;
        self.node
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub reason: Reason,
    pub degraded: bool,
    pub retry_after_ns: u64,
}

pub async fn ask(node: &Node) -> Told {
    ask_for(node, "").await
}

pub async fn ask_for(node: &Node, org: &str) -> Told {
    let request = Request {
        org,
        ..Request::of("k", "")
    };
    let mut patience = Patience::Whole;
    loop {
        let told = node.should_allow_or_park(&request, Wanted::default(), patience, |answer| Told {
            reason: answer.reason,
            degraded: answer.degraded,
            retry_after_ns: match answer.retry {
                Retry::After(nanos) => nanos,
                _ => 0,
            },
        });
        match told.expect("the request is well formed") {
            Decided::Answered(told) => return told,
            Decided::Parked(parked) => patience = parked.await,
        }
    }
}
