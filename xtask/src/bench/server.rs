//! The whole server next to a service that does nothing: the same messages, the same library, the same kind of
//! runtime; servers pinned to one core and the load to another; the two in turn, several times over.
//!
//! What is compared is the CPU time of the server per decision: rates depend on the load's own core too.

use anyhow::{Result, ensure};

use super::load::{BATCH, CONNECTIONS, IN_FLIGHT, KEYS, build, load, machine};
use super::pinned::{Pinned, SERVER_CORE, on_core};
use super::serving::{Serving, Store};
use super::table::{Row, table};
use crate::project::Project;

/// How much is measured.
#[derive(clap::Args)]
pub struct Turns {
    /// Whole server and quotas: how often they take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Whole server and quotas: how long each turn is, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
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

    let server = Serving::start(project, &quorate, ["--policy", "policy.yaml"], Store::Nowhere)?;
    let nothing = Pinned::start(&mut on_core(SERVER_CORE, &donothing))?;
    let nothing_at = nothing.first_line.trim().to_owned();

    let mut ways = ways();
    // Every key is known and at its size before anything is measured.
    load(&quorate, &server.grpc, &["batch", "--batch-size", BATCH], turns.seconds)?;
    for round in 1..=turns.rounds {
        println!("round {round} of {}", turns.rounds);
        for way in &mut ways {
            let (process, address) = if way.decides {
                (&server.process, &server.grpc)
            } else {
                (&nothing, &nothing_at)
            };
            let before = process.cpu_ns()?;
            let load = load(&quorate, address, way.mode, turns.seconds)?.with_few_denied(0)?;
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
