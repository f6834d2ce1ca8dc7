//! How to start a node, as data: arguments and files with places to fill in. This task fills them in for its own nodes;
//! tests read them from `recipe.json` and start nodes of theirs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::arguments;
use super::node::Place;
use crate::command;

/// Arguments and files. Both name what has to be filled in: `{folder}`, `{address}`, `{cql_port}`, `{storage_port}`,
/// `{seeds}`, `{token}`, `{ring_delay_ms}`, and `{more}`, further lines of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// Files for the node's folder, by name.
    pub files: BTreeMap<String, String>,
}

impl Recipe {
    /// How to start Cassandra.
    pub fn new(java: &Path, jars: &[PathBuf]) -> Result<Self> {
        let class_path =
            std::env::join_paths(jars).context("a folder whose name has a colon cannot hold Java files")?;
        let class_path = class_path
            .into_string()
            .ok()
            .context("a folder whose name is no text")?;
        let mut all: Vec<String> = dies_with_its_parent();
        all.push(java.display().to_string());
        all.extend(arguments::of_the_machine().map(str::to_owned));
        all.extend(["-cp".to_owned(), class_path, arguments::MAIN_CLASS.to_owned()]);
        Ok(Self {
            arguments: all,
            files: BTreeMap::from([
                (
                    "cassandra.yaml".to_owned(),
                    include_str!("recipe/cassandra.yaml").to_owned(),
                ),
                ("logback.xml".to_owned(), include_str!("recipe/logback.xml").to_owned()),
            ]),
        })
    }

    /// Writes it for the tests.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = json!({"arguments": self.arguments, "files": self.files}).to_string();
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }

    /// The same with a node's place and folder filled in.
    pub fn fill(&self, place: &Place, folder: &Path) -> Self {
        let values = [
            ("{folder}", folder.display().to_string()),
            ("{address}", place.address.to_string()),
            ("{cql_port}", place.cql_port.to_string()),
            ("{storage_port}", place.storage_port.to_string()),
            ("{seeds}", place.seeds.clone()),
            ("{token}", place.token.to_string()),
            ("{ring_delay_ms}", place.ring_delay_ms.to_string()),
            ("{more}", String::new()),
        ];
        let fill = |text: &String| {
            values
                .iter()
                .fold(text.clone(), |text, (name, value)| text.replace(name, value))
        };
        Self {
            arguments: self.arguments.iter().map(fill).collect(),
            files: self
                .files
                .iter()
                .map(|(name, text)| (name.clone(), fill(text)))
                .collect(),
        }
    }
}

/// Where the share of the `index`th of `count` nodes begins, on a ring of all 64-bit numbers.
pub fn token(index: u8, count: u8) -> i64 {
    let share = (1_i128 << 64) / i128::from(count);
    let at = i128::from(i64::MIN) + share * i128::from(index);
    i64::try_from(at).expect("an index below the count stays on the ring")
}

/// What a node is started through, so that the system kills it when whoever started it is gone. Where that program of
/// util-linux is missing, a killed task leaves its nodes behind.
fn dies_with_its_parent() -> Vec<String> {
    let through = ["setpriv", "--pdeathsig", "KILL", "--"];
    let works = command::succeeds(Command::new(through[0]).args(&through[1..]).arg("true"));
    if works {
        through.map(str::to_owned).to_vec()
    } else {
        Vec::new()
    }
}
