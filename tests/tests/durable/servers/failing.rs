//! Two servers never spend more than there is, whatever fails; and they recover by themselves. A short round of
//! everything in every run of the tests; `cargo xtask faults` plays rounds by the hour.

use std::time::{Duration, Instant};

use super::plan::{Plan, Random, WIRES};
use super::report::Report;
use super::rounds::Stage;

/// A number that `cargo xtask faults` sets.
fn told(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_never_spend_more_than_there_is() {
    let minutes = told("QUORATE_TEST_FAULTS_MINUTES");
    let nodes = told("QUORATE_TEST_FAULTS_NODES").map_or(1, |nodes| usize::try_from(nodes).expect("few"));
    let seed = told("QUORATE_TEST_FAULTS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let mut report = Report::new(seed, nodes);
    let begun = Instant::now();
    let mut stage = Stage::new(nodes).await;
    let plan = Plan::short(nodes);
    stage.play(&plan, &mut report).await;
    assert!(
        report.faults() >= u64::try_from(WIRES.len() + plan.steps.len()).expect("few"),
        "not every fault happened:\n{report}"
    );
    // Never 0, where these numbers stay 0.
    let mut random = Random(seed << 1 | 1);
    while minutes.is_some_and(|minutes| begun.elapsed() < Duration::from_secs(60 * minutes)) {
        stage.play(&Plan::random(&mut random, nodes), &mut report).await;
        report.took = begun.elapsed();
        println!("{report}");
    }
    report.took = begun.elapsed();
    println!("{report}");
}
