//! Problems for people: each with the line that it is about, the stretch of it marked, and what would be right.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Severity, Renderer, Snippet};

use super::{Level, Problem, Report};
use crate::problems::{Found, Spot};

/// The longest line that is shown, in bytes: a policy on one line would fill the terminal once per problem.
const LINE_BYTES_MAX: usize = 400;

/// Renders a report.
pub(super) fn render(report: &Report, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for (problem, found) in report.problems.iter().zip(&report.found) {
        let groups = groups(report, problem, found);
        let _ = writeln!(text, "{}\n", renderer.render(&groups));
    }
    if !report.is_empty() {
        let _ = writeln!(text, "{}", report.summary());
    }
    text
}

fn groups<'a>(report: &'a Report, problem: &'a Problem, found: &'a Found) -> Vec<Group<'a>> {
    let severity = match report.level {
        Level::Error => Severity::ERROR,
        Level::Warning => Severity::WARNING,
    };
    let title = severity.primary_title(problem.message.as_str());
    let mut group = match line_of(report, found.spot) {
        Some((line, span)) => title.element(
            Snippet::source(line)
                .line_start(found.spot.line)
                .path(problem.file.as_str())
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        None => Group::with_title(title),
    };
    if let (Some((spot, note)), Some(place)) = (&found.also, &problem.also)
        && let Some((line, span)) = line_of(report, *spot)
    {
        group = group.element(
            Snippet::source(line)
                .line_start(spot.line)
                .path(place.file.as_str())
                .annotation(AnnotationKind::Context.span(span).label(note.as_str())),
        );
    }
    if let Some(help) = &problem.help {
        group = group.element(Severity::HELP.message(help.as_str()));
    }
    vec![group]
}

/// The line of a spot, and the bytes of it that the spot covers.
fn line_of(report: &Report, spot: Spot) -> Option<(&str, Range<usize>)> {
    let source = report.sources.get(spot.source)?;
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let byte = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let (start, end) = (byte(spot.start), byte(spot.end));
    // YAML's line ends: a carriage return alone is one too.
    let breaks = ['\n', '\r'];
    let line_start = text[..start].rfind(breaks).map_or(0, |at| at + 1);
    let line_end = text[start..].find(breaks).map_or(text.len(), |length| start + length);
    let line = &text[line_start..line_end];
    if line.len() > LINE_BYTES_MAX {
        return Some(("(a line too long to show)", 0..0));
    }
    Some((line, start - line_start..end.clamp(start, line_end) - line_start))
}
