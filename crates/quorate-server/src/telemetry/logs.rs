//! Logs, to standard error: readable on a terminal, JSON anywhere else. Never a line per decision.

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// [`LogFormat::Text`] when standard error is a terminal, else [`LogFormat::Json`].
    #[default]
    Auto,
    /// For people; with colours on a terminal that wants them.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    fn is_json(self, terminal: bool) -> bool {
        match self {
            Self::Auto => !terminal,
            Self::Text => false,
            Self::Json => true,
        }
    }
}

/// Why logs could not be set up.
#[derive(Debug, Error)]
pub enum LogsError {
    /// The filter says nothing that could be understood.
    #[error("log: `{filter}` is not a filter such as `info` or `info,quorate_server=debug`: {source}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// This process has set up its logs before.
    #[error("log: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up the logs of this process: what `filter` lets through, in the syntax of `RUST_LOG` (`info`,
/// `info,quorate_server=debug`).
///
/// # Errors
/// When the filter does not parse, or logs were set up before.
pub fn init(filter: &str, format: LogFormat) -> Result<(), LogsError> {
    let terminal = io::stderr().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = subscriber(filter, format.is_json(terminal), colours, io::stderr)?;
    Ok(subscriber.try_init()?)
}

/// Says whether `filter` would be understood, without setting anything up.
///
/// # Errors
/// When the filter does not parse.
pub fn check(filter: &str) -> Result<(), LogsError> {
    parsed(filter).map(|_| ())
}

/// What is not logged unless the filter names it: the HTTP/2 library warns of what a peer does, as often as the peer
/// likes, and no stranger may fill the log.
const QUIET: &str = "h2=off";

fn parsed(filter: &str) -> Result<EnvFilter, LogsError> {
    EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|source| LogsError::Filter {
        filter: filter.to_owned(),
        source,
    })
}

fn subscriber<W>(
    filter: &str,
    json: bool,
    colours: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours);
    let filtered = tracing_subscriber::registry().with(parsed(filter)?);
    Ok(if json {
        Box::new(filtered.with(lines.json().flatten_event(true).with_current_span(false)))
    } else {
        Box::new(filtered.with(lines))
    })
}

#[cfg(test)]
mod tests;
