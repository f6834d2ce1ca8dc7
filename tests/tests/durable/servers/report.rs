//! What came of a run, as a table for a person.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What came of it.
#[derive(Default)]
pub struct Report {
    pub seed: u64,
    pub nodes: usize,
    pub took: Duration,
    pub rounds: u64,
    pub accounts: u64,
    /// Units of all accounts' quotas.
    pub quota: u64,
    /// Units that callers were told had passed.
    pub admitted: u64,
    /// Units of requests that nobody answered.
    pub unheard: u64,
    /// Units beyond a quota, over all accounts.
    pub overspent: u64,
    /// Units of quotas that nobody was told of, when everything had been asked for.
    pub missing: u64,
    /// The most of one account that was surely stranded, per crash of its round.
    pub stranded_per_crash_max: u64,
    pub crashes: u64,
    /// Requests that passed, and that were denied, while the database was away.
    pub degraded: u64,
    pub away: u64,
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Default)]
struct Kind {
    times: u64,
    slowest: Duration,
}

impl Report {
    /// Nothing yet.
    pub fn new(seed: u64, nodes: usize) -> Self {
        Self {
            seed,
            nodes,
            ..Self::default()
        }
    }

    /// Notes a fault that is over, and how long its recovery took.
    pub fn note(&mut self, kind: &'static str, took: Duration) {
        let noted = self.kinds.entry(kind).or_default();
        noted.times += 1;
        noted.slowest = noted.slowest.max(took);
    }

    /// How many faults there were.
    pub fn faults(&self) -> u64 {
        self.kinds.values().map(|kind| kind.times).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| seed {} | {} node(s), {} s |",
            self.seed,
            self.nodes,
            self.took.as_secs()
        )?;
        writeln!(f, "|---|---:|")?;
        writeln!(f, "| rounds, accounts | {}, {} |", self.rounds, self.accounts)?;
        writeln!(f, "| quotas of all accounts, units | {} |", self.quota)?;
        writeln!(f, "| admitted, by the callers' count | {} |", self.admitted)?;
        writeln!(f, "| overspent | {} |", self.overspent)?;
        writeln!(f, "| never heard of | {} |", self.missing)?;
        writeln!(
            f,
            "| of these, of requests without an answer, at most | {} |",
            self.unheard
        )?;
        writeln!(f, "| servers killed | {} |", self.crashes)?;
        writeln!(
            f,
            "| most that an account lost per crash of its round | {} |",
            self.stranded_per_crash_max
        )?;
        writeln!(
            f,
            "| passed, denied while the database was away | {}, {} |",
            self.degraded, self.away
        )?;
        writeln!(f, "\n| fault | times | slowest recovery |\n|---|---:|---:|")?;
        for (name, kind) in &self.kinds {
            let slowest = kind.slowest;
            writeln!(
                f,
                "| {name} | {} | {}.{} s |",
                kind.times,
                slowest.as_secs(),
                slowest.subsec_millis() / 100
            )?;
        }
        Ok(())
    }
}
