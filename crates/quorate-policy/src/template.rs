//! Endpoint templates: `METHOD /path/{parameter}/*`, or the full path of a gRPC method. How they are written, and
//! which of two is the more specific.

use quorate_core::request::ENDPOINT_BYTES_MAX;

/// One catalogue entry's pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    /// The HTTP method; empty for a gRPC method.
    pub(crate) method: String,
    pub(crate) segments: Vec<Segment>,
    /// Whether it ends with `*`: at least one more character.
    pub(crate) open: bool,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Itself.
    Literal(String),
    /// Anything that is not empty and has no slash.
    Parameter,
}

/// How the paths that two templates match relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// No path matches both.
    Apart,
    /// The same paths match both.
    Same,
    /// What matches the first matches the second.
    Inside,
    /// What matches the second matches the first.
    Around,
    /// Some paths match both, and each matches paths that the other does not.
    Crossing,
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > ENDPOINT_BYTES_MAX {
            return Err(format!("is longer than {ENDPOINT_BYTES_MAX} bytes"));
        }
        if text.starts_with('/') {
            return Self::parse_grpc(text);
        }
        let Some((method, path)) = text.split_once(' ') else {
            return Err("is neither `METHOD /path` nor `/package.Service/Method`".to_owned());
        };
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err("does not begin with an HTTP method in capitals".to_owned());
        }
        let Some(path) = path.strip_prefix('/') else {
            return Err("has a path that does not begin with `/`".to_owned());
        };
        let parts: Vec<&str> = path.split('/').collect();
        let (open, fixed) = match parts.split_last() {
            Some((&"*", fixed)) => (true, fixed),
            _ => (false, &parts[..]),
        };
        let last = fixed.len().saturating_sub(1);
        let segments = fixed
            .iter()
            .enumerate()
            .map(|(at, part)| segment(part, at == last && !open));
        Ok(Self {
            method: method.to_owned(),
            segments: segments.collect::<Result<_, _>>()?,
            open,
        })
    }

    fn parse_grpc(text: &str) -> Result<Self, String> {
        let plain = |part: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.');
            !part.is_empty() && part.bytes().all(fits)
        };
        match text[1..].split_once('/') {
            Some((service, "*")) if plain(service) => Ok(Self {
                method: String::new(),
                segments: vec![Segment::Literal(service.to_owned())],
                open: true,
            }),
            Some((service, method)) if plain(service) && plain(method) => Ok(Self {
                method: String::new(),
                segments: vec![
                    Segment::Literal(service.to_owned()),
                    Segment::Literal(method.to_owned()),
                ],
                open: false,
            }),
            _ => Err("is not a gRPC method `/package.Service/Method`; an HTTP path wants its method first".to_owned()),
        }
    }

    /// How the paths that this matches relate to those that `other` matches.
    pub(crate) fn relation(&self, other: &Self) -> Relation {
        if self.method != other.method {
            return Relation::Apart;
        }
        let (mut narrower, mut wider) = (false, false);
        for pair in self.segments.iter().zip(&other.segments) {
            match pair {
                (Segment::Literal(a), Segment::Literal(b)) if a == b => {}
                (Segment::Parameter, Segment::Parameter) => {}
                (Segment::Literal(a), Segment::Parameter) if !a.is_empty() => narrower = true,
                (Segment::Parameter, Segment::Literal(b)) if !b.is_empty() => wider = true,
                _ => return Relation::Apart,
            }
        }
        let (ours, theirs) = (self.segments.len(), other.segments.len());
        match (self.open, other.open) {
            (false, false) if ours != theirs => return Relation::Apart,
            (false, false) => {}
            (true, true) => {
                narrower |= ours > theirs;
                wider |= ours < theirs;
            }
            (false, true) if self.reaches_beyond(theirs) => narrower = true,
            (true, false) if other.reaches_beyond(ours) => wider = true,
            _ => return Relation::Apart,
        }
        match (narrower, wider) {
            (false, false) => Relation::Same,
            (true, false) => Relation::Inside,
            (false, true) => Relation::Around,
            (true, true) => Relation::Crossing,
        }
    }

    /// Whether it matches one path only.
    pub(crate) fn is_literal(&self) -> bool {
        !self.open
            && self
                .segments
                .iter()
                .all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// Whether something stands after so many segments: a final slash alone is nothing.
    fn reaches_beyond(&self, segments: usize) -> bool {
        match self.segments.get(segments..) {
            None | Some([]) => false,
            Some([Segment::Literal(only)]) => !only.is_empty(),
            Some(_) => true,
        }
    }
}

fn segment(part: &str, last: bool) -> Result<Segment, String> {
    if let Some(inside) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        return if !inside.is_empty() && inside.bytes().all(fits) {
            Ok(Segment::Parameter)
        } else {
            Err(format!("has a parameter `{{{inside}}}` that is not a name in braces"))
        };
    }
    if part.is_empty() && !last {
        return Err("has an empty segment (`//`)".to_owned());
    }
    if part.contains(['{', '}', '*']) {
        return Err(
            "has `{`, `}` or `*` inside a segment; a parameter is a whole segment, and `*` is the last one".to_owned(),
        );
    }
    if part.contains(['?', '#']) || part.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("has a query, a fragment or a space in its path".to_owned());
    }
    Ok(Segment::Literal(part.to_owned()))
}

#[cfg(test)]
pub(crate) mod tests;
