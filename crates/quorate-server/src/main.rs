//! The binary `quorate`: reads the command line and hands over to the library.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use quorate_server::{cli, serve};

/// One allocator for the whole process: it frees across threads cheaply, which a server of many threads does all day.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rate limits and quotas, decided in one place.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, propagate_version = true, arg_required_else_help = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, made once")]
enum Command {
    /// Answer decisions over gRPC and HTTP until told to stop
    Serve(Box<serve::Arguments>),
    #[command(flatten)]
    Other(cli::Command),
}

fn main() -> ExitCode {
    match Program::parse().command {
        Command::Serve(arguments) => serve::main(&arguments),
        Command::Other(command) => cli::run(command, Program::command()),
    }
}
