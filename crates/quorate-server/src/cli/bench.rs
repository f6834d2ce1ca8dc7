//! `quorate bench`: a load on a running server, and how fast it answers.
//!
//! It measures what a caller sees. What a decision costs the server is measured elsewhere, by its processor time.

mod keys;
mod line;
mod load;
mod pace;
mod report;
mod stream;
mod tally;
mod transport;
mod wire;

use std::io::IsTerminal;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::connect::Connect;
use super::exit::{Done, Exit, Failure, print};
use super::text::{self, Count};
use keys::{Distribution, Pattern};
use load::{Load, Mode, Outcome, Plan};

pub use transport::Target;

/// How long a load lasts that is told nothing: long enough to be steady, short enough to wait for.
const DURATION: Duration = Duration::from_secs(10);
/// How often the terminal is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// What the server takes in one batch.
const BATCH_MAX: u64 = 1_000;

/// The arguments of `quorate bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A closed loop (the default) sends the next call when one is answered: it shows how much the server can do.
An open loop (--rate) sends at a rate, whatever the server does, and times every call from when
it was due: it shows how long callers wait, stalls of the server included.

Exit codes:
  0  every call was answered
  1  some calls failed
  2  the command line is wrong
  3  no call was answered

Examples:
  quorate bench
  quorate bench --mode stream --connections 2 --in-flight 200
  quorate bench --mode batch --batch-size 100 --keys 1000000 --distribution zipf
  quorate bench --rate 20000 --duration 1m --json")]
pub struct Arguments {
    /// How requests travel
    #[arg(long, value_enum, default_value = "unary")]
    mode: Mode,
    /// Requests in one batch
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=BATCH_MAX))]
    batch_size: u64,
    /// Connections
    #[arg(long, value_name = "N", default_value = "4")]
    connections: NonZeroUsize,
    /// Calls in flight on each connection
    #[arg(long, value_name = "N", default_value = "25")]
    in_flight: NonZeroUsize,
    /// Threads that make the load [default: one per connection, at most one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Open loop: decisions per second, over all connections
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU64>,
    /// How long [default: 10s, or until --count]
    #[arg(long, value_name = "TIME", value_parser = text::some_duration)]
    duration: Option<Duration>,
    /// How many decisions; those of the warm-up are not of them
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// Runs so long before it counts
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = text::duration)]
    warm_up: Duration,
    /// How many keys there are
    #[arg(long, value_name = "N", default_value = "100000")]
    keys: NonZeroU64,
    /// How often each key asks
    #[arg(long, value_enum, default_value = "uniform")]
    distribution: Distribution,
    /// Begins the random numbers: the same, the same keys
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// The org of all keys [default: none is sent]
    #[arg(long, conflicts_with_all = ["org_per_key", "orgs"])]
    org: Option<String>,
    /// Names an org of its own for each key
    #[arg(long, conflicts_with = "orgs")]
    org_per_key: bool,
    /// Spreads the keys over so many orgs
    #[arg(long, value_name = "N")]
    orgs: Option<NonZeroU64>,
    /// What is called; several are taken in turn
    #[arg(long = "endpoint", value_name = "ENDPOINT")]
    endpoints: Vec<String>,
    /// Units of each request [default: 1]
    #[arg(long, value_name = "UNITS", value_parser = text::units, allow_negative_numbers = true)]
    cost: Option<u64>,
    /// Only look: charge nothing
    #[arg(long)]
    look: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

pub fn run(arguments: &Arguments) -> Done {
    let outcome = measure(arguments)?;
    if arguments.json {
        print(format_args!("{}\n", report::json(&arguments.plan(), &outcome)))?;
    } else {
        print(report::words(&arguments.plan(), &outcome))?;
    }
    Ok(match (outcome.tally.decisions(), outcome.tally.failures()) {
        (0, _) => Exit::Failed,
        (_, 0) => Exit::Success,
        (_, _) => Exit::No,
    })
}

/// Runs the load to its end.
pub(super) fn measure(arguments: &Arguments) -> Result<Outcome, Failure> {
    let target = arguments.connect.target()?;
    let plan = arguments.plan();
    let load = load::start(&plan, &target).map_err(|error| {
        Failure::new(format_args!(
            "cannot connect to {}: {error:#}",
            arguments.connect.server
        ))
        .help("start a server with `quorate serve`, or name one with --server or QUORATE_SERVER")
    })?;
    watch(&plan, &load)?;
    Ok(load.finish()?)
}

/// Shows how it goes until it is done; an interrupt ends it early, with its report.
fn watch(plan: &Plan, load: &Load) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::new)?;
    let bar = bar(plan);
    runtime.block_on(async {
        let mut every = tokio::time::interval(PROGRESS_EVERY);
        while !load.is_finished() {
            tokio::select! {
                _ = every.tick() => show(&bar, plan, load),
                _ = tokio::signal::ctrl_c() => load.span.stop(),
            }
        }
    });
    bar.finish_and_clear();
    Ok(())
}

fn bar(plan: &Plan) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let total = match (plan.count, plan.duration) {
        (Some(count), _) => count,
        (None, duration) => millis(duration.unwrap_or(DURATION) + plan.warm_up),
    };
    let style = ProgressStyle::with_template("{wide_bar} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

fn show(bar: &ProgressBar, plan: &Plan, load: &Load) {
    let sum = |count: fn(&line::Progress) -> u64| load.progress.iter().map(|progress| count(progress)).sum::<u64>();
    let decisions = sum(|progress| progress.decisions.load(Ordering::Relaxed));
    let failures = sum(|progress| progress.failures.load(Ordering::Relaxed));
    let elapsed = millis(Instant::now().saturating_duration_since(load.span.start)).max(1);
    bar.set_position(if plan.count.is_some() { decisions } else { elapsed });
    let rate = Count(decisions.saturating_mul(1_000) / elapsed);
    bar.set_message(format!("{rate}/s, {} failed", Count(failures)));
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Arguments {
    fn plan(&self) -> Plan {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = self.threads.unwrap_or(cores).min(self.connections);
        // Every thread has a part of the rate, and a part of nothing never comes.
        let rate = self.rate.and_then(|rate| NonZeroUsize::try_from(rate).ok());
        let threads = rate.map_or(threads, |rate| threads.min(rate));
        Plan {
            mode: self.mode,
            batch_size: usize::try_from(self.batch_size).unwrap_or(usize::MAX),
            connections: self.connections.get(),
            threads: threads.get(),
            in_flight: self.in_flight.get(),
            rate: self.rate.map(NonZeroU64::get),
            warm_up: self.warm_up,
            duration: self.duration.or_else(|| self.count.is_none().then_some(DURATION)),
            count: self.count.map(NonZeroU64::get),
            pattern: Pattern {
                keys: self.keys.get(),
                distribution: self.distribution,
                org: self.org.clone().unwrap_or_default(),
                orgs: if self.org_per_key {
                    self.keys.get()
                } else {
                    self.orgs.map_or(0, NonZeroU64::get)
                },
                endpoints: self.endpoints.clone(),
                cost: self.cost,
                check_only: self.look,
            },
            seed: self.seed,
        }
    }
}
