//! The whole server next to a service that does nothing: the same messages, the same library, the same kind of
//! runtime; servers pinned to one core and the load to another; the two in turn, several times over.
//!
//! What is compared is the CPU time of the server per decision: rates depend on the load's own core too.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::pinned::{LOAD_CORE, Pinned, SERVER_CORE, on_core};
use super::table::{Row, table};
use crate::command;
use crate::project::Project;

/// Connections of the load.
const CONNECTIONS: &str = "4";
/// Calls in flight on each connection.
const IN_FLIGHT: &str = "25";
/// Keys that are asked for.
const KEYS: &str = "100000";
/// Requests of one batch.
const BATCH: &str = "100";

/// How much is measured.
#[derive(clap::Args)]
pub struct Turns {
    /// Whole server: how often the services take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Whole server: how long each turn is, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// One way of asking one of the services.
struct Way {
    row: Row,
    /// What `quorate bench` is told.
    mode: &'static [&'static str],
    /// Whether the server is asked; else the service that does nothing.
    decides: bool,
}

/// Builds both services as they ship, measures, and prints the table.
pub fn run(project: &Project, turns: &Turns) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "one core for the server and one for the load are needed");
    let quorate = build(project, "quorate-server", "quorate")?;
    let donothing = build(project, "quorate-tests", "donothing")?;

    let policy = project.root.join("tests/benchmark/policy.yaml");
    let mut serve = on_core(SERVER_CORE, &quorate);
    serve.args([
        "serve",
        "--json",
        "--data-threads",
        "1",
        "--log",
        "warn",
        "--store",
        "none",
    ]);
    serve.args([
        "--grpc-listen",
        "127.0.0.1:0",
        "--http-listen",
        "127.0.0.1:0",
        "--policy",
    ]);
    let server = Pinned::start(serve.arg(policy))?;
    let nothing = Pinned::start(&mut on_core(SERVER_CORE, &donothing))?;
    let ready: Value = serde_json::from_str(&server.first_line).context("the server's first line")?;
    let server_at = ready["grpc"]
        .as_str()
        .context("the server says where it listens")?
        .to_owned();
    let nothing_at = nothing.first_line.trim().to_owned();

    let mut ways = ways();
    // Every key is known and at its size before anything is measured.
    load(&quorate, &server_at, &["batch", "--batch-size", BATCH], turns.seconds)?;
    for round in 1..=turns.rounds {
        println!("round {round} of {}", turns.rounds);
        for way in &mut ways {
            let (process, address) = if way.decides {
                (&server, &server_at)
            } else {
                (&nothing, &nothing_at)
            };
            let before = process.cpu_ns()?;
            let load = load(&quorate, address, way.mode, turns.seconds)?;
            let taken = process.cpu_ns()? - before;
            way.row.cpu_ns.push(taken / load.decisions.max(1));
            way.row.rates.push(load.decisions / u64::from(turns.seconds));
        }
    }
    let rows: Vec<Row> = ways.into_iter().map(|way| way.row).collect();
    println!("\n{}", machine());
    println!(
        "{CONNECTIONS} connections × {IN_FLIGHT} in flight, {KEYS} keys, two limits per request, medians of {} rounds of {} s:\n",
        turns.rounds, turns.seconds
    );
    println!("{}", table(&rows));
    Ok(())
}

fn ways() -> [Way; 4] {
    let way = |name, mode, decides, wanted_hundredths| Way {
        row: Row {
            name,
            wanted_hundredths,
            cpu_ns: Vec::new(),
            rates: Vec::new(),
        },
        mode,
        decides,
    };
    [
        way("doing nothing, unary", &["unary"], false, 0),
        way("quorate, unary", &["unary"], true, 90),
        way("quorate, stream", &["stream"], true, 500),
        way("quorate, batch of 100", &["batch", "--batch-size", BATCH], true, 800),
    ]
}

fn build(project: &Project, package: &str, program: &str) -> Result<PathBuf> {
    command::run(
        project
            .cargo()
            .args(["build", "--profile", "dist", "--package", package, "--bin", program]),
    )?;
    let target = project.metadata()?.target_directory.into_std_path_buf();
    Ok(target.join("dist").join(program))
}

/// What one turn of load came to.
struct Load {
    decisions: u64,
}

fn load(quorate: &Path, address: &str, mode: &[&str], seconds: u32) -> Result<Load> {
    let mut bench = on_core(LOAD_CORE, quorate);
    bench
        .args(["bench", "--json", "--server", address, "--mode"])
        .args(mode);
    bench.args(["--connections", CONNECTIONS, "--in-flight", IN_FLIGHT, "--keys", KEYS]);
    let report = command::capture(bench.args(["--duration", &format!("{seconds}s")]))?;
    let report: Value = serde_json::from_str(&report).context("the report of `quorate bench`")?;
    let number = |field: &str| {
        report[field]
            .as_u64()
            .with_context(|| format!("no `{field}` in {report}"))
    };
    ensure!(number("denied")? == 0, "a policy that denies nothing denied: {report}");
    Ok(Load {
        decisions: number("decisions")?,
    })
}

/// What the numbers were measured on.
fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unknown CPU", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Measured on {model}, {cores} cores; server on core {SERVER_CORE}, load on core {LOAD_CORE}.")
}
