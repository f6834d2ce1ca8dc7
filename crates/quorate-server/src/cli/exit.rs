//! How a command ends: four exit codes, the same for all, and a failure that says what to do about it.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// What `--help` of every command says of its exit codes. 2 is the parser's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Allowed, valid, done.
    Success,
    /// Denied, or not valid: the command worked, and the answer is no.
    No,
    /// The command could not do its work: no server, a refused request, an unreadable file.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::No => Self::from(1),
            Exit::Failed => Self::from(3),
        }
    }
}

/// Why a command could not do its work, and what may help.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    message: String,
    help: Option<String>,
}

/// What a command comes to.
pub type Done = Result<Exit, Failure>;

impl Failure {
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.to_string(),
            help: None,
        }
    }

    /// Adds what may help to what may help already.
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(match self.help {
            Some(before) => format!("{before}, {help}"),
            None => help.to_string(),
        });
        self
    }

    /// Says it on standard error, in colours if that is a terminal.
    pub fn report(&self) {
        if self.message.is_empty() {
            return;
        }
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        complain(format_args!("{red}error:{red:#} {}", self.message));
        if let Some(help) = &self.help {
            let cyan = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
            complain(format_args!(" {cyan}help:{cyan:#} {help}"));
        }
    }
}

/// A line on standard error, in colours if that is a terminal. If nobody can read it, the exit code says it all.
pub fn complain(text: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints to standard output, in colours if that is a terminal. Whoever reads it may have read enough and left
/// (`| head`): then the command ends without a word.
pub fn print(text: impl fmt::Display) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    write!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure {
            exit: Exit::Failed,
            message: match error.kind() {
                ErrorKind::BrokenPipe => String::new(),
                _ => format!("cannot print: {error}"),
            },
            help: None,
        })
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format_args!("{error:#}"))
    }
}
