//! The metadata of a rule: values of free form, as the reference passes them on.

use quorate_policy::document::{Entry, Node, Problems, Value, shown};

use super::fields::{Fields, form};
use super::scalar::{Word, resolve};
use crate::metadata::{Datum, Map};

/// The metadata of a rule; none when it is left out or null.
pub(super) fn metadata(fields: &Fields<'_>, problems: &mut Problems) -> Map {
    match fields.node("metadata") {
        Some(Node {
            value: Value::Map(entries),
            ..
        }) => map(entries, problems),
        Some(node) if !fields.is_null("metadata") => {
            problems.add(
                node.spot,
                format!("`metadata` is a mapping, and {} is given", form(node)),
            );
            Map::new()
        }
        _ => Map::new(),
    }
}

fn map(entries: &[Entry], problems: &mut Problems) -> Map {
    let named = entries
        .iter()
        .map(|entry| (entry.name.clone(), datum(&entry.value, problems)));
    named.collect()
}

fn datum(node: &Node, problems: &mut Problems) -> Datum {
    match &node.value {
        Value::Map(entries) => Datum::Map(map(entries, problems)),
        Value::List(items) => Datum::List(items.iter().map(|item| datum(item, problems)).collect()),
        Value::Scalar { text, plain } => match resolve(text, *plain) {
            Word::Null => Datum::Null,
            Word::Bool(value) => Datum::Bool(value),
            Word::Text => Datum::Text(text.clone()),
            Word::Integer {
                negative, magnitude, ..
            } => {
                let sign = if negative { "-" } else { "" };
                number(&format!("{sign}{magnitude}"), node, problems)
            }
            Word::Fraction => number(&text.replace('_', ""), node, problems),
        },
    }
}

fn number(text: &str, node: &Node, problems: &mut Problems) -> Datum {
    match text.parse() {
        Ok(number) if f64::is_finite(number) => Datum::Number(number),
        _ => {
            problems
                .add(
                    node.spot,
                    format!("`{}` is no number that metadata can carry", shown(text)),
                )
                .help("put it in quotes if it is text");
            Datum::Null
        }
    }
}
