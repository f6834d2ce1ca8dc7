//! `quorate validate --envoy`: the rules of Envoy's rate limit service.

use std::path::PathBuf;

use quorate_envoy::{Options, Report, Rules};
use serde_json::{Value, json};

use super::{Arguments, failure, problems, several};
use crate::cli::exit::{Done, Exit, print};
use crate::policy_files::{self, FOLDER_UNREAD};

/// Checks the rules and says everything that is wrong with them.
pub(super) fn run(arguments: &Arguments) -> Done {
    let merge = arguments.merge_domains;
    let files = policy_files::read_rules(&arguments.envoy).map_err(|unreadable| failure(&unreadable))?;
    let loaded = Rules::load(&files.sources, Options { merge });
    if arguments.json {
        print(format_args!("{}\n", as_json(&loaded, &files.folders)))?;
    } else {
        for folder in &files.folders {
            print(format_args!("warning: {}: {FOLDER_UNREAD}\n", folder.display()))?;
        }
        match &loaded {
            Ok((rules, warnings)) => {
                if !warnings.is_empty() {
                    print(format_args!("{}\n", warnings.render(true).trim_end()))?;
                }
                let (domains, rules) = counts(rules);
                let valid = format!("valid: {}, {}", several(domains, "domain"), several(rules, "rule"));
                print(format_args!("{valid}\n"))?;
            }
            Err(report) => print(format_args!("{}\n", report.render(true).trim_end()))?,
        }
    }
    Ok(if loaded.is_ok() { Exit::Success } else { Exit::No })
}

/// How many domains there are, and how many rules in them.
fn counts(rules: &Rules) -> (usize, usize) {
    let each = || rules.domains().map(quorate_envoy::Domain::rules);
    (each().count(), each().sum())
}

fn as_json(loaded: &Result<(Rules, Report), Report>, folders: &[PathBuf]) -> Value {
    // A folder is no place in a file, so that these have none.
    let unread = folders
        .iter()
        .map(|folder| json!({"file": folder.display().to_string(), "message": FOLDER_UNREAD}));
    match loaded {
        Ok((rules, warnings)) => {
            let (domains, rules) = counts(rules);
            json!({
                "valid": true,
                "domains": domains,
                "rules": rules,
                "problems": [],
                "warnings": unread.chain(problems(warnings)).collect::<Vec<_>>(),
            })
        }
        Err(report) => json!({
            "valid": false,
            "problems": problems(report),
            "problems_omitted": report.omitted(),
        }),
    }
}
