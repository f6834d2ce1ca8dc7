//! One question on the command line: the arguments that `check` and `explain` share.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use quorate_client::Ask;

use super::exit::Failure;
use super::text;

/// The longest credential that is read: far beyond any real one, and no terabyte piped in by mistake.
const CREDENTIAL_BYTES_MAX: u64 = 64 << 10;

/// What is asked.
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("subject").required(true).args(["key", "credential_file"])))]
pub struct Question {
    /// The id of the key that asks; never a secret
    #[arg(long, value_name = "ID")]
    pub key: Option<String>,
    /// A file that holds a secret credential, in place of --key; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub credential_file: Option<PathBuf>,
    /// The org [default: that of the key]
    #[arg(long)]
    pub org: Option<String>,
    /// What is called: 'METHOD /path' or '/package.Service/Method'
    #[arg(long, value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
    /// Units of `requests`, before the endpoint's factor [default: 1]
    #[arg(long, value_name = "UNITS", value_parser = text::units, allow_negative_numbers = true)]
    pub cost: Option<u64>,
    /// An amount of another meter; may be repeated
    #[arg(long = "amount", value_name = "METER=UNITS", value_parser = amount)]
    pub amounts: Vec<(String, u64)>,
    /// A fact about the request, such as ip=192.0.2.1; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    pub attributes: Vec<(String, String)>,
    /// Where the caller runs
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// A scope that the caller's own authorization granted; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
}

impl Question {
    /// The question as the client asks it.
    pub fn ask(&self) -> Result<Ask, Failure> {
        let mut ask = match (&self.key, &self.credential_file) {
            (_, Some(path)) => Ask::credential(credential(path)?),
            (key, None) => Ask::key(key.as_deref().unwrap_or_default()),
        };
        if let Some(org) = &self.org {
            ask = ask.org(org);
        }
        if let Some(endpoint) = &self.endpoint {
            ask = ask.endpoint(endpoint);
        }
        if let Some(cost) = self.cost {
            ask = ask.cost(cost);
        }
        if let Some(environment) = &self.environment {
            ask = ask.environment(environment);
        }
        ask = self
            .amounts
            .iter()
            .fold(ask, |ask, (meter, units)| ask.amount(meter, *units));
        ask = self
            .attributes
            .iter()
            .fold(ask, |ask, (name, value)| ask.attribute(name, value));
        Ok(self.scopes.iter().fold(ask, Ask::scope))
    }

    /// Who asks and what for, in a few words.
    pub fn shown(&self) -> String {
        let key = self.key.as_deref().unwrap_or("(credential)");
        match &self.endpoint {
            Some(endpoint) => format!("{key}  {endpoint}"),
            None => key.to_owned(),
        }
    }
}

/// A secret from a file or standard input, without the line's end. It is never an argument: those are seen by all.
pub fn credential(path: &Path) -> Result<String, Failure> {
    let standard_input = path.as_os_str() == "-";
    let shown = if standard_input {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let from: Box<dyn Read> = if standard_input {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("cannot read {shown}"))?)
    };
    let mut secret = String::new();
    // One more than the longest, so that a longer one is told from it and never cut.
    let read = from
        .take(CREDENTIAL_BYTES_MAX + 1)
        .read_to_string(&mut secret)
        .with_context(|| format!("cannot read {shown}"))?;
    if u64::try_from(read).is_ok_and(|read| read > CREDENTIAL_BYTES_MAX) {
        let message = format_args!("{shown} is longer than {CREDENTIAL_BYTES_MAX} bytes: that is no credential");
        return Err(Failure::new(message));
    }
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure::new(format_args!("{shown} holds no credential")));
    }
    Ok(secret.to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    named(text, "NAME=VALUE")
}

fn named(text: &str, form: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{form} is expected"))?;
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn amount(argument: &str) -> Result<(String, u64), String> {
    let (meter, units) = named(argument, "METER=UNITS")?;
    text::units(&units).map(|units| (meter, units))
}

#[cfg(test)]
mod tests;
