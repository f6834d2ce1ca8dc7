//! The `[[callers]]` of the file: who may call for which org.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::layers::{Layers, Origin};
use super::problem::{Problem, nearest};
use super::values::hex_32;
use crate::callers::{Caller, Callers, Orgs, Proof, hash_token};

/// One entry, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerEntry {
    caller: Arc<Caller>,
    proofs: Vec<Proof>,
    /// The entry as TOML.
    written: String,
}

/// What an entry may say.
const FIELDS: [&str; 5] = ["name", "orgs", "token_sha256", "token_file", "certificate_names"];

/// All callers of a configuration.
#[must_use]
pub fn callers(entries: &[CallerEntry]) -> Callers {
    let entries = entries.iter();
    Callers::new(entries.map(|entry| (Arc::clone(&entry.caller), entry.proofs.clone())))
}

impl CallerEntry {
    /// Whether it needs clients to show certificates.
    pub(super) fn needs_certificates(&self) -> bool {
        self.proofs.iter().any(|proof| matches!(proof, Proof::Certificate(_)))
    }

    /// The entry as it was written.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// Whether a token is enough.
    pub fn has_token(&self) -> bool {
        self.proofs.iter().any(|proof| matches!(proof, Proof::Token(_)))
    }
}

/// Reads all entries; what is wrong goes to `problems`.
pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Vec<CallerEntry> {
    let mut first_with = HashMap::new();
    let mut entries = Vec::new();
    for (index, table) in layers.callers.iter().enumerate() {
        let mut reading = Reading {
            place: format!("callers[{index}]"),
            table,
            origin: layers.file_origin(),
            problems: &mut *problems,
        };
        let entry = reading.entry();
        for proof in &entry.proofs {
            if let Some(other) = first_with.insert(proof.clone(), entry.caller.name.clone()) {
                reading.problem("", format!("`{other}` has the same token or certificate name"));
            }
        }
        entries.push(entry);
    }
    entries
}

struct Reading<'a> {
    place: String,
    table: &'a toml::Table,
    origin: Origin,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn entry(&mut self) -> CallerEntry {
        for field in self.table.keys() {
            if !FIELDS.contains(&field.as_str()) {
                let hint = nearest(field, FIELDS).map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
                self.problem(field, format!("there is no such field{hint}"));
            }
        }
        let name = self.text("name").unwrap_or_default();
        if name.is_empty() {
            self.problem("name", "a caller needs a name, for logs and messages".to_owned());
        }
        let orgs = self.orgs();
        let proofs = self.proofs();
        if proofs.is_empty() {
            let message = "one of `token_sha256`, `token_file` and `certificate_names` must say how it is known";
            self.problem("", message.to_owned());
        }
        CallerEntry {
            caller: Arc::new(Caller { name, orgs }),
            proofs,
            written: self.table.to_string(),
        }
    }

    fn orgs(&mut self) -> Orgs {
        let orgs = self.texts("orgs");
        if orgs.is_empty() {
            self.problem("orgs", "a list of orgs, or [\"*\"] for all, is expected".to_owned());
        }
        // A request without an org names it by the empty text: a caller of that org would be one of every key's.
        if orgs.iter().any(String::is_empty) {
            self.problem("orgs", "the name of an org is not empty".to_owned());
        }
        if orgs.iter().any(|org| org == "*") {
            if orgs.len() > 1 {
                self.problem("orgs", "`*` is every org, so it stands alone".to_owned());
            }
            return Orgs::All;
        }
        Orgs::Only(orgs)
    }

    fn proofs(&mut self) -> Vec<Proof> {
        let mut proofs = Vec::new();
        if let Some(hash) = self.text("token_sha256") {
            match hex_32(&hash) {
                Some(hash) => proofs.push(Proof::Token(hash)),
                None => self.problem("token_sha256", "64 hex digits are expected".to_owned()),
            }
        }
        if let Some(path) = self.text("token_file").map(PathBuf::from) {
            match std::fs::read(&path) {
                Ok(token) if token.trim_ascii().is_empty() => {
                    self.problem("token_file", format!("{} is empty", path.display()));
                }
                Ok(token) => proofs.push(Proof::Token(hash_token(token.trim_ascii()))),
                Err(error) => self.problem("token_file", format!("cannot read {}: {error}", path.display())),
            }
        }
        let names = self.texts("certificate_names");
        if names.iter().any(String::is_empty) {
            self.problem("certificate_names", "a name is not empty".to_owned());
        }
        proofs.extend(names.into_iter().map(Proof::Certificate));
        proofs
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let value = self.table.get(field)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.problem(field, "a string is expected".to_owned());
        }
        text
    }

    fn texts(&mut self, field: &str) -> Vec<String> {
        let Some(value) = self.table.get(field) else {
            return Vec::new();
        };
        let texts = value
            .as_array()
            .and_then(|values| values.iter().map(|value| value.as_str().map(str::to_owned)).collect());
        texts.unwrap_or_else(|| {
            self.problem(field, "a list of strings is expected".to_owned());
            Vec::new()
        })
    }

    fn problem(&mut self, field: &str, message: String) {
        let place = &self.place;
        let field = if field.is_empty() {
            place.clone()
        } else {
            format!("{place}.{field}")
        };
        self.problems.push(Problem {
            field,
            origin: Some(self.origin.clone()),
            message,
        });
    }
}
