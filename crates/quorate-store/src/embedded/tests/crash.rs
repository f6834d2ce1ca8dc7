//! A process that is killed in the middle of its work: all that was answered is there, and nothing by halves.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use quorate_core::grant::{GrantOperation, GrantOutcome};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::support::*;
use crate::Grants;
use crate::document::{Changed, Cursor, DocumentKey, Documents};
use crate::embedded::Embedded;
use crate::usage::{Life, Span, Usage, UsageKey, UsageQuery, Used};

/// How many times a process is killed, unless `QUORATE_STORE_CRASH_ROUNDS` says so.
const ROUNDS: u64 = 20;

/// Tasks that write at once.
const TASKS: usize = 8;

/// What is known of the rounds before: of each task the number of its last change that was answered.
type Known = [u64; TASKS];

#[test]
fn what_was_answered_survives_being_killed() {
    let rounds = std::env::var("QUORATE_STORE_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let directory = directory();
    let mut known: Known = [0; TASKS];
    for round in 0..rounds {
        let answers = random.random_range(1..400);
        let answered = kill_after(directory.path(), answers);
        for (task, number) in answered {
            known[task] = known[task].max(number);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        known = runtime.block_on(check(directory.path(), &known, round));
    }
    assert!(
        known.iter().sum::<u64>() > rounds,
        "hardly anything was written: {known:?}"
    );
}

/// Lets a process write until it has given so many answers, and kills it. What it answered.
fn kill_after(directory: &Path, answers: usize) -> Vec<(usize, u64)> {
    /// A process that is killed whatever happens here.
    struct Killed(Child);
    impl Drop for Killed {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
    let mut child = Killed(
        child("crash::the_process_that_is_killed", directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(child.0.stdout.take().unwrap());
    let mut answered = Vec::new();
    let mut killed = None;
    // What it wrote before it was killed is still in the pipe, the last line maybe in part.
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some(answer) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("answered ")) {
            let (task, number) = answer.split_once(' ').unwrap();
            answered.push((task.parse().unwrap(), number.parse().unwrap()));
        }
        line.clear();
        if answered.len() >= answers && killed.is_none() {
            killed = Some(child.0.kill());
        }
    }
    assert!(killed.is_some(), "it ended by itself after {} answers", answered.len());
    answered
}

/// Looks at what is there after a process was killed, and returns the state that the next one begins with.
async fn check(directory: &Path, known: &Known, round: u64) -> Known {
    let store = Embedded::open(directory).unwrap();
    let mut found = *known;
    for (task, number) in found.iter_mut().enumerate() {
        let org = task.to_string();
        let versions = [
            // The row is made by change 1, and moved from version 0 on by those after it.
            read_row(&store, &org).await.map_or(0, |row| {
                assert_eq!(
                    row,
                    taken(row.version),
                    "round {round}: the row of task {task} does not add up"
                );
                row.version + 1
            }),
            store
                .document(&document_key(&org))
                .await
                .unwrap()
                .map_or(0, |document| {
                    assert_eq!(document.body.as_deref(), Some(document.version.to_string().as_str()));
                    document.version
                }),
            used(&store, &org, round).await,
        ];
        for version in versions {
            assert!(
                version == *number || version == *number + 1,
                "round {round}: task {task} was answered {number}, and found are {versions:?}"
            );
        }
        // A task makes its three changes one after the other.
        assert!(versions.is_sorted_by(|a, b| a >= b), "round {round}: {versions:?}");
        *number = versions[2];
        finish(&store, &org, versions).await;
    }
    // An entry of the feed and its document are written together.
    let changes = store.changes(Cursor::default(), 1_000).await.unwrap();
    assert!(changes.len() <= TASKS);
    for change in changes {
        let document = store.document(&change.key).await.unwrap().unwrap();
        assert_eq!(document.version, change.version, "round {round}: {:?}", change.key);
    }
    found_all(&store, &mut found).await;
    store.close().await.unwrap();
    found
}

/// Brings the changes of a task that was interrupted between them to the same number.
async fn finish(store: &Embedded, org: &str, versions: [u64; 3]) {
    let most = versions[0];
    if versions[1] < most {
        put(store, org, most).await;
    }
    if versions[2] < most {
        count(store, org, most).await;
    }
}

/// The numbers from which the tasks go on.
async fn found_all(store: &Embedded, found: &mut Known) {
    for (task, number) in found.iter_mut().enumerate() {
        *number = read_row(store, &task.to_string())
            .await
            .map_or(0, |row| row.version + 1);
    }
}

/// The process that is killed: its tasks make changes, and tell when they are answered.
#[test]
fn the_process_that_is_killed() {
    let Some(directory) = child_directory() else {
        return;
    };
    // Ends the line on which the test's name stands.
    println!();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Arc::new(Embedded::open(&directory).unwrap());
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| tokio::spawn(write(Arc::clone(&store), task)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn write(store: Arc<Embedded>, task: usize) {
    let org = task.to_string();
    let done = read_row(&store, &org).await.map_or(0, |row| row.version + 1);
    for number in done + 1.. {
        let operation = match number {
            1 => GrantOperation::Create { limit: LIMIT },
            _ => take_one(number - 2),
        };
        assert_eq!(store.grant(&row_key(&org), operation).await, GrantOutcome::Applied);
        put(&store, &org, number).await;
        count(&store, &org, number).await;
        let line = format!("answered {task} {number}\n");
        let mut out = std::io::stdout().lock();
        out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
    }
}

async fn put(store: &Embedded, org: &str, number: u64) {
    let expected = (number > 1).then(|| number - 1);
    let put = store
        .put_document(&document_key(org), expected, Some(&number.to_string()))
        .await;
    assert_eq!(put, Ok(Changed::Applied(number)));
}

/// Two rows in one change: both are there or none.
async fn count(store: &Embedded, org: &str, number: u64) {
    let used = Used {
        calls: number,
        units: number,
    };
    let rows = ["a", "b"].map(|key| (usage_key(org, key), used));
    store.write_usage(HOLDER, &rows, Life::FOR_EVER).await.unwrap();
}

async fn used(store: &Embedded, org: &str, round: u64) -> u64 {
    let query = UsageQuery {
        org: org.into(),
        span: Span::Day,
        from_s: 0,
        until_s: 1,
    };
    let rows = store.usage(&query, None, 10).await.unwrap();
    match rows.as_slice() {
        [] => 0,
        [(_, a), (_, b)] => {
            assert_eq!(a, b, "round {round}: half a change of task {org}");
            a.calls
        }
        other => panic!("round {round}: half a change of task {org}: {other:?}"),
    }
}

fn usage_key(org: &str, key: &str) -> UsageKey {
    UsageKey {
        org: org.into(),
        span: Span::Day,
        start_s: 0,
        key: key.into(),
        endpoint: "e".into(),
        meter: "m".into(),
    }
}

fn document_key(org: &str) -> DocumentKey {
    DocumentKey {
        kind: "plan".into(),
        org: org.into(),
        id: "x".into(),
    }
}
