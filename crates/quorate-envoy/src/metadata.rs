//! Values of free form: the metadata of a rule, and what a response carries as dynamic metadata. They pass through; no
//! decision looks at them.

use std::collections::BTreeMap;

/// Named values.
pub type Map = BTreeMap<String, Datum>;

/// A value as `google.protobuf.Value` has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number, always finite.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Datum>),
    /// Named values.
    Map(Map),
}

/// Adds `from` to `into`. What is there stays, but for mappings on both sides, which are merged in turn.
pub(crate) fn merge(into: &mut Map, from: &Map) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Datum::Map(inner)), Datum::Map(more)) => merge(inner, more),
            (Some(_), _) => {}
            (None, _) => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

/// A count as a number: the nearest, beyond 2⁵³.
pub(crate) fn number(count: u64) -> Datum {
    Datum::Number(count.to_string().parse().unwrap_or(f64::MAX))
}
