//! Every fault between store and database has the right name, and the row is as the name says: surely untouched when an
//! operation was not tried, either way when nobody knows, changed when it was applied.

use std::time::Duration;

use quorate_core::grant::{GrantKey, GrantMove, GrantOperation, GrantOutcome, HolderId};
use quorate_store::Grants as _;
use quorate_store_scylla::ScyllaStore;

use crate::cassandra;
use crate::proxy::{Fault, Proxy, Said};
use crate::stores::{self, HASTY, PATIENT, row};

/// In the text of a move, and of no other statement.
const MOVE: &str = "SET granted";
const HOLDER: HolderId = HolderId(7);

/// A row with two ways to it: through a proxy, and past it.
struct Faulty {
    proxy: Proxy,
    through: ScyllaStore,
    past: ScyllaStore,
    key: GrantKey,
}

impl Faulty {
    /// Made past the proxy, with 100 units.
    async fn new(test: &str, settings: &str) -> Self {
        let past = stores::shared().await;
        let proxy = Proxy::start(cassandra::shared()).await;
        let url = proxy.url(&stores::shared_keyspace(), settings);
        let through = stores::connected(&url).await;
        let key = stores::row_of(test);
        assert_eq!(
            past.grant(&key, GrantOperation::Create { limit: 100 }).await,
            GrantOutcome::Applied
        );
        Self {
            proxy,
            through,
            past,
            key,
        }
    }

    /// Takes 10 units through the proxy under a fault.
    async fn take(&self, fault: Fault) -> GrantOutcome {
        self.proxy.next(MOVE, fault);
        let outcome = self.through.grant(&self.key, take(0)).await;
        assert_eq!(self.proxy.fired(), 1, "the fault did not happen: {outcome:?}");
        outcome
    }

    async fn is_taken(&self) -> bool {
        let row = row(&self.past, &self.key).await;
        let taken = row.version == 1;
        let (granted, holding) = if taken { (10, 10) } else { (0, 0) };
        assert_eq!(
            (row.granted, row.holding(HOLDER), row.limit),
            (granted, holding, 100),
            "half a change: {row:?}"
        );
        taken
    }
}

fn take(version: u64) -> GrantOperation {
    GrantOperation::Move(GrantMove {
        version,
        limit: 100,
        granted_before: version * 10,
        granted: (version + 1) * 10,
        holder: HOLDER,
        holding: (version + 1) * 10,
    })
}

