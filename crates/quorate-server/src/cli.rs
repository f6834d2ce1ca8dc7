//! The command line, `serve` aside: one module per command, and what they share.
//!
//! A command parses its arguments, asks a library or a server, and prints. It decides nothing itself.

mod ask;
mod bench;
mod check;
mod completions;
mod connect;
mod exit;
mod explain;
mod hash_credential;
mod health;
mod text;
mod transfer;
mod validate;

use std::process::ExitCode;

use exit::Done;

/// What `main.rs` flattens into the program's subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ask a running server whether a request may pass, and charge it
    Check(check::Arguments),
    /// Say which limits would apply to a request and why, without charging
    Explain(explain::Arguments),
    /// Check a policy and say everything that is wrong with it
    Validate(validate::Arguments),
    /// Print the JSON Schema of policies, for editors
    Schema(validate::SchemaArguments),
    /// Hash a secret credential for a policy
    HashCredential(hash_credential::Arguments),
    /// Ask a running server whether it wants requests
    Health(health::Arguments),
    /// Put a load on a running server and say how fast it answers
    Bench(bench::Arguments),
    /// Write everything that a store keeps as lines of JSON
    Export(transfer::ExportArguments),
    /// Read such lines into an empty store
    Import(transfer::ImportArguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
}

/// Runs one command; `program` is the whole command line, for completions.
#[must_use]
pub fn run(command: Command, program: clap::Command) -> ExitCode {
    let done = dispatch(command, program);
    let exit = done.unwrap_or_else(|failure| {
        failure.report();
        failure.exit
    });
    exit.into()
}

fn dispatch(command: Command, program: clap::Command) -> Done {
    match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Schema(arguments) => validate::schema(&arguments),
        Command::HashCredential(arguments) => hash_credential::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Export(arguments) => transfer::run_export(&arguments),
        Command::Import(arguments) => transfer::run_import(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, program),
    }
}

#[cfg(test)]
mod tests;
