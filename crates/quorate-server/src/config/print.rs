//! `--print-config`: the effective configuration as TOML, with where each value came from. It can be given back as a
//! file. Secrets are named by the files that hold them, or by their hashes, never shown.

use std::fmt;

use super::callers::CallerEntry;
use super::layers::Origin;
use super::settings::Setting;

/// The effective configuration, to be printed.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    pub(super) values: Vec<Value>,
    pub(super) callers: Vec<CallerEntry>,
}

#[derive(Clone, Debug)]
pub(super) struct Value {
    pub setting: &'static Setting,
    pub texts: Vec<String>,
    pub origin: Origin,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Settings outside of a table come first, as TOML wants it.
        let mut groups: Vec<&str> = self.values.iter().map(|value| value.group()).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            if !group.is_empty() {
                writeln!(f, "\n[{group}]")?;
            }
            for value in self.values.iter().filter(|value| value.group() == group) {
                writeln!(f, "{value}")?;
            }
        }
        for caller in &self.callers {
            write!(f, "\n[[callers]]\n{}", caller.written())?;
        }
        Ok(())
    }
}

impl Value {
    fn group(&self) -> &'static str {
        self.setting.key.rsplit_once('.').map_or("", |(group, _)| group)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.setting.key.rsplit('.').next().unwrap_or_default();
        match self.texts.as_slice() {
            [] if !self.setting.many => write!(f, "# {name} is not set"),
            [text] if !self.setting.many => write!(f, "{name} = {} # {}", self.toml(text), self.origin),
            texts => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                write!(f, "{name} = [{}] # {}", texts.join(", "), self.origin)
            }
        }
    }
}

impl Value {
    fn toml(&self, text: &str) -> String {
        if self.setting.key == super::settings::STORE.key {
            return quoted(&crate::store::without_password(text));
        }
        // A number as TOML writes it: `007` is one here and none there.
        let is_number = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        if self.setting.is_switch() || is_number {
            text.to_owned()
        } else {
            quoted(text)
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
