//! Values with `*` in them: each stands for zero or more characters.

/// A text that has a `*` somewhere, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    first: Box<str>,
    /// What must come between first and last, in order.
    middle: Box<[Box<str>]>,
    last: Box<str>,
}

impl Pattern {
    /// The pattern that a text is; `None` when it has no `*`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('*')?;
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        Some(Self {
            first: first.into(),
            middle: middle
                .split('*')
                .filter(|part| !part.is_empty())
                .map(Into::into)
                .collect(),
            last: last.into(),
        })
    }

    /// Whether a text fits. Linear in it for each part: taking each part where it first occurs leaves the most for those
    /// behind it.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(&*self.first) else {
            return false;
        };
        let Some(mut rest) = rest.strip_suffix(&*self.last) else {
            return false;
        };
        self.middle.iter().all(|part| match rest.find(&**part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

#[cfg(test)]
mod tests;
