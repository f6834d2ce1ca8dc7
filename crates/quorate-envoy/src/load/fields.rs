//! The fields that a rule file knows, and how one is read: as text, as a boolean, as a count, as a list.

use quorate_policy::document::{Entry, Node, Problems, Spot, Value, shown, suggestion};

use super::scalar::{Word, resolve};
use crate::charge::Charge;
use crate::unit::Algorithm;

/// A mapping with known fields.
pub(super) struct Object {
    /// What problems call it.
    name: &'static str,
    fields: &'static [&'static str],
}

pub(super) static ROOT: Object = Object {
    name: "the file",
    fields: &["domain", "descriptors", "charge", "native"],
};
pub(super) static DESCRIPTOR: Object = Object {
    name: "a descriptor",
    fields: &[
        "key",
        "value",
        "rate_limit",
        "descriptors",
        "shadow_mode",
        "quota_mode",
        "detailed_metric",
        "value_to_metric",
        "share_threshold",
        "metadata",
    ],
};
pub(super) static RATE_LIMIT: Object = Object {
    name: "`rate_limit`",
    fields: &[
        "unit",
        "requests_per_unit",
        "unlimited",
        "name",
        "replaces",
        "algorithm",
    ],
};
pub(super) static REPLACES: Object = Object {
    name: "`replaces`",
    fields: &["name"],
};
pub(super) static NATIVE: Object = Object {
    name: "`native`",
    fields: &["org", "key", "endpoint"],
};

/// Where a field may stand that stands where it may not.
static PLACES: [&Object; 3] = [&ROOT, &DESCRIPTOR, &RATE_LIMIT];

pub(super) static CHARGE: [(&str, Charge); 3] = [
    ("all", Charge::All),
    ("stop_when_over", Charge::StopWhenOver),
    ("all_or_none", Charge::AllOrNone),
];

pub(super) static ALGORITHM: [(&str, Algorithm); 2] = [
    ("fixed_window", Algorithm::FixedWindow),
    ("sliding_window", Algorithm::SlidingWindow),
];

