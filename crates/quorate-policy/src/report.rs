//! What is wrong with a policy, or odd about it: every problem with its place, and the nearest thing that would be
//! right.

use std::fmt;
use std::sync::Arc;

use crate::Source;
use crate::problems::{Found, Problems, Spot};

mod render;

/// Somewhere in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the source was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is to be seen there.
    pub note: String,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the source was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// Another place that the problem is about.
    pub also: Option<Place>,
}

/// How bad what a report lists is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing of the files may be used.
    #[default]
    Error,
    /// It is allowed, and probably not meant.
    Warning,
}

/// Everything that is wrong with a policy, or everything that is odd about it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    level: Level,
    problems: Vec<Problem>,
    found: Vec<Found>,
    omitted: usize,
    sources: Arc<[Source]>,
}

impl Report {
    /// What was found in some sources.
    #[must_use]
    pub fn new(sources: Arc<[Source]>, problems: Problems, level: Level) -> Self {
        let (found, omitted) = problems.into_sorted();
        let problems = found.iter().map(|found| problem(&sources, found)).collect();
        // Warnings live as long as the policy does: without them there is no reason to keep its text.
        let sources = if found.is_empty() { Arc::default() } else { sources };
        Self {
            level,
            problems,
            found,
            omitted,
            sources,
        }
    }

    /// A problem that belongs to no place in the text.
    pub(crate) fn without_place(message: impl Into<String>) -> Self {
        let mut problems = Problems::default();
        problems.add(Spot::default(), message);
        Self::new(Arc::default(), problems, Level::Error)
    }

    /// The problems, in the order of files and places: all of them, up to a thousand.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more there are.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// For people: each problem with the lines that it is about, and a final line that counts them.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        render::render(self, color)
    }

    fn summary(&self) -> String {
        let count = self.problems.len() + self.omitted;
        let what = match (self.level, count) {
            (Level::Error, 1) => "problem",
            (Level::Error, _) => "problems",
            (Level::Warning, 1) => "warning",
            (Level::Warning, _) => "warnings",
        };
        if self.omitted > 0 {
            format!("{count} {what}, {} of them not shown", self.omitted)
        } else {
            format!("{count} {what}")
        }
    }
}

fn problem(sources: &[Source], found: &Found) -> Problem {
    let name = |spot: Spot| {
        sources
            .get(spot.source)
            .map_or("policy", |source| &source.name)
            .to_owned()
    };
    Problem {
        file: name(found.spot),
        line: found.spot.line,
        column: found.spot.column,
        message: found.message.clone(),
        help: found.help.clone(),
        also: found.also.as_ref().map(|(spot, note)| Place {
            file: name(*spot),
            line: spot.line,
            column: spot.column,
            note: note.clone(),
        }),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}", self.message)?;
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        }
        if let Some(also) = &self.also {
            write!(f, " ({} at {}:{}:{})", also.note, also.file, also.line, also.column)?;
        }
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// One line per problem.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.omitted > 0 {
            writeln!(f, "{}", self.summary())?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests;
