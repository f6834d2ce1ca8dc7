//! A policy is replaced while the server runs, and a bad one is not.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::running::{PATIENCE, arguments, client, scan, start};
use crate::edge::PolicyHealth;
use crate::serve::{Server, prepare};

fn policy(limit: u64) -> String {
    format!(
        "version: 1\ndefaults:\n  plan: only\nplans:\n  only:\n    limits:\n      \
         - {{ name: per-minute, per: key, limit: {limit}, window: 1m }}\n"
    )
}

/// Waits until the server says of its policy what is expected.
async fn until(server: &Server, expected: impl Fn(&PolicyHealth) -> bool) -> Arc<PolicyHealth> {
    let started = Instant::now();
    loop {
        let health = server.policy();
        if expected(&health) {
            return health;
        }
        assert!(started.elapsed() < PATIENCE, "{health:?}");
        // tidy: allow sleep because the loop is bounded and a watched file gives no signal to wait for
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn write(path: &Path, text: &str) {
    // As editors do: another file takes the place of the old one.
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("it is writable");
    std::fs::rename(&new, path).expect("it is replaceable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_put_in_force_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("policy.yaml");
    write(&path, &policy(10));
    let server = start(arguments().with("policy", path.to_str().expect("a plain path"))).await;
    let first = server.policy();
    assert_eq!((first.sequence, first.failure.as_ref()), (1, None));
    let mut client = client(&server).await;
    let limit = client.should_allow(scan("k")).await.expect("an answer").into_inner();
    assert_eq!((limit.limit, limit.remaining), (10, 9));

    write(&path, &policy(20));
    let second = until(&server, |health| health.sequence == 2).await;
    assert_ne!(second.content_hash, first.content_hash);
    let limit = client.should_allow(scan("k")).await.expect("an answer").into_inner();
    assert_eq!((limit.limit, limit.remaining), (20, 18), "what was used is kept");

    write(&path, "version: 1\nplanz: {} # a secret\n");
    let broken = until(&server, |health| health.failure.is_some()).await;
    assert_eq!(broken.content_hash, second.content_hash, "the old one stays in force");
    let message = broken
        .failure
        .as_ref()
        .map(|failure| failure.message.clone())
        .unwrap_or_default();
    assert!(message.contains("policy.yaml:2:1: "), "{message}");
    assert!(!message.contains("a secret"), "everybody may read it: {message}");
    let limit = client.should_allow(scan("k")).await.expect("an answer").into_inner();
    assert_eq!(limit.limit, 20);

    write(&path, &policy(30));
    let mended = until(&server, |health| health.failure.is_none()).await;
    assert_eq!(mended.sequence, 3);
    server.reload_now();
    until(&server, |health| health.sequence == 4).await;
    drop(client);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_it_was_read_for_the_start_is_put_in_force() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("policy.yaml");
    write(&path, &policy(10));
    let arguments = arguments().with("policy", path.to_str().expect("a plain path"));
    let prepared = prepare(super::running::config(arguments, "")).expect("nothing is wrong with it");
    write(&path, &policy(20));
    let server = Server::start(prepared).await.expect("the ports are free");
    assert_eq!(server.policy().sequence, 2);
    let mut client = client(&server).await;
    let limit = client.should_allow(scan("k")).await.expect("an answer").into_inner();
    assert_eq!(limit.limit, 20);
    drop(client);
    server.drain().await;
}

#[test]
fn everything_that_is_wrong_with_a_start_is_told_before_a_port_is_bound() {
    let file = "policy = [\"/nowhere/policy.yaml\"]\ncredential_key_file = \"/nowhere/key\"\n\
                [tls]\ncertificate = \"/nowhere/c.pem\"\nkey = \"/nowhere/k.pem\"";
    let problems = prepare(super::running::config(arguments(), file)).expect_err("nothing of this exists");
    let starts: Vec<&str> = problems
        .lines()
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        starts,
        ["tls", "credential_key_file", "/nowhere/policy.yaml"],
        "{problems}"
    );
}
