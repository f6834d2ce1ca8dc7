//! The shape of a document: which fields there are, what each may hold, and what is said when it holds something else.
//! One set of tables serves the check, the JSON Schema and the reference in `docs/`.

use crate::problems::{Problems, Spot, shown};
use crate::scalar;
use crate::suggest;
use crate::yaml::{Entry, Node, Value};

pub(crate) mod limits;
pub(crate) mod quotas;
pub(crate) mod root;
pub(crate) mod subjects;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The version of the document's language.
    Version,
    /// A name of something declared.
    Name,
    /// The id of an org or key.
    Id,
    /// Free text.
    Text,
    /// A whole number within bounds, both included.
    Integer(u64, u64),
    /// A factor with at most two decimals.
    Factor,
    /// A duration within bounds in nanoseconds, both included.
    Duration(u64, u64),
    /// A percentage.
    Percent,
    /// A percentage, or `never`.
    PercentOrNever,
    Bool,
    /// An instant.
    Timestamp,
    /// The keyed hash of a credential.
    Hash,
    TimeZone,
    /// An endpoint template.
    Template,
    /// What one counter belongs to.
    Per,
    /// One of some words.
    Word(&'static [Word]),
    List(&'static Kind),
    /// One value, or a list of them.
    OneOrMany(&'static Kind),
    /// The smallest and the largest.
    Range(&'static Kind),
    /// Names of the first kind, each with a value of the second.
    Named(&'static Kind, &'static Kind),
    /// A scalar, or a mapping with more to say.
    Or(&'static Kind, &'static Object),
    Object(&'static Object),
}

/// One word that a field may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
}

/// A mapping with known fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) fields: &'static [Field],
}

/// One field of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// What holds when it is left out, in words.
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
}

/// A field that must be given.
pub(crate) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        default: "",
        doc,
    }
}

/// A field that may be left out.
pub(crate) const fn optional(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        default,
        doc,
    }
}

/// A word of an enumeration.
pub(crate) const fn word(name: &'static str, doc: &'static str) -> Word {
    Word { name, doc }
}

/// Checks a whole document.
pub(crate) fn check(document: &Node, problems: &mut Problems) {
    check_kind(document, &Kind::Object(&root::DOCUMENT), "document", problems);
}

fn check_kind(node: &Node, kind: &Kind, field: &str, problems: &mut Problems) {
    match (kind, &node.value) {
        (Kind::Object(object), Value::Map(entries)) => check_object(node.spot, entries, object, problems),
        (Kind::Named(name, value), Value::Map(entries)) => {
            for entry in entries {
                check_scalar(&entry.name, entry.spot, name, field, problems);
                check_kind(&entry.value, value, &entry.name, problems);
            }
        }
        (Kind::Range(inner), Value::List(items)) if items.len() == 2 => {
            for item in items {
                check_kind(item, inner, field, problems);
            }
        }
        (Kind::List(inner) | Kind::OneOrMany(inner), Value::List(items)) => {
            for item in items {
                check_kind(item, inner, field, problems);
            }
        }
        (Kind::Per, Value::List(items)) => {
            for item in items {
                check_kind(item, kind, field, problems);
            }
        }
        (Kind::Or(_, object), Value::Map(entries)) => check_object(node.spot, entries, object, problems),
        (Kind::OneOrMany(inner) | Kind::Or(inner, _), Value::Scalar { .. }) => {
            check_kind(node, inner, field, problems);
        }
        (Kind::Object(_) | Kind::Named(..) | Kind::List(_) | Kind::Range(_), _)
        | (_, Value::List(_) | Value::Map(_)) => wrong_form(node, kind, field, problems),
        (_, Value::Scalar { text, plain }) => {
            if node.is_nothing() {
                wrong_form(node, kind, field, problems);
            } else if !plain && matches!(kind, Kind::Integer(..) | Kind::Bool | Kind::Version | Kind::Factor) {
                let message = format!("`{field}`: \"{}\" is text", shown(text));
                problems.add(node.spot, message).help("leave out the quotes");
            } else {
                check_scalar(text, node.spot, kind, field, problems);
            }
        }
    }
}

fn check_object(spot: Spot, entries: &[Entry], object: &Object, problems: &mut Problems) {
    let names = || object.fields.iter().map(|field| field.name);
    for entry in entries {
        if let Some(field) = object.fields.iter().find(|field| field.name == entry.name) {
            check_kind(&entry.value, &field.kind, field.name, problems);
        } else {
            let found = problems.add(
                entry.spot,
                format!("unknown field `{}` in {}", shown(&entry.name), object.name),
            );
            found.help = suggest::nearest(&entry.name, names())
                .map(|nearest| format!("did you mean `{nearest}`?"))
                .or_else(|| {
                    Some(format!(
                        "known: {}",
                        names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                    ))
                });
        }
    }
    let missing = object.fields.iter().filter(|field| field.required);
    for field in missing.filter(|field| entries.iter().all(|entry| entry.name != field.name)) {
        problems
            .add(spot, format!("{} lacks the field `{}`", object.name, field.name))
            .help(format!("`{}`: {}", field.name, expected(&field.kind)));
    }
}