#[tokio::test]
async fn without_a_fault_a_move_through_the_proxy_applies() {
    let faulty = Faulty::new("no-fault", PATIENT).await;
    assert_eq!(faulty.through.grant(&faulty.key, take(0)).await, GrantOutcome::Applied);
    assert_eq!(faulty.through.grant(&faulty.key, take(0)).await, GrantOutcome::Refused);
    assert_eq!(faulty.proxy.fired(), 0);
    assert!(faulty.is_taken().await);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_change_applied() {
    let faulty = Faulty::new("lost-answer", HASTY).await;
    assert_eq!(faulty.take(Fault::LoseAnswer).await, GrantOutcome::Unknown);
    assert!(faulty.is_taken().await);
}

#[tokio::test]
async fn a_lost_request_is_unknown_and_nothing_changed() {
    let faulty = Faulty::new("lost-request", HASTY).await;
    assert_eq!(faulty.take(Fault::LoseRequest).await, GrantOutcome::Unknown);
    assert!(!faulty.is_taken().await);
}

#[tokio::test]
async fn too_few_replicas_for_paxos_is_not_tried() {
    let faulty = Faulty::new("unavailable", PATIENT).await;
    let outcome = faulty.take(Fault::Refuse(Said::UnavailableForPaxos)).await;
    assert_eq!(outcome, GrantOutcome::NotTried);
    assert!(!faulty.is_taken().await);
    // Sent once, by the rules: the driver's own policy would have tried again, and applied it.
    assert_eq!(faulty.through.grant(&faulty.key, take(0)).await, GrantOutcome::Applied);
}

#[tokio::test]
async fn too_few_replicas_for_the_commit_is_unknown_and_the_change_applied() {
    let faulty = Faulty::new("uncommitted", PATIENT).await;
    let outcome = faulty.take(Fault::DoAndSay(Said::UnavailableForCommit)).await;
    assert_eq!(outcome, GrantOutcome::Unknown);
    assert!(faulty.is_taken().await);
}

#[tokio::test]
async fn a_timeout_of_the_rounds_is_unknown_whether_or_not_it_applied() {
    let not = Faulty::new("timeout-before", PATIENT).await;
    assert_eq!(not.take(Fault::Refuse(Said::PaxosTimeout)).await, GrantOutcome::Unknown);
    assert!(!not.is_taken().await);
    let applied = Faulty::new("timeout-after", PATIENT).await;
    assert_eq!(
        applied.take(Fault::DoAndSay(Said::PaxosTimeout)).await,
        GrantOutcome::Unknown
    );
    assert!(applied.is_taken().await);
}

#[tokio::test]
async fn an_overloaded_coordinator_may_have_applied_it() {
    let faulty = Faulty::new("overloaded", PATIENT).await;
    assert_eq!(
        faulty.take(Fault::DoAndSay(Said::Overloaded)).await,
        GrantOutcome::Unknown
    );
    assert!(faulty.is_taken().await);
}

#[tokio::test]
async fn a_broken_connection_is_unknown_whether_or_not_it_applied() {
    let not = Faulty::new("broken-before", PATIENT).await;
    assert_eq!(not.take(Fault::CloseBefore).await, GrantOutcome::Unknown);
    assert!(!not.is_taken().await);
    let applied = Faulty::new("broken-after", PATIENT).await;
    assert_eq!(applied.take(Fault::CloseAfter).await, GrantOutcome::Unknown);
    assert!(applied.is_taken().await);
}

#[tokio::test]
async fn a_late_answer_in_time_is_an_answer() {
    let faulty = Faulty::new("late-answer", PATIENT).await;
    let outcome = faulty.take(Fault::DelayAnswer(Duration::from_secs(2))).await;
    assert_eq!(outcome, GrantOutcome::Applied);
    assert!(faulty.is_taken().await);
}

/// What makes "unknown" unlike "not yet": the row is untouched when it is looked at, and changes afterwards.
#[tokio::test]
async fn a_late_request_is_unknown_and_applies_later() {
    let faulty = Faulty::new("late-request", HASTY).await;
    // Much later than the store waits, so that the look between them is between them on a slow machine too.
    let delay = Duration::from_secs(30);
    let sent = tokio::time::Instant::now();
    assert_eq!(faulty.take(Fault::DelayRequest(delay)).await, GrantOutcome::Unknown);
    let taken = faulty.is_taken().await;
    assert!(!taken || sent.elapsed() >= delay, "it applied before it was sent");
    let until = tokio::time::Instant::now() + delay + stores::DEADLINE;
    while !faulty.is_taken().await {
        assert!(tokio::time::Instant::now() < until, "it never applied");
        stores::pause().await;
    }
}

#[tokio::test]
async fn nothing_is_tried_while_nobody_can_be_reached() {
    let faulty = Faulty::new("cut", PATIENT).await;
    faulty.proxy.cut();
    // The store may take a moment to notice; then it says that it tries nothing.
    let until = tokio::time::Instant::now() + stores::DEADLINE;
    while faulty.through.grant(&faulty.key, GrantOperation::Read).await != GrantOutcome::NotTried {
        assert!(tokio::time::Instant::now() < until, "it never noticed");
        stores::pause().await;
    }
    assert_eq!(faulty.through.grant(&faulty.key, take(0)).await, GrantOutcome::NotTried);
    assert!(!faulty.is_taken().await);
    faulty.proxy.mend();
    let until = tokio::time::Instant::now() + stores::DEADLINE;
    while faulty.through.grant(&faulty.key, take(0)).await == GrantOutcome::NotTried {
        assert!(tokio::time::Instant::now() < until, "it never came back");
        stores::pause().await;
    }
    assert!(faulty.is_taken().await);
}
