//! A node with quotas on a store that does as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::answer::Reason;
use quorate_core::grant::{Grant, GrantKey, GrantOperation, GrantOutcome};
use quorate_core::request::Request;
use quorate_policy::{Checked, Source, check};
use quorate_store::embedded::Embedded;
use quorate_store::{Grants, StoreError};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::quotas::{Listener, Notice, Patience, Quotas, new_holder};
use crate::{Decided, Node, NodeConfig, Wanted};

/// A condition that does not hold by then never will.
pub const EVENTUALLY: Duration = Duration::from_secs(120);

/// How a store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As the embedded engine does.
    Well,
    /// Nothing reaches it.
    Away,
    /// It does what it is asked, and nobody hears of it.
    Mute,
    /// It never answers.
    Hung,
}

/// The embedded store, in a mood.
pub struct Moody {
    inner: Embedded,
    mood: Mutex<Mood>,
    operations: AtomicU64,
}

impl Moody {
    pub fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// How often it was asked.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::SeqCst)
    }

    /// All rows.
    pub async fn rows(&self) -> Vec<(GrantKey, Grant)> {
        self.grants(None, 1_000).await.expect("the rows can be read")
    }
}

#[async_trait::async_trait]
impl Grants for Moody {
    async fn grant(&self, key: &GrantKey, operation: GrantOperation) -> GrantOutcome {
        self.operations.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock();
        if mood == Mood::Away {
            return GrantOutcome::NotTried;
        }
        if mood == Mood::Hung {
            return std::future::pending().await;
        }
        let outcome = self.inner.grant(key, operation).await;
        if mood == Mood::Mute {
            return GrantOutcome::Unknown;
        }
        outcome
    }

    async fn grants(&self, after: Option<&GrantKey>, max: usize) -> Result<Vec<(GrantKey, Grant)>, StoreError> {
        self.inner.grants(after, max).await
    }

    async fn import_grant(&self, key: &GrantKey, grant: &Grant) -> Result<(), StoreError> {
        self.inner.import_grant(key, grant).await
    }
}

/// A store in a folder of its own.
pub fn store() -> (TempDir, Arc<Moody>) {
    let folder = TempDir::new().expect("a folder of its own");
    let store = Moody {
        inner: Embedded::open(folder.path()).expect("the store opens"),
        mood: Mutex::new(Mood::Well),
        operations: AtomicU64::new(0),
    };
    (folder, Arc::new(store))
}

/// A policy whose only plan is this.
pub fn policy(plan: &str) -> Checked {
    text(&format!(
        "version: 1\ndefaults: {{ plan: p }}\nplans: {{ p: {{ {plan} }} }}\n"
    ))
}

/// A policy.
pub fn text(text: &str) -> Checked {
    check(&[Source {
        name: "test.yaml".into(),
        text: text.into(),
    }])
    .unwrap_or_else(|report| panic!("{report}"))
}

/// One quota of an org, per lifetime: no period ends during a test.
pub fn lifetime(limit: u64) -> Checked {
    policy(&format!(
        "quotas: [{{ name: q, per: org, limit: {limit}, period: lifetime }}]"
    ))
}

/// A node and what drives its quotas.
pub struct Rig {
    pub node: Arc<Node>,
    pub notices: Arc<Mutex<Vec<Notice>>>,
    stop: watch::Sender<bool>,
    driver: JoinHandle<bool>,
}

impl Rig {
    pub fn start(policy: &Checked, store: &Arc<Moody>) -> Self {
        let notices = Arc::<Mutex<Vec<Notice>>>::default();
        let heard = Arc::clone(&notices);
        Self::listening(
            policy,
            store,
            notices,
            Arc::new(move |notice| heard.lock().push(notice)),
        )
    }

    pub fn listening(
        policy: &Checked,
        store: &Arc<Moody>,
        notices: Arc<Mutex<Vec<Notice>>>,
        listener: Listener,
    ) -> Self {
        let node = Node::start(NodeConfig::default(), policy).expect("the policy compiles");
        let (stop, stopped) = watch::channel(false);
        let driver = Quotas::new(Arc::clone(&node), store.clone(), new_holder(), listener);
        let driver = tokio::spawn(driver.run(stopped, Duration::from_secs(5)));
        Self {
            node,
            notices,
            stop,
            driver,
        }
    }

    /// Asks once, and waits as a door does.
    pub async fn once(&self, cost: u64) -> Told {
        let request = Request {
            cost: Some(cost),
            ..Request::of("k", "")
        };
        ask(&self.node, &request).await
    }

    /// Asks until units that were on their way are here.
    pub async fn settled(&self, cost: u64) -> Told {
        let deadline = Instant::now() + EVENTUALLY;
        loop {
            let told = self.once(cost).await;
            if told.reason != Reason::QuotaPending {
                return told;
            }
            assert!(Instant::now() < deadline, "units do not come");
        }
    }

    /// Asks until it is told this.
    pub async fn until(&self, cost: u64, reason: Reason) -> Told {
        let deadline = Instant::now() + EVENTUALLY;
        loop {
            let told = self.once(cost).await;
            if told.reason == reason {
                return told;
            }
            assert!(Instant::now() < deadline, "it is told {told:?}, never {reason:?}");
            // tidy: allow sleep because paused time would stand still for who only yields.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Asks for one unit each until it is denied: how many passed, and why no more.
    pub async fn spend_all(&self) -> (u64, Reason) {
        let mut passed = 0;
        loop {
            let told = self.settled(1).await;
            if told.reason != Reason::Ok {
                return (passed, told.reason);
            }
            passed += 1;
        }
    }

    /// Stops in good order; whether everything was given back.
    pub async fn stop(self) -> bool {
        self.stop.send_replace(true);
        self.driver.await.expect("the driver does not panic")
    }

    /// Stops as a crash does.
    pub async fn crash(self) {
        self.driver.abort();
        let _aborted = self.driver.await;
    }

    /// Waits until the driver is dead by itself.
    pub async fn dies(self) -> Arc<Node> {
        let died = self.driver.await.expect_err("it dies");
        assert!(died.is_panic());
        self.node
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub reason: Reason,
    pub overage: u64,
    pub degraded: bool,
}

pub async fn ask(node: &Node, request: &Request<'_>) -> Told {
    let mut patience = Patience::Whole;
    loop {
        let told = node.should_allow_or_park(request, Wanted::default(), patience, |answer| Told {
            reason: answer.reason,
            overage: answer.overage,
            degraded: answer.degraded,
        });
        match told.expect("the request is well formed") {
            Decided::Answered(told) => return told,
            Decided::Parked(parked) => patience = parked.await,
        }
    }
}

/// Waits for something that happens in its own time.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + EVENTUALLY;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        // tidy: allow sleep because the loop is bounded and what is waited for gives no signal
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
