//! `quorate export` and `quorate import`: move what a deployment keeps from one store to another, with no server running
//! on either.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_store::transfer::{Counts, Imported, TransferError, export, import};
use quorate_store::usage::Life;
use serde_json::json;

use super::exit::{Done, Exit, Failure, print};
use crate::config::{USAGE_KEEP_DEFAULT, kept};
use crate::store::{Address, OpenStore, StoreChoice};

/// Which store, as `quorate serve` is told.
#[derive(Debug, clap::Args)]
struct Which {
    /// `embedded`, or a cluster: `scylla://HOST:PORT,…/KEYSPACE`
    #[arg(
        long,
        value_name = "embedded|URL",
        default_value = "embedded",
        env = "QUORATE_STORE",
        hide_env_values = true
    )]
    store: String,
    /// The directory of the embedded store
    #[arg(long, value_name = "DIR", default_value = "quorate-data", env = "QUORATE_DATA_DIR")]
    data_dir: PathBuf,
    /// Print one JSON object with the counts
    #[arg(long)]
    json: bool,
}

/// How long usage is kept; `None` for ever. A type of its own, for clap takes an option for an argument that may be left
/// out.
#[derive(Clone, Copy, Debug)]
struct UsageKeep(Option<Duration>);

fn usage_keep(text: &str) -> Result<UsageKeep, String> {
    kept(text).map(UsageKeep)
}

/// The arguments of `quorate export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything is written as lines of JSON: quotas, usage, documents, audit, pools, windows. Stop the server first.

Examples:
  quorate export --data-dir quorate-data > backup.jsonl
  quorate export --store 'scylla://db1:9042/quorate' backup.jsonl")]
pub struct ExportArguments {
    #[command(flatten)]
    which: Which,
    /// Where to write; standard output if left out
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The arguments of `quorate import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The store must be empty. What is cut off or does not add up is refused, and all that was written
is read back and counted.

Examples:
  quorate import backup.jsonl --store 'scylla://db1:9042,db2:9042/quorate'
  quorate export | quorate import --data-dir elsewhere")]
pub struct ImportArguments {
    #[command(flatten)]
    which: Which,
    /// How long usage is kept after its hour, as `quorate serve` is told; 0 for ever
    #[arg(
        long,
        value_name = "DURATION",
        default_value = USAGE_KEEP_DEFAULT,
        env = "QUORATE_USAGE_KEEP",
        value_parser = usage_keep
    )]
    usage_keep: UsageKeep,
    /// What to read; standard input if left out
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub fn run_export(arguments: &ExportArguments) -> Done {
    let to_standard_output = arguments.file.is_none();
    let moved = in_runtime(async {
        let store = open(&arguments.which).await?;
        let to: Box<dyn Write + Send> = match &arguments.file {
            Some(path) => Box::new(BufWriter::new(
                File::create(path).map_err(|error| unusable(path, &error))?,
            )),
            None => Box::new(BufWriter::new(io::stdout())),
        };
        let moved = export(&**store.store(), to).await;
        store.close().await;
        moved.map_err(failed)
    })?;
    told("exported", &moved, None, arguments.which.json, to_standard_output)
}

pub fn run_import(arguments: &ImportArguments) -> Done {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let life = Life {
        now_s: now.as_secs(),
        kept_s: arguments.usage_keep.0.map(|kept| kept.as_secs()),
    };
    let moved = in_runtime(async {
        let from: Box<dyn BufRead + Send> = match &arguments.file {
            Some(path) => Box::new(BufReader::new(
                File::open(path).map_err(|error| unusable(path, &error))?,
            )),
            None => Box::new(BufReader::new(io::stdin())),
        };
        let store = open(&arguments.which).await?;
        let moved = import(&**store.store(), from, life).await;
        store.close().await;
        moved.map_err(failed)
    })?;
    let Imported { counts, left_out } = moved;
    told("imported", &counts, Some(left_out), arguments.which.json, false)
}

fn in_runtime<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("cannot start a runtime: {error}")))?;
    runtime.block_on(work)
}

async fn open(which: &Which) -> Result<OpenStore, Failure> {
    let opened = if which.store == "embedded" {
        OpenStore::open(&StoreChoice::Embedded(which.data_dir.clone()))
    } else if which.store.starts_with("scylla://") {
        let address = Address::parse(&which.store).map_err(|error| Failure::new(format_args!("store: {error}")))?;
        OpenStore::connect(&address).await.map(Some)
    } else {
        return Err(Failure::new("store: it is neither `embedded` nor `scylla://…`"));
    };
    let opened = opened.map_err(Failure::new)?;
    opened.ok_or_else(|| Failure::new("store: there is none"))
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format_args!("cannot use {}: {error}", path.display()))
}

fn failed(error: TransferError) -> Failure {
    let failure = Failure::new(&error);
    match error {
        TransferError::NotEmpty(_) => failure.help("import into a new directory, or a new keyspace"),
        _ => failure,
    }
}

/// Says how much was moved, and how many rows of usage stayed behind: on standard error where the records go to standard output.
fn told(done: &str, counts: &Counts, left_out: Option<u64>, as_json: bool, aside: bool) -> Done {
    let Counts {
        grants,
        documents,
        usage,
        audit,
        pools,
        pieces,
    } = *counts;
    let text = if as_json {
        let mut object = json!({ done: counts });
        if let Some(left_out) = left_out {
            object["usage_left_out"] = left_out.into();
        }
        object.to_string()
    } else {
        let too_old = match left_out {
            None | Some(0) => String::new(),
            Some(left_out) => format!("; {left_out} rows of usage were too old and left out"),
        };
        format!(
            "{done} {grants} rows of quotas, {documents} documents, {usage} rows of usage, {audit} audit records, \
             {pools} pools, {pieces} pieces of snapshots{too_old}"
        )
    };
    if aside {
        anstream::eprintln!("{text}");
    } else {
        print(format_args!("{text}\n"))?;
    }
    Ok(Exit::Success)
}
