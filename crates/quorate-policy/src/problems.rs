//! Problems as they are found, by place in the text. A [`crate::Report`] is made of them at the end.

/// The most problems that one report keeps. Whoever has more has one mistake that repeats.
pub(crate) const PROBLEMS_MAX: usize = 1_000;

/// A stretch of a source, in characters from its beginning; line and column count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The number of the source, from 0.
    pub source: usize,
    /// The line of its beginning.
    pub line: usize,
    /// The column of its beginning, in characters.
    pub column: usize,
    /// Its beginning.
    pub start: usize,
    /// Where it ends: the first character behind it.
    pub end: usize,
}

impl Spot {
    /// The beginning of a source.
    #[must_use]
    pub const fn first_of(source: usize) -> Self {
        Self {
            source,
            line: 1,
            column: 1,
            start: 0,
            end: 1,
        }
    }
}

/// A value with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

impl<T> At<T> {
    pub(crate) const fn new(value: T, spot: Spot) -> Self {
        Self { value, spot }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub spot: Spot,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// Another place that it is about, and what is to be seen there.
    pub also: Option<(Spot, String)>,
}

impl Found {
    /// What would be right.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Another place that the problem is about.
    pub fn also(&mut self, spot: Spot, note: impl Into<String>) -> &mut Self {
        self.also = Some((spot, note.into()));
        self
    }
}

/// Problems, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Found>,
    /// Where those beyond the bound are put.
    beyond: Option<Found>,
    omitted: usize,
}

impl Problems {
    /// Adds one; what comes back can be told more.
    pub fn add(&mut self, spot: Spot, message: impl Into<String>) -> &mut Found {
        let found = Found {
            spot,
            message: message.into(),
            help: None,
            also: None,
        };
        if self.found.len() >= PROBLEMS_MAX {
            self.omitted += 1;
            return self.beyond.insert(found);
        }
        self.found.push(found);
        self.found.last_mut().expect("one was just added")
    }

    /// How many were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len() + self.omitted
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in the order of the text, each once, and how many more there were.
    pub(crate) fn into_sorted(mut self) -> (Vec<Found>, usize) {
        self.found.sort_by_key(|found| found.spot);
        self.found.dedup();
        (self.found, self.omitted)
    }
}

/// How much of a text a message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 60;

/// A text as a message repeats it: not longer than a line, and without control characters.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
