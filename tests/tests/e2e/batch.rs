//! Many requests in one call.

use quorate_api::v1::{Reason, ShouldAllowBatchRequest};

use crate::harness::client::names_field;
use crate::harness::{AskExt, Launch, ask, policy};

#[tokio::test]
async fn answers_come_in_order_and_each_sees_the_charges_before_it() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let client = server.client().await;
    let requests = vec![
        ask("a").of("o").costing(3),
        ask("b").of("o").costing(5),
        ask("a").of("o").costing(3),
        ask("a").of("o").costing(2),
        ask("a").of("o"),
    ];
    let answers = client.each(requests).await;
    assert!(!answers.all_allowed);
    let outcomes: Vec<_> = answers
        .responses
        .iter()
        .map(|answer| (answer.allowed, answer.remaining))
        .collect();
    assert_eq!(outcomes, [(true, 2), (true, 0), (false, 2), (true, 0), (false, 0)]);
    let ids: std::collections::BTreeSet<_> = answers.responses.iter().map(|answer| &answer.decision_id).collect();
    assert_eq!(ids.len(), 5, "every decision has an id of its own");
}

#[tokio::test]
async fn a_batch_may_hold_a_thousand_orgs_and_nothing_at_all() {
    let server = Launch::with(policy::one_limit(1, "1h")).start();
    let client = server.client().await;
    let empty = client.each(Vec::new()).await;
    assert!(empty.responses.is_empty() && empty.all_allowed);
    let many: Vec<_> = (0..1_000).map(|n| ask("k").of(&format!("org-{n}"))).collect();
    let first = client.each(many.clone()).await;
    assert!(first.all_allowed);
    assert!(client.each(many).await.responses.iter().all(|answer| !answer.allowed));
}

#[tokio::test]
async fn all_or_nothing_charges_all_or_nothing() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let client = server.client().await;
    let too_much = vec![
        ask("a").of("o").costing(3),
        ask("b").of("o").costing(1),
        ask("a").of("o").costing(3),
    ];
    let answers = client.all(too_much).await;
    assert!(!answers.all_allowed);
    assert_eq!(answers.responses.len(), 3);
    assert_eq!(answers.responses[2].reason(), Reason::RateLimited);
    assert!(
        answers.responses[0].allowed && answers.responses[1].allowed,
        "what they would have been"
    );
    for key in ["a", "b"] {
        assert_eq!(client.used(ask(key).of("o"), "own").await, 0, "{key} was charged");
    }
    let fits = vec![
        ask("a").of("o").costing(3),
        ask("b").of("o"),
        ask("a").of("o").costing(2),
    ];
    let answers = client.all(fits).await;
    assert!(answers.all_allowed && answers.responses.iter().all(|answer| answer.allowed));
    assert_eq!(client.used(ask("a").of("o"), "own").await, 5);
    assert_eq!(client.used(ask("b").of("o"), "own").await, 1);
}

#[tokio::test]
async fn all_or_nothing_restores_the_pool_and_the_slots() {
    let policy = policy::plan(
        "limits: [{ name: own, per: key, limit: 2, window: 1h }]\n\
         burst: { allowance: 4, window: 1h }\n\
         pool: { capacity: 4, refill: 1, every: 100d }\n\
         slots: { s: 1 }",
    ) + "\nendpoints: [{ match: POST /jobs, slot: s }]\n";
    let server = Launch::with(policy).start();
    let client = server.client().await;
    let jobs = vec![
        ask("k").of("o").at("POST /jobs").costing(4),
        ask("k").of("o").at("POST /jobs"),
    ];
    let answers = client.all(jobs).await;
    assert!(!answers.all_allowed);
    assert_eq!(answers.responses[1].reason(), Reason::ConcurrencyExceeded);
    let look = client.ask(ask("k").of("o").look()).await;
    assert_eq!((look.remaining, look.burst_remaining), (2, 4), "{look:?}");
    assert!(client.allowed(ask("k").of("o").at("POST /jobs")).await.slot_held);
}

#[tokio::test]
async fn a_malformed_item_refuses_the_whole_batch_and_charges_nothing() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let client = server.client().await;
    for all_or_nothing in [false, true] {
        let requests = vec![
            ask("a").of("o"),
            ask("b").of("o").using("no-such-meter", 1),
            ask("c").of("o"),
        ];
        let error = client
            .batch(ShouldAllowBatchRequest {
                requests,
                all_or_nothing,
            })
            .await
            .expect_err("malformed");
        assert!(error.message().contains("requests[1]"), "{error:?}");
        names_field(error, "amounts");
    }
    for key in ["a", "b", "c"] {
        assert_eq!(client.used(ask(key).of("o"), "own").await, 0);
    }
}

#[tokio::test]
async fn too_many_items_and_several_orgs_are_refused() {
    let server = Launch::with(policy::one_limit(5, "1h")).start();
    let client = server.client().await;
    let requests = vec![ask("k").of("o"); 1_001];
    let oversize = ShouldAllowBatchRequest {
        requests,
        all_or_nothing: false,
    };
    names_field(client.batch(oversize).await.expect_err("too many"), "requests");
    let requests = vec![ask("k").of("o"), ask("k").of("p")];
    let two_orgs = ShouldAllowBatchRequest {
        requests,
        all_or_nothing: true,
    };
    names_field(client.batch(two_orgs).await.expect_err("two orgs"), "org");
    for org in ["o", "p"] {
        assert_eq!(client.used(ask("k").of(org), "own").await, 0);
    }
}

#[tokio::test]
async fn operations_in_a_batch_are_charged_once() {
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    let batch = || {
        vec![
            ask("a").of("o").operation("op"),
            ask("b").of("o").operation("op"),
            ask("a").of("o"),
        ]
    };
    let first = client.all(batch()).await;
    assert!(
        first.all_allowed && first.responses.iter().all(|answer| !answer.replayed),
        "{first:?}"
    );
    let again = client.all(batch()).await;
    let replayed: Vec<bool> = again.responses.iter().map(|answer| answer.replayed).collect();
    assert_eq!(replayed, [true, true, false]);
    assert_eq!(
        client.used(ask("a").of("o"), "own").await,
        3,
        "one operation and two plain requests"
    );
    assert_eq!(client.used(ask("b").of("o"), "own").await, 1);
    // Independent items see the operations before them; all or nothing cannot hold one twice.
    let twice = || vec![ask("c").of("o").operation("op"), ask("c").of("o").operation("op")];
    let error = client
        .batch(ShouldAllowBatchRequest {
            requests: twice(),
            all_or_nothing: true,
        })
        .await
        .expect_err("one operation, twice");
    names_field(error, "operation_id");
    assert_eq!(client.used(ask("c").of("o"), "own").await, 0);
    let each = client.each(twice()).await;
    assert_eq!(each.responses.iter().filter(|answer| answer.replayed).count(), 1);
    assert_eq!(client.used(ask("c").of("o"), "own").await, 1);
}

#[tokio::test]
async fn decision_ids_are_ordered_by_time() {
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        let answers = client.each(vec![ask("k").of("o"); 10]).await.responses;
        ids.extend(answers.into_iter().map(|answer| answer.decision_id));
        ids.push(client.ask(ask("k").of("o")).await.decision_id);
    }
    assert!(ids.is_sorted_by(|before, after| before < after), "{ids:?}");
}
