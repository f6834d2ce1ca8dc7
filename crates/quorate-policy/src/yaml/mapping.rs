//! The entries of a mapping while it is read: its own, and what merge keys bring.

use std::collections::BTreeMap;

use super::{Entry, Node, Value};
use crate::problems::{Problems, Spot, shown};

/// The entries of a mapping so far.
#[derive(Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    seen: BTreeMap<String, Seen>,
}

/// What is known of a name.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Where the mapping itself names it.
    named: Option<Spot>,
    /// Its place in the list, once it has a value.
    at: Option<usize>,
}

impl Entries {
    /// Takes a name that the mapping itself gives; where it was given before, if it was.
    pub(super) fn name(&mut self, name: &str, spot: Spot) -> Result<(), Spot> {
        let seen = self.seen.entry(name.to_owned()).or_default();
        match seen.named {
            Some(first) => Err(first),
            None => {
                seen.named = Some(spot);
                Ok(())
            }
        }
    }

    /// Puts a value to its name. One that is there makes way, whoever brought it: what is written later counts. Of two
    /// mappings the later one's entries do, and the others stay; Go's reader fills the same structure twice.
    pub(super) fn put(&mut self, entry: Entry) {
        let seen = self.seen.entry(entry.name.clone()).or_default();
        let Some(at) = seen.at else {
            seen.at = Some(self.list.len());
            self.list.push(entry);
            return;
        };
        let earlier = std::mem::replace(&mut self.list[at], entry);
        let later = &mut self.list[at].value.value;
        if let (Value::Map(earlier), Value::Map(later)) = (earlier.value.value, later) {
            let kept = earlier
                .into_iter()
                .filter(|entry| later.iter().all(|other| other.name != entry.name))
                .collect();
            let over = std::mem::replace(later, kept);
            later.extend(over);
        }
    }

    /// Takes in what a merge key is given: a mapping, or a list of them of which the earlier ones win.
    pub(super) fn merge(&mut self, node: Node, problems: &mut Problems) {
        match node.value {
            Value::Map(entries) => entries.into_iter().for_each(|entry| self.put(entry)),
            Value::List(items) => items.into_iter().rev().for_each(|item| match item.value {
                Value::Map(entries) => entries.into_iter().for_each(|entry| self.put(entry)),
                Value::List(_) | Value::Scalar { .. } => wrong(item.spot, "something else", problems),
            }),
            Value::Scalar { text, .. } => wrong(node.spot, &format!("`{}`", shown(&text)), problems),
        }
    }

    pub(super) fn into_list(self) -> Vec<Entry> {
        self.list
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
