//! Where values come from: flags, environment, file. Values are kept as text with their origin; what they mean is the
//! reader's business.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::arguments::Arguments;
use super::problem::{Problem, UNLIKE_MAX};
use super::settings::{PREFIX, SETTINGS, Setting};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// The TOML file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub texts: Vec<String>,
    pub origin: Origin,
}

/// Everything that was said, before anything is understood.
#[derive(Debug, Default)]
pub struct Layers {
    flags: BTreeMap<&'static str, Vec<String>>,
    variables: BTreeMap<&'static str, (String, String)>,
    file: BTreeMap<String, Vec<String>>,
    file_path: PathBuf,
    /// The `[[callers]]` of the file, understood later.
    pub(super) callers: Vec<toml::Table>,
    /// What was already seen to be wrong.
    pub(super) problems: Vec<Problem>,
    warnings: Vec<String>,
}

/// The key of the one table that flags and variables cannot express.
const CALLERS: &str = "callers";

impl Layers {
    /// Everything that was said: the flags, the environment, and the file that either names.
    #[must_use]
    pub fn gather(arguments: &Arguments, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let file = arguments
            .config
            .as_deref()
            .map(|path| (path, std::fs::read_to_string(path)));
        let mut layers = Self::of(arguments, environment);
        match file {
            Some((path, Ok(text))) => layers.add_file(path, &text),
            Some((path, Err(error))) => layers.problem("config", path, format!("cannot be read: {error}")),
            None => {}
        }
        layers
    }

    /// The flags and the environment.
    #[must_use]
    pub fn of(arguments: &Arguments, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        let variable = |setting: &&'static Setting| {
            let name = setting.variable();
            // An empty variable is how shells and manifests say "unset".
            let text = environment.get(&name).filter(|text| !text.is_empty())?;
            Some((setting.key, (name, text.clone())))
        };
        Self {
            flags: arguments.settings.iter().cloned().collect(),
            variables: SETTINGS.iter().filter_map(variable).collect(),
            warnings: environment.keys().filter_map(|name| misspelt(name)).collect(),
            ..Self::default()
        }
    }

    /// What is odd and not wrong, for a person to read.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Adds the file.
    pub fn add_file(&mut self, path: &Path, text: &str) {
        path.clone_into(&mut self.file_path);
        match text.parse::<toml::Table>() {
            Ok(table) => self.add_table("", table),
            Err(error) => self.problem("config", path, error.to_string().trim_end().to_owned()),
        }
    }

    /// What was said of a setting, by the layer that counts.
    pub(super) fn get(&self, setting: &Setting) -> Option<Raw> {
        if let Some(texts) = self.flags.get(setting.key) {
            return Some(Raw {
                texts: texts.clone(),
                origin: Origin::Flag(setting.flag),
            });
        }
        if let Some((name, text)) = self.variables.get(setting.key) {
            let texts = if setting.many {
                text.split(',').map(|text| text.trim().to_owned()).collect()
            } else {
                vec![text.clone()]
            };
            return Some(Raw {
                texts,
                origin: Origin::Variable(name.clone()),
            });
        }
        self.file.get(setting.key).map(|texts| Raw {
            texts: texts.clone(),
            origin: Origin::File(self.file_path.clone()),
        })
    }

    /// The file, as an origin.
    pub(super) fn file_origin(&self) -> Origin {
        Origin::File(self.file_path.clone())
    }

    fn add_table(&mut self, prefix: &str, table: toml::Table) {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}.{name}")
            };
            match value {
                toml::Value::Array(callers) if key == CALLERS => self.add_callers(callers),
                _ if key == CALLERS => self.no_caller(),
                toml::Value::Table(inner) if is_group(&key) => self.add_table(&key, inner),
                value => self.add_value(key, value),
            }
        }
    }

    fn add_callers(&mut self, callers: Vec<toml::Value>) {
        for caller in callers {
            match caller {
                toml::Value::Table(table) => self.callers.push(table),
                _ => self.no_caller(),
            }
        }
    }

    fn no_caller(&mut self) {
        let path = self.file_path.clone();
        self.problem(CALLERS, &path, "every caller is a table `[[callers]]`".to_owned());
    }

    fn add_value(&mut self, key: String, value: toml::Value) {
        let path = self.file_path.clone();
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let keys = SETTINGS.iter().map(|setting| setting.key);
            let tables = SETTINGS
                .iter()
                .filter_map(|setting| Some(setting.key.split_once('.')?.0));
            let hint = super::problem::nearest(&key, keys.chain(tables).chain([CALLERS]))
                .map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
            return self.problem(&key, &path, format!("there is no such setting{hint}"));
        };
        match texts(value, setting.many) {
            Some(texts) => {
                self.file.insert(key, texts);
            }
            None if setting.many => self.problem(&key, &path, "a list of strings is expected".to_owned()),
            None => self.problem(&key, &path, "a single value is expected".to_owned()),
        }
    }

    fn problem(&mut self, field: &str, path: &Path, message: String) {
        self.problems.push(Problem {
            field: field.to_owned(),
            origin: Some(Origin::File(path.to_owned())),
            message,
        });
    }
}

/// The environment as text. What is not UTF-8 in somebody else's variable is nobody's business here; in one of ours it
/// reads as what it is not, and the reader says so.
pub fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (String, String)> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    variables
        .into_iter()
        .map(move |(name, value)| (text(name), text(value)))
}

/// What to say of a variable that is almost one of ours. It may be somebody else's: an orchestrator makes variables of
/// the names of services, so it cannot be an error.
fn misspelt(name: &str) -> Option<String> {
    let name_of = |setting: &&'static Setting| setting.variable();
    if !name.starts_with(PREFIX) || SETTINGS.iter().any(|setting| setting.variable() == name) {
        return None;
    }
    let unlike = |known: &String| strsim::osa_distance(known, name);
    let near = SETTINGS
        .iter()
        .map(name_of)
        .min_by_key(unlike)
        .filter(|near| unlike(near) <= UNLIKE_MAX)?;
    Some(format!(
        "the environment variable {name} means nothing; did you mean {near}?"
    ))
}

/// Whether a key is the name of a table that settings stand in.
fn is_group(key: &str) -> bool {
    SETTINGS
        .iter()
        .any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// A value of the file as it would be written behind a flag.
fn texts(value: toml::Value, many: bool) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(on) => Some(vec![on.to_string()]),
        toml::Value::Array(values) if many => values
            .into_iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect(),
        toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_) => None,
    }
}
