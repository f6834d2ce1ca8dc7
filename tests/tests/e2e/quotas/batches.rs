//! Batches on quotas: whatever an item has to wait for, no unit is spent twice and none is lost.

use std::collections::BTreeMap;
use std::time::Instant;

use quorate_api::v1::Reason;

use super::{EVENTUALLY, folder, monthly, serve, settled, stop};
use crate::harness::{AskExt, ask};

#[tokio::test]
async fn items_are_charged_once_each_however_often_the_batch_waits() {
    let folder = folder();
    let server = serve(monthly(5), &folder);
    let client = server.client().await;
    let orgs = ["a", "b", "c", "d", "e", "f", "g"];
    // Six of each, one more than fits.
    let mut left: Vec<_> = (0..6).flat_map(|_| orgs).collect();
    let mut outcomes: BTreeMap<&str, Vec<Reason>> = BTreeMap::new();
    let begun = Instant::now();
    while !left.is_empty() {
        assert!(begun.elapsed() < EVENTUALLY, "units do not come: {left:?}");
        let answers = client.each(left.iter().map(|org| ask("k").of(org)).collect()).await;
        assert_eq!(answers.responses.len(), left.len());
        let mut again = Vec::new();
        for (org, answer) in left.into_iter().zip(answers.responses) {
            match answer.reason() {
                // On a disk that is too slow for the wait.
                Reason::QuotaPending => again.push(org),
                reason => outcomes.entry(org).or_default().push(reason),
            }
        }
        left = again;
    }
    for org in orgs {
        let mut reasons = outcomes.remove(org).unwrap_or_default();
        reasons.sort();
        let passed = reasons.iter().filter(|reason| **reason == Reason::Ok).count();
        assert_eq!((passed, reasons.len()), (5, 6), "{org}: {reasons:?}");
    }
    stop(server);
}

#[tokio::test]
async fn all_or_nothing_spends_all_or_nothing() {
    let folder = folder();
    let server = serve(monthly(10), &folder);
    let client = server.client().await;
    let begun = Instant::now();
    let judged = async |costs: &[u64]| loop {
        assert!(begun.elapsed() < EVENTUALLY, "units do not come");
        let answers = client
            .all(costs.iter().map(|cost| ask("k").of("o").costing(*cost)).collect())
            .await;
        let reasons: Vec<_> = answers.responses.iter().map(|answer| answer.reason()).collect();
        if !reasons.contains(&Reason::QuotaPending) {
            return (answers.all_allowed, reasons);
        }
        assert!(!answers.all_allowed, "{reasons:?}");
    };
    let (all, reasons) = judged(&[6, 5]).await;
    assert_eq!((all, reasons), (false, vec![Reason::Ok, Reason::QuotaExhausted]));
    assert!(judged(&[6, 4]).await.0, "the batch before it spent nothing");
    assert_eq!(
        settled(&client, &ask("k").of("o")).await.reason(),
        Reason::QuotaExhausted
    );
    stop(server);
}
