//! Stops in good order: what was not spent is there again, to the unit.

use super::{folder, monthly, passes, serve, spend_rest, stop};
use crate::harness::{AskExt, ask};

#[tokio::test]
async fn no_unit_is_lost_or_gained_over_many_lives() {
    let folder = folder();
    let limit = 100_000;
    let mut spent = 0;
    for life in 1..=6_u64 {
        let server = serve(monthly(limit), &folder);
        let client = server.client().await;
        for request in 0..life * 5 {
            let cost = 1 + request * request % 97;
            passes(&client, &ask(&format!("k{request}")).of("o").costing(cost)).await;
            spent += cost;
        }
        stop(server);
    }
    let server = serve(monthly(limit), &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), limit).await, limit - spent);
    stop(server);
    let server = serve(monthly(limit), &folder);
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 1).await, 0);
}

#[tokio::test]
async fn a_stop_under_load_loses_nothing_either() {
    let folder = folder();
    let limit = 1_000_000;
    let mut spent = 0;
    for _ in 0..3 {
        let server = serve(monthly(limit), &folder);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let client = server.client().await;
            callers.spawn(async move {
                let (mut passed, mut answered) = (0, 0_u32);
                while let Ok(answer) = client.inner.clone().should_allow(ask("k").of("o").costing(3)).await {
                    passed += u64::from(answer.into_inner().allowed) * 3;
                    answered += 1;
                    if answered > 100_000 {
                        panic!("the server does not stop");
                    }
                }
                passed
            });
        }
        // Every one of them is at work.
        let client = server.client().await;
        while client.used(ask("k").of("o"), "q").await < spent + 300 {}
        stop(server);
        while let Some(passed) = callers.join_next().await {
            spent += passed.expect("no caller fails");
        }
    }
    let server = serve(monthly(limit), &folder);
    let client = server.client().await;
    // A drain answers what it has taken in: whatever was spent was seen.
    assert_eq!(spend_rest(&client, &ask("k").of("o"), limit).await, limit - spent);
}
