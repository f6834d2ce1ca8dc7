//! What a check finds.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    path: String,
    line: usize,
    warning: bool,
    message: String,
}

impl Problem {
    /// Something that must be fixed, at a line (from 1).
    pub fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            warning: false,
            message: message.into(),
        }
    }

    /// Something that must be fixed, in a file as a whole.
    pub fn of(path: &str, message: impl Into<String>) -> Self {
        Self::at(path, 0, message)
    }

    /// Something worth a look that fails nothing.
    pub fn warning(path: &str, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::of(path, message)
        }
    }

    /// Whether it must be fixed.
    pub fn is_fatal(&self) -> bool {
        !self.warning
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}{}", if self.warning { "warning: " } else { "" }, self.message)
    }
}