fn wrong_form(node: &Node, kind: &Kind, field: &str, problems: &mut Problems) {
    let is = match &node.value {
        Value::Scalar { .. } if node.is_nothing() => "nothing is given".to_owned(),
        Value::Scalar { text, .. } => format!("`{}` is one value", shown(text)),
        Value::List(items) if matches!(kind, Kind::Range(_)) => format!("a list of {} is given", items.len()),
        Value::List(_) => "a list is given".to_owned(),
        Value::Map(_) => "a mapping is given".to_owned(),
    };
    problems
        .add(node.spot, format!("`{}`: {is}", shown(field)))
        .help(format!("expected {}", expected(kind)));
}

/// Checks one word against its kind. It has been made sure that it is one word.
fn check_scalar(text: &str, spot: Spot, kind: &Kind, field: &str, problems: &mut Problems) {
    let Err(problem) = scalar_problem(text, kind) else {
        return;
    };
    let found = problems.add(spot, format!("`{}`: `{}` {problem}", shown(field), shown(text)));
    found.help = match kind {
        Kind::Word(words) => suggest::help(text, words.iter().map(|word| word.name)),
        Kind::TimeZone => {
            let zones = scalar::time_zones();
            suggest::nearest(text, zones.iter().map(String::as_str)).map(|zone| format!("did you mean `{zone}`?"))
        }
        _ => None,
    }
    .or_else(|| Some(format!("expected {}", expected(kind))));
}

fn scalar_problem(text: &str, kind: &Kind) -> Result<(), String> {
    match kind {
        Kind::Version if text == "1" => Ok(()),
        Kind::Version => Err("is not a version of this language".to_owned()),
        Kind::Name => scalar::name(text).map(drop),
        Kind::Id => scalar::id(text).map(drop),
        Kind::Text => scalar::text(text).map(drop),
        Kind::Integer(min, max) => match scalar::integer(text)? {
            value if value < *min => Err(format!("is less than {min}")),
            value if value > *max => Err(format!("is more than {max}")),
            _ => Ok(()),
        },
        Kind::Factor => scalar::factor(text).map(drop),
        Kind::Duration(min, max) => match scalar::duration(text)? {
            value if value < *min => Err(format!("is shorter than {}", scalar::written_duration(*min))),
            value if value > *max => Err(format!("is longer than {}", scalar::written_duration(*max))),
            _ => Ok(()),
        },
        Kind::PercentOrNever if text == "never" => Ok(()),
        Kind::Percent | Kind::PercentOrNever => scalar::percent(text).map(drop),
        Kind::Bool => scalar::boolean(text).map(drop),
        Kind::Timestamp => scalar::timestamp(text).map(drop),
        Kind::Hash => scalar::credential_hash(text).map(drop),
        Kind::TimeZone => scalar::time_zone(text).map(drop),
        Kind::Template => crate::template::Template::parse(text).map(drop),
        Kind::Per => crate::per::word(text).map(drop),
        Kind::Word(words) if words.iter().any(|word| word.name == text) => Ok(()),
        Kind::Word(_) => Err("is not a known value".to_owned()),
        Kind::OneOrMany(inner) | Kind::Or(inner, _) => scalar_problem(text, inner),
        Kind::List(_) | Kind::Range(_) | Kind::Named(..) | Kind::Object(_) => Err("is one value".to_owned()),
    }
}

/// What a kind wants, as the end of a sentence.
pub(crate) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Version => "`1`".to_owned(),
        Kind::Name => format!(
            "a name of at most {} letters, digits, `-`, `_` and `.`",
            scalar::NAME_BYTES_MAX
        ),
        Kind::Id => "an id of at most 256 bytes".to_owned(),
        Kind::Text => "some text".to_owned(),
        Kind::Integer(0 | 1, u64::MAX) => "a whole number like `5_000`".to_owned(),
        Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
        Kind::Factor => "a factor like `2` or `2.5`".to_owned(),
        Kind::Duration(min, max) => format!(
            "a duration like `100ms`, `30s`, `1m`, `1h` or `7d`, from {} to {}",
            scalar::written_duration(*min),
            scalar::written_duration(*max)
        ),
        Kind::Percent => "a percentage like `80%`".to_owned(),
        Kind::PercentOrNever => "a percentage like `80%`, or `never`".to_owned(),
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Timestamp => "an instant like `2026-01-31T08:00:00Z`".to_owned(),
        Kind::Hash => "a hash of 64 hex digits".to_owned(),
        Kind::TimeZone => "a time zone like `Europe/Berlin`".to_owned(),
        Kind::Template => "`METHOD /path/{parameter}`, `METHOD /path/*` or `/package.Service/Method`".to_owned(),
        Kind::Per => "`org`, `key`, `endpoint`, `attribute.<name>`, or a list of them".to_owned(),
        Kind::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.name)).collect();
            words.join(" or ")
        }
        Kind::List(inner) => format!("a list; each item is {}", expected(inner)),
        Kind::OneOrMany(inner) => format!("{}, or a list of such", expected(inner)),
        Kind::Range(inner) => format!("`[smallest, largest]`, each {}", expected(inner)),
        Kind::Named(_, value) => format!("a mapping of names, each with {}", expected(value)),
        Kind::Or(inner, object) => format!("{}, or {}", expected(inner), expected(&Kind::Object(object))),
        Kind::Object(object) => {
            let fields: Vec<&str> = object.fields.iter().map(|field| field.name).collect();
            format!("a mapping with {}", fields.join(", "))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
