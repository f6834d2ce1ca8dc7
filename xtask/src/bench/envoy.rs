//! Where Envoy's default time-out of 20 ms bends: an open loop through a real Envoy that asks our server about every
//! request, at higher and higher rates, and beside it the same with a service that does nothing.
//!
//! The service that is asked has a core of its own; Envoy, what is behind it, and the load share the other.

mod table;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::load::{bench, build, machine};
use super::pinned::{LOAD_CORE, Pinned, SERVER_CORE, on_core};
use super::proxy::Proxy;
use super::serving::{Serving, Store};
use crate::project::Project;
use crate::tools::Tools;
use table::{Step, next, table};

/// Calls in flight on each connection: as many as come in 20 ms at any rate that one core makes. All connections together
/// stay below the 1,024 that Envoy passes on at once.
const IN_FLIGHT: &str = "200";
/// Before anything is counted: every connection is there.
const WARM_UP_S: u32 = 3;

/// How much is measured.
#[derive(clap::Args)]
pub struct Steps {
    /// Envoy: how long each step is, in seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    step_seconds: u32,
}

/// What a load goes through.
struct Chain<'c> {
    /// What Envoy asks.
    asked: &'c Pinned,
    proxy: Proxy,
    quorate: &'c Path,
}

/// Builds both services as they ship, measures, and prints the table.
pub fn run(project: &Project, steps: &Steps) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "one core for the server and one for the load are needed");
    let envoy = Tools::of(project).envoy()?;
    let quorate = build(project, "quorate-server", "quorate")?;
    let donothing = build(project, "quorate-tests", "donothing")?;

    let server = Serving::start(project, &quorate, ["--envoy-config", "ratelimit"], Store::Nowhere)?;
    let nothing = Pinned::start(&mut on_core(SERVER_CORE, &donothing))?;
    let upstream = Pinned::start(&mut on_core(LOAD_CORE, &donothing))?;
    let (nothing_at, upstream_at) = (nothing.first_line.trim(), upstream.first_line.trim());
    let services = [
        ("quorate", &server.process, server.grpc.as_str()),
        ("doing nothing", &nothing, nothing_at),
    ];
    let mut measured = Vec::new();
    for (name, asked, address) in services {
        let chain = Chain {
            asked,
            proxy: Proxy::start(project, &envoy, address, upstream_at)?,
            quorate: &quorate,
        };
        chain.step(1_000, WARM_UP_S)?;
        let mut done = Vec::new();
        while let Some(rate) = next(&done) {
            println!("{name}: {rate} requests a second");
            done.push(chain.step(rate, steps.step_seconds)?);
        }
        measured.push((name, done));
    }
    println!("\n{} Envoy and what is behind it are on that core too.", machine());
    println!(
        "Open loop, steps of {} s, one of 65,536 keys per request, Envoy's default timeout of 20 ms:\n",
        steps.step_seconds
    );
    println!("{}", table(&measured));
    Ok(())
}

impl Chain<'_> {
    /// Offers so many requests a second.
    fn step(&self, rate: u64, seconds: u32) -> Result<Step> {
        let before = (
            self.proxy.undecided()?,
            self.proxy.process.cpu_ns()?,
            self.asked.cpu_ns()?,
        );
        let mode = ["unary", "--rate", &rate.to_string()];
        let mut load = bench(self.quorate, &self.proxy.address, &mode, IN_FLIGHT, seconds);
        // It also reports when some calls failed, which its exit code says as well.
        let output = load.output().context("cannot start the load")?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the load did not report: {}", String::from_utf8_lossy(&output.stderr)))?;
        let undecided = self.proxy.undecided()?;
        let number = |value: &Value| value.as_u64().with_context(|| format!("a number lacks in {report}"));
        let failures = report["errors"].as_object().context("errors are told")?;
        let failed: u64 = failures.values().filter_map(Value::as_u64).sum();
        let answered = number(&report["decisions"])?;
        let times = &report["latency_ns"];
        Ok(Step {
            rate,
            sent: answered + failed,
            answered,
            unsent: number(&report["unsent"])?,
            errors: undecided.errors - before.0.errors,
            timeouts: undecided.timeouts - before.0.timeouts,
            times_ns: [number(&times["p50"])?, number(&times["p99"])?, number(&times["p99.9"])?],
            elapsed_ns: number(&report["elapsed_ns"])?,
            envoy_ns: self.proxy.process.cpu_ns()? - before.1,
            asked_ns: self.asked.cpu_ns()? - before.2,
        })
    }
}
