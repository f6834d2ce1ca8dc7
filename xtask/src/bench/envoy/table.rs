//! The steps of a load through Envoy: which rate comes next, and the table of them all.

/// Requests a second of the first step.
const FIRST: u64 = 250;
/// How often a rate is tried that bends: what bends twice is the rate, not the machine.
const TRIES: usize = 2;

/// What one step came to.
#[derive(Clone, Default)]
pub struct Step {
    /// Requests a second that were offered.
    pub rate: u64,
    /// Requests that were sent, and answers to them.
    pub sent: u64,
    pub answered: u64,
    /// Requests that were due before the end and never sent.
    pub unsent: u64,
    /// Requests that nobody decided, and those of them whose time was over, by Envoy's own count.
    pub errors: u64,
    pub timeouts: u64,
    /// Within how long, from when a request was due, the half, 99 of 100 and 999 of 1,000 were answered.
    pub times_ns: [u64; 3],
    pub elapsed_ns: u64,
    /// The CPU time of Envoy, and of what it asked.
    pub envoy_ns: u64,
    pub asked_ns: u64,
}

impl Step {
    /// Whether more than one of 1,000 requests was not decided or not answered.
    fn undecided(&self) -> bool {
        (self.errors.max(self.sent - self.answered)) * 1_000 > self.sent
    }

    /// Whether more than one of 100 requests could not even be sent.
    fn late(&self) -> bool {
        self.unsent * 100 > self.sent + self.unsent
    }

    fn bends(&self) -> bool {
        self.undecided() || self.late()
    }

    fn line(&self, asked: &str) -> String {
        let share = (self.errors * 100_000).checked_div(self.sent).unwrap_or(0);
        let core = |cpu_ns: u64| (cpu_ns * 100).checked_div(self.elapsed_ns).unwrap_or(0);
        let [half, most, nearly_all] = self.times_ns.map(millis);
        let what = match (self.late(), self.undecided()) {
            (true, _) => format!("**{} not sent in time**", self.unsent),
            (false, true) => "**bends**".to_owned(),
            (false, false) => "holds".to_owned(),
        };
        format!(
            "| {asked} | {} | {} | {} | {} | {} | {}.{:03} % | {half} | {most} | {nearly_all} | {} % | {} % | {what} |\n",
            self.rate,
            self.sent,
            self.answered,
            self.errors,
            self.timeouts,
            share / 1_000,
            share % 1_000,
            core(self.envoy_ns),
            core(self.asked_ns),
        )
    }
}

/// The rate after these steps: twice as much until one bends, then between the last that held and the first that did not,
/// to a quarter.
pub fn next(steps: &[Step]) -> Option<u64> {
    let Some(last) = steps.last() else {
        return Some(FIRST);
    };
    let tries = |rate| steps.iter().filter(|step| step.rate == rate).count();
    if last.bends() && tries(last.rate) < TRIES {
        return Some(last.rate);
    }
    let Some(bent) = first_bent(steps) else {
        return Some(last.rate * 2);
    };
    let held = most_held(steps)?;
    (bent - held > held / 4).then_some((held + bent) / 2)
}

/// The least rate that bent at every try.
fn first_bent(steps: &[Step]) -> Option<u64> {
    let bent = steps.iter().filter(|step| !held(steps, step.rate));
    bent.map(|step| step.rate).min()
}

/// The highest rate below that one which held at some try.
fn most_held(steps: &[Step]) -> Option<u64> {
    let rates = steps.iter().map(|step| step.rate).filter(|rate| held(steps, *rate));
    rates
        .filter(|rate| first_bent(steps).is_none_or(|bent| *rate < bent))
        .max()
}

fn held(steps: &[Step], rate: u64) -> bool {
    steps.iter().any(|step| step.rate == rate && !step.bends())
}

/// The table, in Markdown, of the steps of every service that was asked, by rate.
pub fn table(measured: &[(&str, Vec<Step>)]) -> String {
    let mut text = String::from(
        "| asked | offered per second | sent | answered | `ratelimit.error` | timed out | share | p50 | p99 | p99.9 | Envoy's CPU | of what it asks | |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for (asked, steps) in measured {
        let mut steps = steps.clone();
        steps.sort_by_key(|step| step.rate);
        text.extend(steps.iter().map(|step| step.line(asked)));
    }
    for (asked, steps) in measured {
        let rate = |rate: Option<u64>| rate.map_or_else(|| "no rate".to_owned(), |rate| format!("{rate} a second"));
        text += &format!(
            "\nAsking {asked}, {} held, {} did not.\n",
            rate(most_held(steps)),
            rate(first_bent(steps))
        );
    }
    text
}

/// Nanoseconds as milliseconds.
fn millis(nanos: u64) -> String {
    format!("{}.{:02} ms", nanos / 1_000_000, nanos % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests;