/// The fields of a mapping.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n> {
    pub(super) spot: Spot,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The fields of a node that is to be `object`. `None` when it is no mapping; that and every field that does not
    /// belong there are problems.
    pub(super) fn of(node: &'n Node, object: &Object, problems: &mut Problems) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let message = format!("{} is a mapping, and {} is given", object.name, form(node));
            problems.add(node.spot, message);
            return None;
        };
        for entry in entries.iter().filter(|entry| !object.fields.contains(&&*entry.name)) {
            let name = shown(&entry.name);
            if let Some(place) = PLACES.iter().find(|place| place.fields.contains(&&*entry.name)) {
                problems
                    .add(entry.spot, format!("`{name}` does not belong in {}", object.name))
                    .help(format!("it is a field of {}; here it would have no effect", place.name));
            } else {
                problems
                    .add(entry.spot, format!("unknown key `{name}` in {}", object.name))
                    .help = suggestion(&entry.name, object.fields.iter().copied());
            }
        }
        Some(Self {
            spot: node.spot,
            entries,
        })
    }

    pub(super) fn node(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| &entry.value)
    }

    /// Where a field's value stands, or the mapping that lacks it.
    pub(super) fn spot_of(&self, name: &str) -> Spot {
        self.node(name).map_or(self.spot, |node| node.spot)
    }

    /// Whether a field is left out, null or empty.
    pub(super) fn is_nothing(&self, name: &str) -> bool {
        self.node(name).is_none_or(
            |node| matches!(&node.value, Value::Scalar { text, plain } if text.is_empty() || resolve(text, *plain) == Word::Null),
        )
    }

    /// A field as text in the spelling of its source; empty when it is null. `None` when it is left out, or not one.
    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<&'n str> {
        let node = self.node(name)?;
        let Value::Scalar { text, plain } = &node.value else {
            problems.add(node.spot, format!("`{name}` is text, and {} is given", form(node)));
            return None;
        };
        match resolve(text, *plain) {
            Word::Null => Some(""),
            Word::Fraction => {
                let message = format!(
                    "`{name}`: `{}` reads as a number that is not whole, or too large",
                    shown(text)
                );
                problems.add(node.spot, message).help("put it in quotes if it is text");
                None
            }
            Word::Bool(_) | Word::Integer { .. } | Word::Text => Some(text),
        }
    }

    /// A field that says yes or no; no when it is left out.
    pub(super) fn bool(&self, name: &str, problems: &mut Problems) -> bool {
        let Some(node) = self.node(name) else { return false };
        match &node.value {
            Value::Scalar { text, plain } => match resolve(text, *plain) {
                Word::Bool(value) => return value,
                Word::Null => return false,
                Word::Text if !plain => {
                    let message = format!("`{name}`: \"{}\" is text", shown(text));
                    problems.add(node.spot, message).help("leave out the quotes");
                }
                _ => {
                    let message = format!("`{name}`: `{}` is neither `true` nor `false`", shown(text));
                    problems.add(node.spot, message);
                }
            },
            Value::List(_) | Value::Map(_) => {
                let message = format!("`{name}` is `true` or `false`, and {} is given", form(node));
                problems.add(node.spot, message);
            }
        }
        false
    }

    /// A field that counts; `None` when it is left out or null, or is no count, which is a problem.
    pub(super) fn count(&self, name: &str, problems: &mut Problems) -> Option<u32> {
        let node = self.node(name)?;
        let Value::Scalar { text, plain } = &node.value else {
            problems.add(
                node.spot,
                format!("`{name}` is a whole number, and {} is given", form(node)),
            );
            return None;
        };
        let whole = format!("expected a whole number from 0 to {}", u32::MAX);
        let (problem, help) = match resolve(text, *plain) {
            Word::Null => return None,
            Word::Integer { leading_zero: true, .. } => (
                "has a leading zero, which makes it octal for some readers and not for others",
                "write it without".to_owned(),
            ),
            Word::Integer {
                negative, magnitude, ..
            } if !negative || magnitude == 0 => match u32::try_from(magnitude) {
                Ok(count) => return Some(count),
                Err(_) => ("is too large", whole),
            },
            Word::Integer { .. } => ("is negative", whole),
            Word::Text if !plain => ("is text", "leave out the quotes".to_owned()),
            Word::Bool(_) | Word::Fraction | Word::Text => ("is not a whole number", whole),
        };
        problems
            .add(node.spot, format!("`{name}`: `{}` {problem}", shown(text)))
            .help(help);
        None
    }

    /// The items of a list; none when it is left out or null.
    pub(super) fn list(&self, name: &str, problems: &mut Problems) -> &'n [Node] {
        match self.node(name) {
            None => &[],
            Some(Node {
                value: Value::List(items),
                ..
            }) => items,
            Some(_) if self.is_null(name) => &[],
            Some(node) => {
                problems.add(node.spot, format!("`{name}` is a list, and {} is given", form(node)));
                &[]
            }
        }
    }

    /// Whether a field is given and null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        let null =
            |node: &Node| matches!(&node.value, Value::Scalar { text, plain } if resolve(text, *plain) == Word::Null);
        self.node(name).is_some_and(null)
    }
}

/// Notes a word that is none of those a field knows.
pub(super) fn unknown_word<'a>(
    fields: &Fields<'_>,
    name: &str,
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    problems: &mut Problems,
) {
    let message = format!("`{name}`: `{}` is not known", shown(word));
    problems.add(fields.spot_of(name), message).help = suggestion(word, known);
}

/// What a node is, in words.
pub(super) fn form(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain } if resolve(text, *plain) == Word::Null => "nothing".to_owned(),
        Value::Scalar { text, .. } => format!("`{}`", shown(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}
