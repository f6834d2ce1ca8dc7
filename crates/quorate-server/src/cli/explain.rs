//! `quorate explain`: which limits would apply to a request and why, without charging. Offline from policy files, or,
//! with what is used of each limit now, from a running server.

use std::path::PathBuf;
use std::time::SystemTime;

use quorate_client::Client;
use quorate_core::request::{Request, Subject};
use quorate_core::state::layout::Layouts;
use quorate_core::time::Instant;
use quorate_node::NodeConfig;
use quorate_policy::{Bounds, Checked, Explanation, PolicySet};

use super::ask::{Question, credential};
use super::connect::Connect;
use super::exit::{Done, Exit, Failure, complain, print};
use super::hash_credential::{deployment_key, hash};
use super::{check, validate};

/// The arguments of `quorate explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --policy or --reference nothing but those is asked. Otherwise a running server is, which also
knows what is used of each limit now; it is only looked at, never charged.

Exit codes:
  0  explained; from a server: it would be allowed
  1  the policy is not valid; from a server: it would be denied
  2  the command line is wrong
  3  no server was reached, a file cannot be read, or the request is malformed

Examples:
  quorate explain --reference --key ak_1 --endpoint 'POST /api/v1/threats/scan'
  quorate explain --policy policies/ --key ak_acme_ci --org acme --endpoint 'GET /api/v1/reports/7'
  quorate explain --server 127.0.0.1:8081 --key ak_1 --endpoint 'POST /api/v1/threats/scan' --json")]
pub struct Arguments {
    #[command(flatten)]
    question: Question,
    /// A policy file or directory, in place of a server; may be repeated
    #[arg(long = "policy", value_name = "FILE|DIR")]
    policy: Vec<PathBuf>,
    /// The built-in reference catalogue, in place of a server
    #[arg(long, conflicts_with = "policy")]
    reference: bool,
    /// With --policy and --credential-file: the deployment's key for hashing credentials
    #[arg(long, value_name = "FILE", env = "QUORATE_CREDENTIAL_KEY_FILE")]
    credential_key_file: Option<PathBuf>,
    /// Print one JSON object; of a policy that is not valid, that of `validate --json`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

pub fn run(arguments: &Arguments) -> Done {
    let checked = match (arguments.reference, arguments.policy.is_empty()) {
        (true, _) => Ok(quorate_policy::reference()),
        (false, false) => validate::check(&arguments.policy)?,
        (false, true) => return check::run_to_end(ask(arguments)),
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(report) if arguments.json => {
            print(format_args!("{}\n", validate::as_json(&Err(report))))?;
            return Ok(Exit::No);
        }
        Err(report) => {
            complain(report.render(true).trim_end());
            return Ok(Exit::No);
        }
    };
    let explanation = arguments.explain(&checked)?;
    if arguments.json {
        let text = serde_json::to_string(&explanation).map_err(Failure::new)?;
        print(format_args!("{text}\n"))?;
    } else {
        print(explanation)?;
    }
    Ok(Exit::Success)
}

async fn ask(arguments: &Arguments) -> Done {
    let client = Client::new(arguments.connect.config()?).map_err(Failure::new)?;
    let ask = arguments.question.ask()?;
    let ask = ask.look().include_limits().include_policy().include_shadow();
    let answer = check::decided(&client, ask, &arguments.connect)
        .await
        .map_err(|failure| failure.help("or explain it from files: --policy FILE, or --reference"))?;
    if arguments.json {
        print(format_args!("{}\n", check::json(&answer)))?;
    } else {
        print(check::words(&answer, &arguments.question.shown()))?;
    }
    Ok(if answer.allowed { Exit::Success } else { Exit::No })
}

impl Arguments {
    fn explain(&self, checked: &Checked) -> Result<Explanation, Failure> {
        let mut layouts = Layouts::default();
        let set = PolicySet::compile(checked, 1, &mut layouts).map_err(Failure::new)?;
        let secret = self.question.credential_file.as_deref().map(credential).transpose()?;
        let hashed = match (&secret, &self.credential_key_file) {
            (Some(secret), Some(path)) => Some(*hash(&deployment_key(path)?, secret).as_bytes()),
            (Some(_), None) => {
                return Err(
                    Failure::new("a credential is found by its hash").help("name the key: --credential-key-file")
                );
            }
            (None, _) => None,
        };
        let question = &self.question;
        let amounts: Vec<_> = question
            .amounts
            .iter()
            .map(|(meter, units)| (meter.as_str(), *units))
            .collect();
        let attributes: Vec<_> = question
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let scopes: Vec<_> = question.scopes.iter().map(String::as_str).collect();
        let key = question.key.as_deref().unwrap_or_default();
        let request = Request {
            subject: secret.as_deref().map_or(Subject::Key(key), Subject::Credential),
            org: question.org.as_deref().unwrap_or_default(),
            cost: question.cost,
            amounts: &amounts,
            attributes: &attributes,
            environment: question.environment.as_deref().unwrap_or_default(),
            scopes: &scopes,
            ..Request::of(key, question.endpoint.as_deref().unwrap_or_default())
        };
        let bounds = Bounds {
            cost_max: NodeConfig::default().cost_max,
        };
        set.explain(&request, bounds, hashed, now())
            .map_err(|invalid| Failure::new(format_args!("the request is malformed: {invalid}")))
    }
}

/// Boosts have their times; nothing else in an explanation does.
fn now() -> Instant {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Instant(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
