//! Reads the fields of a node whose shape has been checked. What has the wrong shape has been reported, and reads as
//! left out.

use crate::problems::{At, Spot};
use crate::yaml::{Entry, Node, Value};

/// The fields of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'n> {
    pub(crate) spot: Spot,
    entries: &'n [Entry],
}

impl Node {
    /// The fields, if it is a mapping.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields {
            spot: self.spot,
            entries: self.entries(),
        }
    }

    /// Whether it is a mapping.
    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// The named values, if it is a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::List(_) | Value::Scalar { .. } => &[],
        }
    }

    /// The items, if it is a list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Map(_) | Value::Scalar { .. } => &[],
        }
    }

    /// The items of a list, or the one value.
    pub(crate) fn one_or_many(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Map(_) | Value::Scalar { .. } => std::slice::from_ref(self),
        }
    }

    /// The text, if it is one word that is not nothing.
    pub(crate) fn text(&self) -> Option<At<&str>> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_nothing() => Some(At::new(text, self.spot)),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What one word means; `None` also when it means nothing, which has been reported.
    pub(crate) fn read<'n, T>(&'n self, meaning: impl Fn(&'n str) -> Result<T, String>) -> Option<At<T>> {
        let text = self.text()?;
        Some(At::new(meaning(text.value).ok()?, text.spot))
    }
}

impl<'n> Fields<'n> {
    /// A field.
    pub(crate) fn node(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| &entry.value)
    }

    /// Where the name of a field stands.
    pub(crate) fn name_spot(&self, name: &str) -> Option<Spot> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.spot)
    }

    /// What a field of one word means.
    pub(crate) fn read<T>(&self, name: &str, meaning: impl Fn(&'n str) -> Result<T, String>) -> Option<At<T>> {
        self.node(name)?.read(meaning)
    }

    /// A field of one word.
    pub(crate) fn text(&self, name: &str) -> Option<At<&'n str>> {
        self.node(name)?.text()
    }

    /// The items of a list.
    pub(crate) fn items(&self, name: &str) -> &'n [Node] {
        self.node(name).map_or(&[], Node::items)
    }

    /// The words of a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<At<&'n str>> {
        self.items(name).iter().filter_map(Node::text).collect()
    }

    /// The named values of a mapping.
    pub(crate) fn entries(&self, name: &str) -> &'n [Entry] {
        self.node(name).map_or(&[], Node::entries)
    }
}
