//! Batches wait for units of quotas: in their order, each item charged once, all or none where that was asked.

use std::time::Duration;

use quorate_api::v1::Reason;
use quorate_node::quotas::{Quotas, new_holder};
use quorate_policy::{Source, check};
use quorate_store::embedded::Embedded;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Units are here by then, or never will be.
const EVENTUALLY: Duration = Duration::from_secs(60);

const POLICY: &str = "\
version: 1
defaults: { plan: free }
plans: { free: { quotas: [{ name: q, per: org, limit: 3, period: month }] } }
";

/// A node with a quota of three units an org, and its driver on a store.
struct Rig {
    decisions: Decisions,
    stop: watch::Sender<bool>,
    driver: JoinHandle<bool>,
    _folder: TempDir,
}

impl Rig {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = Arc::new(Embedded::open(folder.path()).expect("a store"));
        let source = Source {
            name: "p.yaml".into(),
            text: POLICY.into(),
        };
        let decisions = decisions_of(&check(&[source]).expect("a policy"));
        let node = Arc::clone(&decisions.edge().node);
        let (stop, stopped) = watch::channel(false);
        let driver = Quotas::new(node, store, new_holder(), Arc::new(|_| ()));
        let driver = tokio::spawn(driver.run(stopped, EVENTUALLY));
        Self {
            decisions,
            stop,
            driver,
            _folder: folder,
        }
    }

    /// Decides a batch with as much patience as it takes; what became of each item, and how often it waited.
    async fn decide(&self, keys: &[(&str, u64)], all_or_nothing: bool) -> (Vec<Reason>, usize) {
        let requests = keys.iter().map(|(org, cost)| v1::ShouldAllowRequest {
            org: (*org).to_owned(),
            cost: Some(*cost),
            ..scan("k")
        });
        let message = v1::ShouldAllowBatchRequest {
            requests: requests.collect(),
            all_or_nothing,
        };
        let bytes = message.encode_to_vec();
        let batch = AskedBatch::read(&bytes).expect("a batch");
        let (mut begun, mut waits) = (None, 0);
        let decided = timeout(EVENTUALLY, async {
            loop {
                let mut out = Vec::new();
                let decided =
                    (self.decisions).decide_batch(&Identity::Anyone, &batch, Patience::Whole, &mut begun, &mut out);
                let Some(parked) = decided.expect("the batch is well-formed") else {
                    return v1::ShouldAllowBatchResponse::decode(out.as_slice()).expect("it is a message");
                };
                assert!(out.is_empty(), "what waits is not answered");
                waits += 1;
                parked.await;
            }
        });
        let response = decided.await.expect("units come");
        let reasons: Vec<_> = response.responses.iter().map(v1::ShouldAllowResponse::reason).collect();
        assert_eq!(response.all_allowed, reasons.iter().all(|reason| *reason == Reason::Ok));
        (reasons, waits)
    }

    async fn stop(self) {
        self.stop.send(true).expect("the driver runs");
        assert!(self.driver.await.expect("the driver ends"), "everything is given back");
    }
}

use Reason::{Ok as Passed, QuotaExhausted as Exhausted};

#[tokio::test]
async fn items_wait_and_are_answered_in_order_and_charged_once() {
    let rig = Rig::start();
    let orgs = [("a", 1), ("b", 1), ("a", 1), ("c", 3), ("a", 1), ("a", 1), ("b", 1)];
    let (reasons, waits) = rig.decide(&orgs, false).await;
    assert_eq!(reasons, [Passed, Passed, Passed, Passed, Passed, Exhausted, Passed]);
    assert!(waits > 0, "nobody held a unit when it began");
    let (reasons, _) = rig.decide(&[("b", 1), ("b", 1), ("c", 1)], false).await;
    assert_eq!(reasons, [Passed, Exhausted, Exhausted]);
    rig.stop().await;
}

#[tokio::test]
async fn all_or_nothing_waits_for_all_and_charges_none_if_one_does_not_fit() {
    let rig = Rig::start();
    let (reasons, waits) = rig.decide(&[("a", 2), ("a", 2)], true).await;
    assert_eq!(reasons, [Reason::QuotaPending, Exhausted]);
    assert_eq!(waits, 0, "more than the quota is not waited for");
    let (reasons, waits) = rig.decide(&[("a", 2), ("a", 1)], true).await;
    assert_eq!(reasons, [Passed, Passed], "the batch before it charged nothing");
    assert!(waits > 0, "nobody held a unit when it began");
    let (reasons, _) = rig.decide(&[("a", 1)], false).await;
    assert_eq!(reasons, [Exhausted]);
    rig.stop().await;
}
