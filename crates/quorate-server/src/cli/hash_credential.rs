//! `quorate hash-credential`: what a policy holds in place of a secret.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::ask::credential;
use super::exit::{Done, Exit, Failure, print};

/// The arguments of `quorate hash-credential`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The secret is read from a file or standard input, never from the command line, where others
could see it. The hash goes into the policy as the `credential_hash` of a key.

Examples:
  openssl rand -hex 32 > credential.key          # once per deployment; serve takes the same file
  quorate hash-credential --credential-key-file credential.key < secret")]
pub struct Arguments {
    /// The deployment's key for hashing credentials: a file with 64 hex digits, the one that serve is given
    #[arg(long, value_name = "FILE", env = "QUORATE_CREDENTIAL_KEY_FILE")]
    credential_key_file: PathBuf,
    /// Where the secret is; `-` is standard input
    #[arg(value_name = "SECRET_FILE", default_value = "-")]
    secret: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Done {
    let key = deployment_key(&arguments.credential_key_file)?;
    let hash = hash(&key, &credential(&arguments.secret)?);
    if arguments.json {
        print(format_args!(
            "{}\n",
            serde_json::json!({ "credential_hash": hash.to_hex().as_str() })
        ))?;
    } else {
        print(format_args!("{hash}\n"))?;
    }
    Ok(Exit::Success)
}

/// The hash of a secret, as every server of the deployment computes it. Shared with `explain`.
pub fn hash(key: &[u8; 32], secret: &str) -> blake3::Hash {
    blake3::keyed_hash(key, secret.as_bytes())
}

/// The deployment's key from its file.
pub fn deployment_key(path: &Path) -> Result<[u8; 32], Failure> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // A key and a hash are written the same: 32 bytes as 64 hex digits.
    match blake3::Hash::from_hex(text.trim()) {
        Ok(key) => Ok(*key.as_bytes()),
        Err(_) => Err(
            Failure::new(format_args!("{} does not hold 64 hex digits", path.display()))
                .help("make one with `openssl rand -hex 32`"),
        ),
    }
}

#[cfg(test)]
mod tests;
