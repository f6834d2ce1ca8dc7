//! How many operations on the store decisions with a hard quota cost, usage included: read from the server's own count of
//! all of them, every ten seconds.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::load::{CONNECTIONS, IN_FLIGHT, KEYS, bench, build, decided, machine};
use super::quota::ORGS;
use super::serving::{Serving, Store};
use crate::project::Project;

/// Decisions per second: a busy service, and no more than what leaves the machine time to spare.
const RATE: &str = "20000";
/// How long one interval is, in seconds: as often usage is written.
const INTERVAL_S: u32 = 10;
/// What is wanted: decisions per operation, at least.
const WANTED: u64 = 1_000;

/// How long is measured.
#[derive(clap::Args)]
pub struct Length {
    /// Operations: how many intervals of ten seconds
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    intervals: u32,
}

/// What the server had counted at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    decisions: u64,
    operations: u64,
    /// Of those, on rows of quotas.
    quotas: u64,
    /// And rows of usage.
    usage: u64,
}

/// Builds the server as it ships, measures from its first decision on, and prints the table.
pub fn run(project: &Project, length: &Length) -> Result<()> {
    let quorate = build(project, "quorate-server", "quorate")?;
    let server = Serving::start(project, &quorate, ["--policy", "quota.yaml"], Store::Embedded)?;
    let mut counted = vec![count(&server)?];
    let seconds = length.intervals * INTERVAL_S;
    let mode = ["unary", "--orgs", ORGS, "--rate", RATE];
    let load = bench(&quorate, &server.grpc, &mode, IN_FLIGHT, seconds)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the load")?;
    let begun = Instant::now();
    for interval in 1..=length.intervals {
        let end = Duration::from_secs(u64::from(interval * INTERVAL_S));
        // Time is what is measured here.
        thread::sleep(end.saturating_sub(begun.elapsed()));
        counted.push(count(&server)?);
    }
    let report = load.wait_with_output().context("waiting for the load")?;
    decided(&String::from_utf8(report.stdout)?)?.with_few_denied(5)?;
    // The usage of the last interval is written within the next.
    // Time is what is measured here.
    thread::sleep(Duration::from_secs(u64::from(INTERVAL_S) + 1));
    counted.push(count(&server)?);
    println!("\n{}", machine());
    println!(
        "Unary, {RATE} decisions per second on {CONNECTIONS} connections, {KEYS} keys of {ORGS} orgs chosen uniformly, a hard quota per org of 10,000,000, usage written, an empty embedded store at the start:\n"
    );
    println!("{}", table(&counted));
    Ok(())
}

fn count(server: &Serving) -> Result<Counted> {
    Ok(Counted {
        decisions: server.metric("quorate_decisions_total")?,
        operations: server.metric("quorate_store_operations_total")?,
        quotas: server.metric("quorate_quota_operations_total")?,
        usage: server.metric("quorate_usage_operations_total")?,
    })
}

impl Counted {
    const NOTHING: Self = Self {
        decisions: 0,
        operations: 0,
        quotas: 0,
        usage: 0,
    };

    fn since(self, before: Self) -> Self {
        Self {
            decisions: self.decisions - before.decisions,
            operations: self.operations - before.operations,
            quotas: self.quotas - before.quotas,
            usage: self.usage - before.usage,
        }
    }

    fn line(self, name: &str) -> String {
        let Self {
            decisions,
            operations,
            quotas,
            usage,
        } = self;
        let each = match decisions.checked_div(operations) {
            Some(0) | None => "—".to_owned(),
            Some(each) => format!("1 per {each}"),
        };
        format!("| {name} | {decisions} | {operations} | {quotas} | {usage} | {each} |\n")
    }
}

/// The table, in Markdown, of what was counted at the start, after every interval of the load, and some time after its
/// end.
fn table(counted: &[Counted]) -> String {
    let mut text = String::from(
        "| seconds | decisions | operations on the store | of quotas | of usage | operations per decision |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    let intervals = counted.windows(2).map(|pair| pair[1].since(pair[0]));
    let intervals: Vec<Counted> = intervals.collect();
    // In what comes after the load usage of its last interval is written, and next to nothing is decided.
    let (after, loaded) = intervals.split_last().unwrap_or((&Counted::NOTHING, &[]));
    let mut end = 0;
    for interval in loaded {
        text += &interval.line(&format!("{end} to {}", end + INTERVAL_S));
        end += INTERVAL_S;
    }
    text += &after.line(&format!("from {end} on, after the load"));
    let most = loaded
        .iter()
        .filter(|interval| interval.operations > 0)
        .min_by_key(|interval| interval.decisions * 1_000 / interval.operations);
    let most = most.copied().unwrap_or_default();
    text += &most.line("**the most in one interval of the load**");
    let ends = counted.first().zip(counted.last());
    let all = ends.map_or(Counted::default(), |(first, last)| last.since(*first));
    text += &all.line("**all**");
    let met = all.decisions >= WANTED * all.operations;
    text += &format!(
        "\nWanted: at most 1 per {WANTED}: {}.\n",
        if met { "met" } else { "**not met**" }
    );
    text
}

#[cfg(test)]
mod tests {
    use super::{Counted, table};

    #[test]
    fn the_table_has_every_interval_the_worst_and_the_sum() {
        let at = |decisions, operations| Counted {
            decisions,
            operations,
            quotas: operations / 2,
            usage: operations / 4,
        };
        let text = table(&[at(5, 4), at(100_005, 404), at(300_005, 444), at(300_105, 448)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines[0], "| 0 to 10 | 100000 | 400 | 200 | 100 | 1 per 250 |");
        assert_eq!(lines[1], "| 10 to 20 | 200000 | 40 | 20 | 10 | 1 per 5000 |");
        assert_eq!(lines[2], "| from 20 on, after the load | 100 | 4 | 2 | 1 | 1 per 25 |");
        // The few decisions after the load make no interval of it.
        assert!(
            lines[3].starts_with("| **the most in one interval of the load** |"),
            "{text}"
        );
        assert!(lines[3].ends_with("| 100000 | 400 | 200 | 100 | 1 per 250 |"), "{text}");
        assert!(lines[4].starts_with("| **all** | 300100 | 444 |"), "{text}");
        assert_eq!(lines[6], "Wanted: at most 1 per 1000: **not met**.");
    }
}
