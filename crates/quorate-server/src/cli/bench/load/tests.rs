//! A load is divided among threads without loss, and counts what a server answers.

use std::time::Duration;

use clap::Parser;

use super::{Mode, Plan};
use crate::cli::bench::Arguments;
use crate::cli::bench::keys::{Distribution, Pattern};

fn plan(connections: usize, threads: usize) -> Plan {
    Plan {
        mode: Mode::Unary,
        batch_size: 100,
        connections,
        threads,
        in_flight: 5,
        rate: Some(1_000),
        warm_up: Duration::ZERO,
        duration: None,
        count: Some(1_001),
        pattern: Pattern {
            keys: 10,
            distribution: Distribution::Uniform,
            org: String::new(),
            orgs: 0,
            endpoints: Vec::new(),
            cost: None,
            check_only: false,
        },
        seed: 1,
    }
}

#[test]
fn connections_rates_and_counts_are_divided_without_loss() {
    for (connections, threads) in [(1, 1), (4, 2), (5, 3), (7, 7)] {
        let plan = plan(connections, threads);
        let mut lines: Vec<_> = (0..threads).flat_map(|thread| plan.lines(thread)).collect();
        lines.sort_unstable();
        assert_eq!(lines, (0..connections).collect::<Vec<_>>());
        let counts: u64 = (0..threads).filter_map(|thread| plan.count_of(thread)).sum();
        assert_eq!(counts, 1_001);
        let rates: u64 = (0..threads)
            .filter_map(|thread| plan.rate_of(thread))
            .map(|rate| rate.decisions)
            .sum();
        assert_eq!(rates, 1_000);
    }
}

#[test]
fn a_batch_counts_as_its_decisions() {
    let mut plan = plan(1, 1);
    plan.mode = Mode::Batch;
    assert_eq!(
        plan.count_of(0),
        Some(11),
        "11 batches of 100 are the fewest that hold 1,001"
    );
    assert_eq!(plan.rate_of(0).map(|rate| rate.per_call), Some(100));
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

#[test]
fn no_thread_waits_for_a_part_of_the_rate_that_is_nothing() {
    for rate in 1..10 {
        let rate = format!("--rate={rate}");
        let line = ["quorate", "--connections=9", "--threads=5", "--count=9", &rate];
        let plan = Line::parse_from(line).arguments.plan();
        for thread in 0..plan.threads {
            let part = plan.rate_of(thread).map_or(0, |rate| rate.decisions);
            assert!(part > 0, "{rate}: {thread} of {}", plan.threads);
        }
    }
}
