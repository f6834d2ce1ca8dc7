//! A policy that changes while the server serves: what counts is kept, what is wrong is not taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::http::get;
use crate::harness::{AskExt, Launch, Server, ask, policy, time};

/// The number of the policy in force.
async fn sequence(server: &Server) -> u64 {
    get(server.http(), "/v1/policy").await.json()["sequence"]
        .as_u64()
        .expect("a number")
}

/// Replaces the policy and waits until it is in force.
async fn reload(server: &Server, policy: &str) {
    let before = sequence(server).await;
    server.replace_policy(policy);
    time::eventually("the reload", || async {
        (sequence(server).await > before).then_some(())
    })
    .await;
}

async fn last_failure(server: &Server) -> Value {
    get(server.http(), "/readyz").await.json()["policy"]["last_failure"].clone()
}

#[tokio::test]
async fn usage_is_kept_and_the_next_admission_sees_the_new_limit() {
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(6)).await;
    reload(&server, &policy::one_limit(8, "1h")).await;
    assert_eq!(client.ask(ask("k").of("o").look()).await.remaining, 2);
    reload(&server, &policy::one_limit(5, "1h")).await;
    let look = client.ask(ask("k").of("o").look()).await;
    assert!(!look.allowed && look.remaining == 0, "{look:?}");
    assert_eq!(client.used(ask("k").of("o"), "own").await, 6, "nothing is forgiven");
    reload(&server, &policy::one_limit(20, "1h")).await;
    assert_eq!(client.count(&ask("k").of("o"), 30).await.0, 14);
}

#[tokio::test]
async fn a_changed_window_carries_what_was_used_over() {
    let server = Launch::with(policy::one_limit(10, "1h")).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(6)).await;
    reload(&server, &policy::one_limit(10, "2h")).await;
    assert_eq!(client.used(ask("k").of("o"), "own").await, 6);
    reload(&server, &policy::one_limit(10, "30m")).await;
    assert_eq!(
        client.used(ask("k").of("o"), "own").await,
        6,
        "it was used less than half an hour ago"
    );
}

