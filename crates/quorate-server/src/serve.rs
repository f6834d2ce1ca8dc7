//! `quorate serve`: reads the configuration, opens the doors, keeps the policy current, and closes in good order.
//!
//! The order of a start: configuration, policy and certificates are checked whole; then ports are bound; then doors
//! open. Nothing is decided here.

mod announce;
mod assembly;
mod durable;
mod keeping;
mod part;
mod policy;
mod prepare;
mod reload;
mod rules;
mod server;
mod signals;
#[cfg(test)]
mod tests;
mod watch;
mod windows;
mod wrong;

use std::process::ExitCode;

pub use crate::config::Arguments;
use crate::config::{Config, Layers, environment};
use crate::telemetry::logs;

pub use announce::Addresses;
pub use prepare::{Prepared, prepare};
pub use server::{Server, StartError};

/// The exit code when what the server was told is wrong.
const WRONG: u8 = 2;
/// The exit code when the server could not do what it was told.
const FAILED: u8 = 3;

/// Threads of the runtime that does everything but gRPC decisions: one to answer `/metrics` and `/healthz` while
/// another is busy with a reload.
const ADMIN_THREADS: usize = 2;

/// Serves until told to stop.
#[must_use]
pub fn main(arguments: &Arguments) -> ExitCode {
    let layers = Layers::gather(arguments, environment(std::env::vars_os()));
    for warning in layers.warnings() {
        anstream::eprintln!("warning: {warning}");
    }
    let (config, effective) = match Config::read(&layers) {
        Ok(read) => read,
        Err(problems) => return complain("the configuration is wrong", &problems.to_string(), WRONG),
    };
    if arguments.print_config {
        return match announce::say(&mut std::io::stdout(), &format!("{effective}\n")) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain("the configuration cannot be printed", &error.to_string(), FAILED),
        };
    }
    let prepared = match prepare(config) {
        Ok(prepared) => prepared,
        Err(problems) => return complain("the server cannot start", &problems, WRONG),
    };
    if let Err(error) = logs::init(&prepared.config.telemetry.log, prepared.config.telemetry.log_format) {
        return complain("the configuration is wrong", &error.to_string(), WRONG);
    }
    match run(arguments, prepared) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain("the server cannot start", &error.to_string(), FAILED),
    }
}

fn run(arguments: &Arguments, prepared: Prepared) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ADMIN_THREADS)
        .thread_name("admin")
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        // Before the doors open: a signal that comes in the first moment must not kill the process.
        let mut signals = signals::Signals::listen().map_err(StartError::Runtime)?;
        let server = Server::start(prepared).await?;
        let announced = announce::announce(&server, arguments);
        if announced.is_ok() {
            signals.until_stop(|| server.reload_now()).await;
        }
        // Also where nobody could be told: what outlives the process is in it alone by now.
        tokio::select! {
            () = server.drain() => {}
            () = signals.stop_again() => tracing::warn!("told to stop twice: open calls are dropped"),
        }
        announced.map_err(StartError::Announce)
    })
}

fn complain(what: &str, problems: &str, code: u8) -> ExitCode {
    anstream::eprintln!("error: {what}");
    for line in problems.lines() {
        anstream::eprintln!("  {line}");
    }
    ExitCode::from(code)
}
