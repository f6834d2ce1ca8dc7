//! YAML text to nodes that know where they stand. Names of a mapping are plain text; anchors are followed; duplicate
//! names and second documents are refused, tags and merge keys where the [`Dialect`] does not read them. What the nodes
//! mean is not known here.

mod binary;
mod dialect;
mod input;
mod mapping;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Input, Parser, ScalarStyle, ScanError, Span};

use crate::problems::{Problems, Spot, shown};
pub use dialect::{Dialect, Tags};
use input::Lenient;
use mapping::Entries;
pub use node::{Entry, Node, Value};

/// The most nodes that anchors may add by being used: a few nested ones could otherwise fill any memory.
const ALIAS_NODES_MAX: usize = 100_000;
/// The most nodes that are kept to be used by their anchors, those in nested anchors counted again: as many as two of the
/// largest that can be used at all.
const ANCHOR_NODES_MAX: usize = 200_000;

/// Parses the one document of a source, as policies are written. `None` when it holds nothing or cannot be read as YAML
/// at all.
pub(crate) fn parse(source: usize, text: &str, problems: &mut Problems) -> Option<Node> {
    parse_as(&Dialect::POLICY, source, text, problems)
}

/// Parses the one document of a source. `None` when it holds nothing or cannot be read as YAML at all; what was read up
/// to a problem is returned.
pub fn parse_as(dialect: &'static Dialect, source: usize, text: &str, problems: &mut Problems) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(dialect, source);
    if !dialect.yaml_1_1 {
        return read(Parser::new_from_str(text), builder, problems);
    }
    dialect::directives(source, text, problems)?;
    builder.tabbed = dialect::tabbed(text);
    read(Parser::new(Lenient::new(text)), builder, problems)
}

fn read<I: Input>(parser: Parser<'_, I>, mut builder: Builder, problems: &mut Problems) -> Option<Node> {
    let source = builder.source;
    for event in parser {
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
        entries: Entries,
        next: Name,
    },
}

/// The name that the next value of a mapping belongs to.
enum Name {
    Awaited,
    Given(String, Spot),
    Merge,
    Refused,
}

struct Builder {
    dialect: &'static Dialect,
    source: usize,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    alias_nodes_left: usize,
    anchor_nodes_left: usize,
    root: Option<Node>,
    documents: usize,
    /// Where a second document begins that so far holds nothing.
    second: Option<Spot>,
    /// The lines that tabs indent.
    tabbed: BTreeSet<usize>,
}

impl Builder {
    const fn new(dialect: &'static Dialect, source: usize) -> Self {
        Self {
            dialect,
            source,
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            alias_nodes_left: ALIAS_NODES_MAX,
            anchor_nodes_left: ANCHOR_NODES_MAX,
            root: None,
            documents: 0,
            second: None,
            tabbed: BTreeSet::new(),
        }
    }

    /// Takes one event; `None` when reading on would be of no use.
    fn take(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) -> Option<()> {
        let spot = self.spot(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let begins = *self.second.get_or_insert(spot);
                    if !self.dialect.empty_documents {
                        return self.refuse_second(begins, problems);
                    }
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if let Some(begins) = self.second {
                    let empty = plain && matches!(&*text, "" | "~");
                    return if empty {
                        Some(())
                    } else {
                        self.refuse_second(begins, problems)
                    };
                }
                let text = text.into_owned();
                let value = match tag {
                    Some(tag) => self.dialect.tagged(&tag, text, plain, spot, problems),
                    None => Value::Scalar { text, plain },
                };
                self.finish(Node { spot, value }, anchor, problems)?;
            }
            Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_) if self.second.is_some() => {
                return self.refuse_second(self.second.unwrap_or(spot), problems);
            }
            Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) if self.dialect.tags.is_none() => {
                dialect::refuse_tag(spot, problems);
                return None;
            }
            // Of one in brackets the span holds the bracket.
            Event::MappingStart(..) if span.is_empty() && self.tabbed.contains(&spot.line) => {
                problems
                    .add(spot, "a tab stands before this")
                    .help("YAML is indented by spaces");
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
                    entries: Entries::default(),
                    next: Name::Awaited,
                },
                problems,
            )?,
            Event::SequenceEnd | Event::MappingEnd => self.close(problems)?,
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

    fn refuse_second(&self, begins: Spot, problems: &mut Problems) -> Option<()> {
        let message = format!("a second document begins here; a {} file holds one", self.dialect.noun);
        problems
            .add(begins, message)
            .help("put it into a file of its own: several files add up");
        None
    }

    fn open(&mut self, frame: Frame, problems: &mut Problems) -> Option<()> {
        let depth_max = self.dialect.depth_max;
        if self.frames.len() >= depth_max {
            let (Frame::List { spot, .. } | Frame::Map { spot, .. }) = frame;
            problems.add(spot, format!("nested deeper than {depth_max} levels"));
            return None;
        }
        self.frames.push(frame);
        Some(())
    }

    fn close(&mut self, problems: &mut Problems) -> Option<()> {
        let (spot, anchor, value) = match self.frames.pop()? {
            Frame::List { spot, anchor, items } => (spot, anchor, Value::List(items)),
            Frame::Map {
                spot, anchor, entries, ..
            } => (spot, anchor, Value::Map(entries.into_list())),
        };
        self.finish(Node { spot, value }, anchor, problems)
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
        self.finish(node.clone(), 0, problems)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, problems: &mut Problems) -> Option<()> {
        if anchor > 0 {
            let Some(left) = self.anchor_nodes_left.checked_sub(node.count()) else {
                problems.add(node.spot, format!("anchors hold more than {ANCHOR_NODES_MAX} values"));
                return None;
            };
            self.anchor_nodes_left = left;
            self.anchors.insert(anchor, node.clone());
        }
        let dialect = self.dialect;
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, next, .. }) => match std::mem::replace(next, Name::Awaited) {
                Name::Awaited => *next = name(dialect, node, entries, problems),
                Name::Merge => entries.merge(node, problems),
                Name::Given(name, spot) => entries.put(Entry {
                    name,
                    spot,
                    value: node,
                }),
                Name::Refused => {}
            },
        }
        Some(())
    }
}

/// Reads the name of the next entry of a mapping. A name that comes twice is refused, and its second value with it.
fn name(dialect: &Dialect, node: Node, entries: &mut Entries, problems: &mut Problems) -> Name {
    let spot = node.spot;
    let Value::Scalar { text, plain } = node.value else {
        problems.add(spot, "a name is expected here, not a list or a mapping");
        return Name::Refused;
    };
    if plain && text == "<<" && dialect.merge_keys {
        return Name::Merge;
    }
    if plain && text == "<<" {
        problems
            .add(spot, "merge keys are not followed")
            .help("repeat a whole value by its anchor instead: `&name` where it is written, `*name` where it is used");
        return Name::Refused;
    }
    if let Err(first) = entries.name(&text, spot) {
        problems
            .add(spot, format!("`{}` is given twice", shown(&text)))
            .also(first, "first given here");
        return Name::Refused;
    }
    Name::Given(text, spot)
}

#[cfg(test)]
mod tests;