#[tokio::test]
async fn no_call_fails_and_no_count_is_lost_while_policies_change() {
    // More than any machine charges meanwhile, however long it takes.
    let versions = [1, 2].map(|times| policy::one_limit(times * 1_000_000_000_000, "1h"));
    let server = Launch::with(&versions[0]).start();
    let stop = Arc::new(AtomicBool::new(false));
    let charged = Arc::new(AtomicU64::new(0));
    let mut load = tokio::task::JoinSet::new();
    for connection in 0..4 {
        let client = server.client().await;
        for task in 0..5 {
            let (client, stop, charged) = (client.clone(), Arc::clone(&stop), Arc::clone(&charged));
            let cost = connection + task + 1;
            load.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    // `allowed` fails the test on any error and on any denial.
                    client.allowed(ask("k").of("o").costing(cost)).await;
                    charged.fetch_add(cost, Ordering::Relaxed);
                }
            });
        }
    }
    for round in 0..15 {
        reload(&server, &versions[(round + 1) % 2]).await;
    }
    time::eventually("load", || async {
        (charged.load(Ordering::Relaxed) > 1_000).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    let charged = charged.load(Ordering::Relaxed);
    let client = server.client().await;
    assert_eq!(
        client.used(ask("k").of("o"), "own").await,
        charged,
        "every unit was counted once"
    );
    assert!(sequence(&server).await >= 16);
}

#[tokio::test]
async fn a_bad_policy_is_not_taken_and_says_why() {
    let server = Launch::with(policy::one_limit(3, "1h")).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o")).await;
    let hash = |policy: &Value| policy["content_hash"].clone();
    let before = get(server.http(), "/v1/policy").await.json();
    assert_eq!(last_failure(&server).await, Value::Null);

    server.replace_policy("version: 1\ndefaults: { plan: nowhere }\nplans: { p: { limitz: [] } }\n");
    let failure = time::eventually("the refusal", || async {
        Some(last_failure(&server).await).filter(|failure| !failure.is_null())
    })
    .await;
    let problems = failure["problems"].to_string();
    assert!(problems.contains("policy.yaml:3:"), "file, line and column: {problems}");
    assert!(
        problems.contains("limitz") && problems.contains("limits"),
        "and what would be right: {problems}"
    );
    assert!(problems.contains("nowhere"), "all problems at once: {problems}");
    assert_eq!(
        get(server.http(), "/readyz").await.status,
        200,
        "the policy before it is in force"
    );
    assert!(server.metric("quorate_policy_reloads_total", &["failed"]).await > 0);
    let after = get(server.http(), "/v1/policy").await.json();
    assert_eq!((hash(&after), &after["sequence"]), (hash(&before), &before["sequence"]));
    assert_eq!(client.count(&ask("k").of("o"), 9).await.0, 2, "and it still counts");

    reload(&server, &policy::one_limit(4, "1h")).await;
    assert_eq!(
        last_failure(&server).await,
        Value::Null,
        "a good one clears the failure"
    );
    assert_eq!(client.count(&ask("k").of("o"), 9).await.0, 1);
}

#[tokio::test]
async fn a_signal_reloads_as_a_change_does() {
    let server = Launch::with(policy::one_limit(3, "1h")).start();
    let reloads = || async {
        let ready = get(server.http(), "/readyz").await.json();
        ready["reloads"]["ok"].as_u64().expect("a number")
    };
    let before = reloads().await;
    server.signal(Signal::HUP);
    time::eventually("the reload", || async { (reloads().await > before).then_some(()) }).await;
    // Equal policy, equal hash.
    let policy = get(server.http(), "/v1/policy").await.json();
    let hash = policy["content_hash"].clone();
    server.signal(Signal::HUP);
    time::eventually("another reload", || async {
        (reloads().await > before + 1).then_some(())
    })
    .await;
    assert_eq!(get(server.http(), "/v1/policy").await.json()["content_hash"], hash);
}

#[tokio::test]
async fn several_files_add_up_and_each_may_change() {
    let launch = Launch::plain();
    let folder = launch.path("policies");
    std::fs::create_dir(&folder).expect("the folder can be written to");
    let plans = |limit: u64| {
        format!("version: 1\nplans: {{ p: {{ limits: [{{ name: own, per: key, limit: {limit}, window: 1h }}] }} }}\n")
    };
    std::fs::write(folder.join("plans.yaml"), plans(1)).expect("written");
    std::fs::write(folder.join("defaults.yaml"), "version: 1\ndefaults: { plan: p }\n").expect("written");
    let server = launch.arg("--policy").arg(&folder).start();
    let client = server.client().await;
    assert_eq!(client.count(&ask("k").of("o"), 5).await.0, 1);
    let before = sequence(&server).await;
    crate::harness::server::replace(&folder.join("plans.yaml"), &plans(3));
    time::eventually("the reload", || async {
        (sequence(&server).await > before).then_some(())
    })
    .await;
    assert_eq!(client.count(&ask("k").of("o"), 5).await.0, 2);
}

#[tokio::test]
async fn a_bad_policy_at_start_ends_the_server_with_every_reason() {
    let (code, words) =
        Launch::with("version: 1\nplans: { p: { limits: [{ name: x, per: kee, limit: 0 }] } }\n").refused();
    assert!(code.is_some_and(|code| code != 0), "{words}");
    assert!(words.contains("policy.yaml:2") && words.contains("kee"), "{words}");
}

#[tokio::test]
async fn a_changed_algorithm_starts_full_and_a_renamed_limit_empty() {
    let limit = |name: &str, algorithm: &str| {
        policy::plan(&format!(
            "limits: [{{ name: {name}, per: key, limit: 10, window: 1h, algorithm: {algorithm} }}]"
        ))
    };
    let server = Launch::with(limit("own", "sliding_window")).start();
    let client = server.client().await;
    client.allowed(ask("k").of("o").costing(3)).await;
    reload(&server, &limit("own", "token_bucket")).await;
    let denied = client.ask(ask("k").of("o")).await;
    assert!(!denied.allowed, "full, not empty: {denied:?}");
    reload(&server, &limit("other", "sliding_window")).await;
    assert_eq!(client.used(ask("k").of("o"), "other").await, 0);
}

#[tokio::test]
async fn what_was_lent_and_held_is_kept() {
    let version = |allowance: u64| {
        let plan = format!(
            "limits: [{{ name: own, per: key, limit: 2, window: 1h }}]\n\
             burst: {{ allowance: {allowance}, window: 1h }}\n\
             pool: {{ capacity: 4, refill: 1, every: 10h }}\n\
             slots: {{ s: 1 }}"
        );
        policy::plan(&plan) + "\nendpoints: [{ match: POST /jobs, slot: s }]\n"
    };
    let server = Launch::with(version(3)).start();
    let client = server.client().await;
    let held = client
        .allowed(ask("k").of("o").at("POST /jobs").costing(4).operation("op"))
        .await;
    assert_eq!(held.pool_units, 2);
    reload(&server, &version(4)).await;
    let look = client.ask(ask("k").of("o").look()).await;
    assert_eq!(look.burst_remaining, 2, "two of the pool's four are lent: {look:?}");
    let again = client
        .allowed(ask("k").of("o").at("POST /jobs").costing(4).operation("op"))
        .await;
    assert!(again.replayed, "an operation outlives a reload");
    let other = client.ask(ask("k").of("o").at("POST /jobs")).await;
    assert_eq!(
        other.reason(),
        quorate_api::v1::Reason::ConcurrencyExceeded,
        "so does a slot"
    );
    assert!(client.release("o", &held.decision_id).await);
    assert_eq!(client.count(&ask("k").of("o"), 9).await.0, 2);
}
