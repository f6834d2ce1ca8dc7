//! YAML text to nodes that know where they stand. Names of a mapping are plain text; anchors are followed; duplicate
//! names, tags, merge keys and second documents are refused. What the nodes mean is not known here.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::problems::{Problems, Spot, shown};

/// The deepest nesting. A policy needs eight levels; what is deeper was not written by a person.
const DEPTH_MAX: usize = 32;
/// The most nodes that anchors may add by being used: a few nested ones could otherwise fill any memory.
const ALIAS_NODES_MAX: usize = 100_000;

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// One word, number or text, as it was written.
    Scalar {
        text: String,
        /// Not in quotes.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One name of a mapping, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) spot: Spot,
    pub(crate) value: Node,
}

impl Node {
    /// Whether nothing is written here, or `null`.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.value.count()).sum(),
        }
    }
}

/// Parses the one document of a source. `None` when it holds nothing or cannot be read as YAML at all.
pub(crate) fn parse(source: usize, text: &str, problems: &mut Problems) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(source);
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                problems.add(at_error(source, &error), not_yaml(error.info()));
                return None;
            }
        };
        if builder.take(event, span, problems).is_none() {
            break;
        }
    }
    builder.root
}

/// The library's words, as the end of a sentence of ours.
fn not_yaml(info: &str) -> String {
    format!("this is not YAML: {info}")
}

fn at_error(source: usize, error: &ScanError) -> Spot {
    let mark = error.marker();
    Spot {
        source,
        line: mark.line(),
        column: mark.col() + 1,
        start: mark.index(),
        end: mark.index() + 1,
    }
}

enum Frame {
    List {
        spot: Spot,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        spot: Spot,
        anchor: usize,
        entries: Vec<Entry>,
        seen: BTreeMap<String, Spot>,
        next: Name,
    },
}

/// The name that the next value of a mapping belongs to.
enum Name {
    Awaited,
    Given(String, Spot),
    Refused,
}

struct Builder {
    source: usize,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    alias_nodes_left: usize,
    root: Option<Node>,
    documents: usize,
}

impl Builder {
    const fn new(source: usize) -> Self {
        Self {
            source,
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            alias_nodes_left: ALIAS_NODES_MAX,
            root: None,
            documents: 0,
        }
    }

    /// Takes one event; `None` when reading on would be of no use.
    fn take(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) -> Option<()> {
        let spot = self.spot(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    problems
                        .add(spot, "a second document begins here; a policy file holds one")
                        .help("put it into a file of its own: several files add up");
                    return None;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some() {
                    refuse_tag(spot, problems);
                }
                let value = Value::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                self.finish(Node { spot, value }, anchor, problems);
            }
            Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                refuse_tag(spot, problems);
                return None;
            }
            Event::SequenceStart(anchor, _) => self.open(
                Frame::List {
                    spot,
                    anchor,
                    items: Vec::new(),
                },
                problems,
            )?,
            Event::MappingStart(anchor, _) => self.open(
                Frame::Map {
                    spot,
                    anchor,
                    entries: Vec::new(),
                    seen: BTreeMap::new(),
                    next: Name::Awaited,
                },
                problems,
            )?,
            Event::SequenceEnd | Event::MappingEnd => self.close(problems),
            Event::Alias(anchor) => self.follow(anchor, spot, problems)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn spot(&self, span: Span) -> Spot {
        Spot {
            source: self.source,
            line: span.start.line(),
            column: span.start.col() + 1,
            start: span.start.index(),
            end: span.end.index().max(span.start.index() + 1),
        }
    }

    fn open(&mut self, frame: Frame, problems: &mut Problems) -> Option<()> {
        if self.frames.len() >= DEPTH_MAX {
            let (Frame::List { spot, .. } | Frame::Map { spot, .. }) = frame;
            problems.add(spot, format!("nested deeper than {DEPTH_MAX} levels"));
            return None;
        }
        self.frames.push(frame);
        Some(())
    }

    fn close(&mut self, problems: &mut Problems) {
        let (spot, anchor, value) = match self.frames.pop() {
            Some(Frame::List { spot, anchor, items }) => (spot, anchor, Value::List(items)),
            Some(Frame::Map {
                spot, anchor, entries, ..
            }) => (spot, anchor, Value::Map(entries)),
            None => return,
        };
        self.finish(Node { spot, value }, anchor, problems);
    }

    fn follow(&mut self, anchor: usize, spot: Spot, problems: &mut Problems) -> Option<()> {
        let Some(node) = self.anchors.get(&anchor) else {
            problems.add(spot, "an anchor cannot hold itself");
            return None;
        };
        let Some(left) = self.alias_nodes_left.checked_sub(node.count()) else {
            problems.add(spot, format!("anchors add more than {ALIAS_NODES_MAX} values"));
            return None;
        };
        self.alias_nodes_left = left;
        self.finish(node.clone(), 0, problems);
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, problems: &mut Problems) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map {
                entries, seen, next, ..
            }) => match std::mem::replace(next, Name::Awaited) {
                Name::Awaited => *next = name(node, seen, problems),
                Name::Given(name, spot) => entries.push(Entry {
                    name,
                    spot,
                    value: node,
                }),
                Name::Refused => {}
            },
        }
    }
}

/// Reads the name of the next entry of a mapping. A name that comes twice is refused, and its second value with it.
fn name(node: Node, seen: &mut BTreeMap<String, Spot>, problems: &mut Problems) -> Name {
    let spot = node.spot;
    let Value::Scalar { text, plain } = node.value else {
        problems.add(spot, "a name is expected here, not a list or a mapping");
        return Name::Refused;
    };
    if plain && text == "<<" {
        problems
            .add(spot, "merge keys are not followed")
            .help("repeat a whole value by its anchor instead: `&name` where it is written, `*name` where it is used");
        return Name::Refused;
    }
    if let Some(first) = seen.get(&text) {
        problems
            .add(spot, format!("`{}` is given twice", shown(&text)))
            .also(*first, "first given here");
        return Name::Refused;
    }
    seen.insert(text.clone(), spot);
    Name::Given(text, spot)
}

fn refuse_tag(spot: Spot, problems: &mut Problems) {
    problems
        .add(spot, "tags have no meaning in a policy")
        .help("leave out what begins with `!`");
}

#[cfg(test)]
mod tests;
