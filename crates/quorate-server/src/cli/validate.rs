//! `quorate validate`: every problem of a policy, or of Envoy's rules, at once, each with its place; and
//! `quorate schema`, for editors.

mod envoy;

use std::path::PathBuf;

use quorate_policy::{Checked, Problem, Report, Source};
use serde_json::{Value, json};

use super::exit::{Done, Exit, Failure, print};
use crate::policy_files::{self, Unreadable};

/// The arguments of `quorate validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  valid; there may be warnings
  1  not valid
  2  the command line is wrong
  3  a file cannot be read

Examples:
  quorate validate policy.yaml
  quorate validate policies/ overrides.yaml
  quorate validate policies/ --json
  quorate validate --envoy ratelimit/config/")]
pub struct Arguments {
    /// Files, or directories of .yaml files, that add up to one policy
    #[arg(required_unless_present = "envoy", value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Rules of Envoy's rate limit service instead: a directory of YAML files, or one file; may be repeated
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    envoy: Vec<PathBuf>,
    /// Let several files of rules name one domain, as `serve --envoy-merge-domains` does
    #[arg(long, requires = "envoy")]
    merge_domains: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The arguments of `quorate schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  quorate schema > policy.schema.json
  # then, on the first line of a policy, for editors with the YAML language server:
  # yaml-language-server: $schema=policy.schema.json")]
pub struct SchemaArguments {}

pub fn run(arguments: &Arguments) -> Done {
    if !arguments.envoy.is_empty() {
        return envoy::run(arguments);
    }
    let checked = check(&arguments.paths)?;
    if arguments.json {
        print(format_args!("{}\n", as_json(&checked)))?;
    } else {
        // Always coloured: what prints it takes the colours away where nobody sees them.
        match &checked {
            Ok(checked) => {
                if !checked.warnings().is_empty() {
                    print(format_args!("{}\n", checked.warnings().render(true).trim_end()))?;
                }
                print(format_args!("{}\n", valid(checked)))?;
            }
            Err(report) => print(format_args!("{}\n", report.render(true).trim_end()))?,
        }
    }
    Ok(if checked.is_ok() { Exit::Success } else { Exit::No })
}

pub fn schema(_: &SchemaArguments) -> Done {
    print(quorate_policy::schema())?;
    Ok(Exit::Success)
}

/// Reads and checks a policy. Shared with `explain`.
pub fn check(paths: &[PathBuf]) -> Result<Result<Checked, Report>, Failure> {
    Ok(quorate_policy::check(&read(paths)?))
}

fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    policy_files::read(paths).map_err(|unreadable| failure(&unreadable))
}

fn failure(unreadable: &[Unreadable]) -> Failure {
    let lines: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
    Failure::new(lines.join("\n       "))
}

fn valid(checked: &Checked) -> String {
    let counts = checked.counts();
    format!(
        "valid: {}, {}, {}, {}",
        several(counts.plans, "plan"),
        several(counts.endpoints, "endpoint"),
        several(counts.orgs, "org"),
        several(counts.keys, "key"),
    )
}

fn several(count: usize, name: &str) -> String {
    match count {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

/// What `--json` prints. Shared with `explain`.
pub fn as_json(checked: &Result<Checked, Report>) -> Value {
    match checked {
        Ok(checked) => {
            let counts = checked.counts();
            json!({
                "valid": true,
                "content_hash": checked.content_hash(),
                "plans": counts.plans,
                "endpoints": counts.endpoints,
                "orgs": counts.orgs,
                "keys": counts.keys,
                "problems": [],
                "warnings": problems(checked.warnings()),
            })
        }
        Err(report) => json!({
            "valid": false,
            "problems": problems(report),
            "problems_omitted": report.omitted(),
        }),
    }
}

fn problems(report: &Report) -> Vec<Value> {
    report.problems().iter().map(problem).collect()
}

fn problem(problem: &Problem) -> Value {
    let also = problem
        .also
        .as_ref()
        .map(|place| json!({"file": place.file, "line": place.line, "column": place.column, "note": place.note}));
    json!({
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "help": problem.help,
        "also": also,
    })
}

#[cfg(test)]
mod tests;
