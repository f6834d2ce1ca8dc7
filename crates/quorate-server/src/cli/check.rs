//! `quorate check`: one question to a running server, charged like any other, and its answer in words or JSON.

mod json;
mod words;

use quorate_client::{Answer, Ask, Client, Source};

use super::ask::Question;
use super::connect::Connect;
use super::exit::{Done, Exit, Failure, print};

/// The arguments of `quorate check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  allowed (with --times: every time)
  1  denied
  2  the command line is wrong
  3  no decision: the server was not reached, or refused the request as malformed

Examples:
  quorate check --key ak_1 --endpoint 'POST /api/v1/threats/scan'
  quorate check --key ak_1 --endpoint 'POST /api/v1/threats/scan' --times 15
  quorate check --key ak_1 --amount tokens=1200 --look --json
  quorate check --credential-file - --server https://limits.example:8081 < secret")]
pub struct Arguments {
    #[command(flatten)]
    question: Question,
    /// Only look: charge nothing
    #[arg(long)]
    look: bool,
    /// Ask so many times, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    times: u64,
    /// Make a retry safe: the same id again gets the first answer again
    #[arg(long, value_name = "ID")]
    operation_id: Option<String>,
    /// Give the units back instead of charging them
    #[arg(long)]
    refund: bool,
    /// Print one JSON object per answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

pub fn run(arguments: Arguments) -> Done {
    run_to_end(ask(&arguments))
}

/// Runs what asks a server. Shared with `explain`.
pub fn run_to_end(asking: impl Future<Output = Done>) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("cannot start: {error}")))?;
    runtime.block_on(asking)
}

/// An answer as one line of JSON.
pub fn json(answer: &Answer) -> String {
    json::line(answer)
}

/// An answer in words, with all its detail.
pub fn words(answer: &Answer, asked: &str) -> String {
    words::of(answer, asked, true)
}

async fn ask(arguments: &Arguments) -> Done {
    let client = Client::new(arguments.connect.config()?).map_err(Failure::new)?;
    let question = arguments.ask()?;
    let (mut allowed, mut denied) = (0_u64, 0_u64);
    for _ in 0..arguments.times {
        let answer = decided(&client, question.clone(), &arguments.connect).await?;
        if answer.allowed {
            allowed += 1;
        } else {
            denied += 1;
        }
        if arguments.json {
            print(format_args!("{}\n", json::line(&answer)))?;
        } else {
            print(words::of(&answer, &arguments.question.shown(), arguments.times == 1))?;
        }
    }
    if arguments.times > 1 && !arguments.json {
        print(format_args!("{allowed} allowed, {denied} denied\n"))?;
    }
    Ok(if denied == 0 { Exit::Success } else { Exit::No })
}

/// The answer to a question, or why there is none. Shared with `explain`.
pub async fn decided(client: &Client, ask: Ask, connect: &Connect) -> Result<Answer, Failure> {
    let answer = client
        .should_allow(ask)
        .await
        .map_err(|refused| Failure::new(format_args!("the server refused the request: {refused}")))?;
    match &answer.source {
        Source::Decided => Ok(answer),
        Source::FailedOpen(cause) | Source::FailedClosed(cause) => Err(connect.unreached(cause)),
    }
}

impl Arguments {
    fn ask(&self) -> Result<Ask, Failure> {
        let mut ask = self.question.ask()?.include_limits().include_policy().include_shadow();
        if self.look {
            ask = ask.look();
        }
        if self.refund {
            ask = ask.refund();
        }
        if let Some(id) = &self.operation_id {
            ask = ask.operation_id(id);
        }
        Ok(ask)
    }
}
