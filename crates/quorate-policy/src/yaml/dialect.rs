//! What of YAML a kind of file may use, and what of it means what.

use std::collections::BTreeSet;

use saphyr_parser::Tag;

use super::Value;
use crate::problems::{Problems, Spot, shown};

/// Whether a word is of the type that a tag of YAML's names: (`int`, `5`) is, (`int`, `abc`) is not.
pub type Tags = fn(tag: &str, word: &str) -> bool;

/// What of YAML a kind of file may use.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// What problems call such a file: "a policy file".
    pub noun: &'static str,
    /// The deepest nesting of lists and mappings.
    pub depth_max: usize,
    /// Tags are read: `!!str` and unknown ones make text of a word, `!!binary` what it encodes; the others of YAML leave
    /// it what it looks like, which this says is right.
    pub tags: Option<Tags>,
    /// `<<` takes in what it is given. Of what a mapping and a merge key both name the later one counts.
    pub merge_keys: bool,
    /// Further documents are let pass as long as they hold nothing.
    pub empty_documents: bool,
    /// White space and directives are those of YAML 1.1.
    pub yaml_1_1: bool,
}

impl Dialect {
    /// How policies are written: one way to say each thing. They need eight levels; what is deeper was not written by a
    /// person.
    pub const POLICY: Self = Self {
        noun: "policy",
        depth_max: 32,
        tags: None,
        merge_keys: false,
        empty_documents: false,
        yaml_1_1: false,
    };

    /// What a tagged word is.
    pub(super) fn tagged(&self, tag: &Tag, text: String, plain: bool, spot: Spot, problems: &mut Problems) -> Value {
        let Some(is_of) = self.tags else {
            refuse_tag(spot, problems);
            return Value::Scalar { text, plain };
        };
        // A tag may be written in full: `!<tag:yaml.org,2002:int>`.
        let full = format!("{}{}", tag.handle, tag.suffix);
        match full.strip_prefix("tag:yaml.org,2002:") {
            Some("binary") => {
                let decoded = super::binary::decode(&text);
                if decoded.is_none() {
                    problems.add(spot, format!("`{}` is not text in base 64", shown(&text)));
                }
                let text = decoded.unwrap_or_default();
                Value::Scalar { text, plain: false }
            }
            Some(kind @ ("bool" | "float" | "int" | "null" | "timestamp")) => {
                if !is_of(kind, &text) {
                    problems.add(spot, format!("`{}` is not what its tag `!!{kind}` says", shown(&text)));
                }
                let plain = kind != "timestamp";
                Value::Scalar { text, plain }
            }
            // Of a key `<<`.
            Some("merge") => Value::Scalar { text, plain },
            _ => Value::Scalar { text, plain: false },
        }
    }
}

pub(super) fn refuse_tag(spot: Spot, problems: &mut Problems) {
    problems
        .add(spot, "tags have no meaning in a policy")
        .help("leave out what begins with `!`");
}

/// Reads what stands before the document: YAML 1.1 may be declared there and handles of tags, nothing else.
pub(super) fn directives(source: usize, text: &str, problems: &mut Problems) -> Option<()> {
    let mut start = 0;
    for (line, written) in text.lines().enumerate() {
        let mut words = written.split_whitespace();
        match words.next() {
            Some("%YAML") if words.next() == Some("1.1") => {}
            Some("%TAG") => {}
            Some(word) if word.starts_with('%') && written.starts_with('%') => {
                let spot = Spot {
                    source,
                    line: line + 1,
                    column: 1,
                    start,
                    end: start + word.len(),
                };
                problems
                    .add(spot, format!("`{}` is not read", shown(written)))
                    .help("rule files are YAML 1.1; leave it out, or write `%YAML 1.1`");
                return None;
            }
            Some(word) if !word.starts_with('#') => break,
            _ => {}
        }
        start += written.chars().count() + 1;
    }
    Some(())
}

/// The lines, counted from 1, that tabs indent, be it behind a `-`.
pub(super) fn tabbed(text: &str) -> BTreeSet<usize> {
    let indented = |line: &str| {
        line.chars()
            .take_while(|first| matches!(first, ' ' | '-' | '\t'))
            .any(|first| first == '\t')
    };
    let lines = text.lines().zip(1..);
    lines
        .filter(|(line, _)| indented(line))
        .map(|(_, number)| number)
        .collect()
}
