//! What is wrong with a configuration.

use std::fmt;

use thiserror::Error;

use super::layers::Origin;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, by its key in the TOML file.
    pub field: String,
    /// Where the value came from; `None` when what is wrong is that there is none.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub message: String,
}

/// Everything that is wrong.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} (from {origin}): {}", self.field, self.message),
            None => write!(f, "{}: {}", self.field, self.message),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// How unlike a name may be to what was meant: two letters wrong, or one too many and one missing.
pub(super) const UNLIKE_MAX: usize = 2;

/// A name must be this many times as long as what is wrong with it: of three letters two may not be.
const LIKE_MIN: usize = 3;

/// The name that was probably meant.
pub(super) fn nearest(name: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    // The last part alone, too: a key in the wrong table is the usual slip.
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned).unwrap_or_default();
    let unlike_max = UNLIKE_MAX.min(last(name).chars().count() / LIKE_MIN);
    known
        .into_iter()
        .map(|key| {
            (
                strsim::osa_distance(name, key).min(strsim::osa_distance(&last(name), &last(key))),
                key,
            )
        })
        .filter(|(unlike, _)| *unlike <= unlike_max)
        .min_by_key(|(unlike, _)| *unlike)
        .map(|(_, key)| key)
}
