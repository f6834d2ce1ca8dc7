//! What a hard quota costs a decision: the server's CPU time with one beside the same without, in turn, several times
//! over. Both keep usage, on an embedded store.

use anyhow::{Result, ensure};

use super::load::{BATCH, CONNECTIONS, IN_FLIGHT, KEYS, build, load, machine};
use super::server::Turns;
use super::serving::{Serving, Store};
use super::table::{median, micros, times};
use crate::project::Project;

/// Orgs that the keys are spread over.
pub const ORGS: &str = "100";
/// Units of each org's quota, as `quota.yaml` has it, times the orgs.
const UNITS: u64 = 10_000_000 * 100;
/// What is wanted: hundredths of the time without a quota, at most.
const WANTED_HUNDREDTHS: u64 = 115;

/// One way of asking, with and without.
struct Way {
    name: &'static str,
    mode: &'static [&'static str],
    /// CPU time per decision in nanoseconds, one per round: without a quota, with one.
    cpu_ns: [Vec<u64>; 2],
}

/// Builds the server as it ships, measures, and prints the table.
pub fn run(project: &Project, turns: &Turns) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "one core for the server and one for the load are needed");
    let quorate = build(project, "quorate-server", "quorate")?;
    let without = Serving::start(project, &quorate, ["--policy", "policy.yaml"], Store::Embedded)?;
    let with = Serving::start(project, &quorate, ["--policy", "quota.yaml"], Store::Embedded)?;
    let servers = [&without, &with];

    let mut ways = [
        Way::new("unary", &["unary", "--orgs", ORGS]),
        Way::new("batch of 100", &["batch", "--orgs", ORGS, "--batch-size", BATCH]),
    ];
    for server in servers {
        // Every key is known, and every lease at its size, before anything is measured. Until then some wait for units.
        load(&quorate, &server.grpc, ways[1].mode, turns.seconds)?;
    }
    for round in 1..=turns.rounds {
        println!("round {round} of {}", turns.rounds);
        for way in &mut ways {
            // Each is the first in every other round: what the machine does meanwhile falls on both.
            let first = usize::from(round.is_multiple_of(2));
            for which in [first, 1 - first] {
                let server = servers[which];
                let before = server.process.cpu_ns()?;
                let load = load(&quorate, &server.grpc, way.mode, turns.seconds)?.with_few_denied(5)?;
                let taken = server.process.cpu_ns()? - before;
                way.cpu_ns[which].push(taken / load.decisions.max(1));
            }
        }
    }
    let spent = with.metric("quorate_decisions_total")?;
    ensure!(
        spent < UNITS / 10 * 9,
        "{spent} of {UNITS} units were spent: measure for a shorter time"
    );
    println!("\n{}", machine());
    println!(
        "{CONNECTIONS} connections × {IN_FLIGHT} in flight, {KEYS} keys of {ORGS} orgs, two limits per request, a hard quota per org of 10,000,000 of which {} % were used, medians of {} rounds of {} s:\n",
        spent * 100 / UNITS,
        turns.rounds,
        turns.seconds
    );
    println!("{}", table(&ways));
    Ok(())
}

impl Way {
    const fn new(name: &'static str, mode: &'static [&'static str]) -> Self {
        Self {
            name,
            mode,
            cpu_ns: [Vec::new(), Vec::new()],
        }
    }

    /// With a quota relative to without, in hundredths, round by round.
    fn ratios(&self) -> Vec<u64> {
        let [without, with] = &self.cpu_ns;
        let pairs = without.iter().zip(with);
        pairs.map(|(without, with)| hundredths(*with, *without)).collect()
    }
}

fn hundredths(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0)
}

/// The table, in Markdown.
fn table(ways: &[Way]) -> String {
    let mut text = String::from(
        "| | CPU per decision without | least to most | with a quota | least to most | relative | round by round | wanted | |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for way in ways {
        let [without, with] = &way.cpu_ns;
        let relative = hundredths(median(with), median(without));
        let ratios = way.ratios();
        let met = if relative <= WANTED_HUNDREDTHS {
            "met"
        } else {
            "**not met**"
        };
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | ≤ {} | {met} |\n",
            way.name,
            micros(median(without)),
            spread(without, micros),
            micros(median(with)),
            spread(with, micros),
            times(relative),
            spread(&ratios, times),
            times(WANTED_HUNDREDTHS),
        );
    }
    text
}

/// The least and the most of some numbers.
fn spread(numbers: &[u64], written: fn(u64) -> String) -> String {
    let end = |end: Option<&u64>| written(end.copied().unwrap_or(0));
    format!("{} to {}", end(numbers.iter().min()), end(numbers.iter().max()))
}

#[cfg(test)]
mod tests {
    use super::{Way, table};

    #[test]
    fn the_table_says_what_a_quota_costs_and_whether_that_was_wanted() {
        let mut unary = Way::new("unary", &[]);
        unary.cpu_ns = [vec![6_000, 6_200, 5_900], vec![6_900, 6_600, 6_800]];
        let mut batch = Way::new("batch", &[]);
        batch.cpu_ns = [vec![1_000], vec![1_160]];
        let text = table(&[unary, batch]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "| unary | 6.00 µs | 5.90 µs to 6.20 µs | 6.80 µs | 6.60 µs to 6.90 µs | 1.13 × | 1.06 × to 1.15 × | ≤ 1.15 × | met |"
        );
        assert!(
            lines[3].ends_with("| 1.16 × | 1.16 × to 1.16 × | ≤ 1.15 × | **not met** |"),
            "{text}"
        );
    }
}
