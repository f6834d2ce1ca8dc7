//! Finds the catalogue entry of a request, without allocating: the most specific one, segment by segment, a literal
//! before a parameter before an open end.
//!
//! It is a tree of segments of our own because the libraries for it refuse `{id}` beside `*` at one place, which a
//! catalogue may well want, or allocate for the values of parameters, which nobody here reads.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::template::{Segment, Template};

/// A map without a random seed: what is in it comes from the policy, not from callers.
pub(crate) type Map<K, V> = HashMap<K, V, FixedState>;

/// Where one stands after some segments.
#[derive(Debug, Default)]
struct Step {
    literals: Map<Box<str>, usize>,
    parameter: Option<usize>,
    end: Option<usize>,
    open: Option<usize>,
}

/// All templates of a catalogue, each with its number.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// Templates without parameters, whole: what most requests are found by.
    exact: Map<Box<str>, usize>,
    /// First steps by method; the empty method is gRPC's.
    methods: Map<Box<str>, usize>,
    steps: Vec<Step>,
}

impl Routes {
    /// Adds a template, as it was written and as it was understood.
    pub(crate) fn add(&mut self, text: &str, template: &Template, number: usize) {
        if template.is_literal() {
            self.exact.insert(text.into(), number);
            return;
        }
        let mut at = match self.methods.get(template.method.as_str()) {
            Some(first) => *first,
            None => {
                let first = self.step();
                self.methods.insert(template.method.as_str().into(), first);
                first
            }
        };
        for segment in &template.segments {
            at = self.descend(at, segment);
        }
        let step = &mut self.steps[at];
        *(if template.open { &mut step.open } else { &mut step.end }) = Some(number);
    }

    fn step(&mut self) -> usize {
        self.steps.push(Step::default());
        self.steps.len() - 1
    }

    fn descend(&mut self, at: usize, segment: &Segment) -> usize {
        let known = match segment {
            Segment::Literal(text) => self.steps[at].literals.get(text.as_str()).copied(),
            Segment::Parameter => self.steps[at].parameter,
        };
        if let Some(known) = known {
            return known;
        }
        let new = self.step();
        match segment {
            Segment::Literal(text) => {
                self.steps[at].literals.insert(text.as_str().into(), new);
            }
            Segment::Parameter => self.steps[at].parameter = Some(new),
        }
        new
    }

    /// The number of the most specific template that matches; `None` when none does.
    pub(crate) fn find(&self, endpoint: &str) -> Option<usize> {
        // No template has a query, so what is found with one on it is found without.
        if let Some(number) = self.exact.get(endpoint) {
            return Some(*number);
        }
        let path_ends = endpoint.bytes().position(|b| matches!(b, b'?' | b'#'));
        if let Some(path) = path_ends.and_then(|end| endpoint.get(..end)) {
            return self.find(path);
        }
        let (method, path) = match endpoint.strip_prefix('/') {
            Some(path) => ("", path),
            None => endpoint.split_once(" /")?,
        };
        let first = self.methods.get(method)?;
        self.walk(*first, Some(path))
    }

    /// Every step is visited at most once: the way to it is one.
    fn walk(&self, at: usize, rest: Option<&str>) -> Option<usize> {
        let step = self.steps.get(at)?;
        let Some(rest) = rest else {
            return step.end;
        };
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        let by_literal = step.literals.get(segment).and_then(|next| self.walk(*next, after));
        let by_parameter = || {
            let next = step.parameter.filter(|_| !segment.is_empty())?;
            self.walk(next, after)
        };
        let by_open = || step.open.filter(|_| !rest.is_empty());
        by_literal.or_else(by_parameter).or_else(by_open)
    }
}

#[cfg(test)]
mod tests;
