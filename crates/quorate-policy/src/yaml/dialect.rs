//! What of YAML a kind of file may use, and what of it means what.

use saphyr_parser::Tag;

use super::{Entry, Node, Value};
use crate::problems::{Problems, Spot, shown};

/// What of YAML a kind of file may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What problems call such a file: "a policy file".
    pub noun: &'static str,
    /// The deepest nesting of lists and mappings.
    pub depth_max: usize,
    /// Tags are read: `!!str` and unknown ones make text of a word, the others of YAML leave it what it looks like.
    pub tags: bool,
    /// `<<` takes in what it is given and the mapping itself does not name.
    pub merge_keys: bool,
    /// Further documents are let pass as long as they hold nothing.
    pub empty_documents: bool,
}

impl Dialect {
    /// How policies are written: one way to say each thing. They need eight levels; what is deeper was not written by a
    /// person.
    pub const POLICY: Self = Self {
        noun: "policy",
        depth_max: 32,
        tags: false,
        merge_keys: false,
        empty_documents: false,
    };

    /// Whether a tagged word is what it looks like, and not text.
    pub(super) fn plain(&self, tag: &Tag, plain: bool, spot: Spot, problems: &mut Problems) -> bool {
        if !self.tags {
            refuse_tag(spot, problems);
            return plain;
        }
        if !tag.is_yaml_core_schema() {
            return false;
        }
        match tag.suffix.as_str() {
            "str" => false,
            "int" | "bool" | "null" | "float" => true,
            "binary" => {
                problems
                    .add(spot, "`!!binary` is not read")
                    .help("write the text itself, in quotes");
                false
            }
            _ => plain,
        }
    }
}

/// Takes in what a merge key is given: a mapping, or a list of them of which the earlier ones win.
pub(super) fn merge(node: Node, merged: &mut Vec<Entry>, problems: &mut Problems) {
    match node.value {
        Value::Map(entries) => merged.extend(entries),
        Value::List(items) => items.into_iter().for_each(|item| match item.value {
            Value::Map(entries) => merged.extend(entries),
            Value::List(_) | Value::Scalar { .. } => wrong(item.spot, "something else", problems),
        }),
        Value::Scalar { text, .. } => wrong(node.spot, &format!("`{}`", shown(&text)), problems),
    }
}

fn wrong(spot: Spot, is: &str, problems: &mut Problems) {
    problems
        .add(
            spot,
            format!("`<<` takes a mapping or a list of mappings, and {is} is given"),
        )
        .help("name an anchored mapping: `<<: *name`");
}

pub(super) fn refuse_tag(spot: Spot, problems: &mut Problems) {
    problems
        .add(spot, "tags have no meaning in a policy")
        .help("leave out what begins with `!`");
}
