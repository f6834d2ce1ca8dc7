//! An answer in words: one line that says it all, then the detail.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use quorate_client::{Answer, LimitStatus, PolicyInfo};

use crate::cli::text::{Count, Span};

const GREEN: Style = Style::new()
    .bold()
    .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
const RED: Style = Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
const YELLOW: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
const FAINT: Style = Style::new().dimmed();

/// The answer to what `asked` describes, with or without the detail; ends with a line's end.
pub fn of(answer: &Answer, asked: &str, detail: bool) -> String {
    let mut text = headline(answer, asked);
    if detail {
        text.push_str(&details(answer));
    }
    text
}

fn headline(answer: &Answer, asked: &str) -> String {
    let mut line = if answer.allowed {
        format!("{GREEN}allowed{GREEN:#}  {asked}")
    } else {
        format!("{RED}denied{RED:#}   {asked}  {RED}{}{RED:#}", answer.reason)
    };
    if let Some(binding) = &answer.binding {
        let _ = write!(
            line,
            "  {} of {} left in {}",
            Count(binding.remaining),
            Count(binding.limit),
            binding.name
        );
    }
    if answer.pool_units > 0 {
        let _ = write!(line, "  {} from the pool", Count(answer.pool_units));
    }
    match answer.retry_after {
        Some(after) => {
            let _ = write!(line, "  retry after {}", Span(after));
        }
        None if answer.retryable => line.push_str("  retry later"),
        None => (),
    }
    line.push('\n');
    line
}

fn details(answer: &Answer) -> String {
    let mut text = String::new();
    let width = answer
        .limits
        .iter()
        .map(|limit| limit.name.chars().count())
        .max()
        .unwrap_or(0);
    for limit in &answer.limits {
        let _ = writeln!(text, "  {}", row(limit, width));
    }
    for warning in &answer.warnings {
        let _ = writeln!(
            text,
            "  {YELLOW}warning{YELLOW:#}: {} is {} % used",
            warning.limit_name, warning.used_percent
        );
    }
    for name in &answer.shadow_denied {
        let _ = writeln!(text, "  {YELLOW}shadow{YELLOW:#}: {name} would have denied");
    }
    let flags = [
        (
            answer.degraded,
            "degraded: made without something it would normally rest on",
        ),
        (
            answer.replayed,
            "replayed: the answer to an earlier request with the same operation id",
        ),
        (answer.slot_held, "holds a concurrency slot until it is released"),
    ];
    for (_, words) in flags.iter().filter(|(set, _)| *set) {
        let _ = writeln!(text, "  {words}");
    }
    if answer.overage_units > 0 {
        let _ = writeln!(text, "  {} units beyond a soft quota", Count(answer.overage_units));
    }
    if let Some(policy) = &answer.policy {
        let _ = writeln!(text, "  {FAINT}{}{FAINT:#}", decided_by(policy));
    }
    if !answer.decision_id.is_empty() {
        let _ = writeln!(text, "  {FAINT}decision {}{FAINT:#}", answer.decision_id);
    }
    text
}

/// A request that was denied before anybody knew whose it is has no org and no plan.
fn decided_by(policy: &PolicyInfo) -> String {
    let named = [
        ("org", &policy.org),
        ("plan", &policy.plan),
        ("endpoint", &policy.endpoint),
    ];
    let mut text = String::new();
    for (what, name) in named.iter().filter(|(_, name)| !name.is_empty()) {
        let _ = write!(text, "{what} {name}, ");
    }
    // The beginning tells two policies apart for a reader; --json has it all.
    let hash = policy.content_hash.get(..12).unwrap_or(&policy.content_hash);
    let _ = write!(text, "policy {} ({hash})", policy.sequence);
    text
}

fn row(limit: &LimitStatus, width: usize) -> String {
    let mut row = format!(
        "{:width$}  {:>9} of {} {}",
        limit.name,
        Count(limit.used).to_string(),
        Count(limit.limit),
        limit.meter
    );
    if let Some(window) = limit.window {
        let _ = write!(row, " per {}", Span(window));
    }
    if limit.factor_hundredths != 100 && limit.factor_hundredths != 0 {
        let (whole, rest) = (limit.factor_hundredths / 100, limit.factor_hundredths % 100);
        let _ = write!(row, "  boosted {whole}.{rest:02}x");
    }
    if limit.shadow {
        row.push_str("  shadow");
    }
    if limit.denied {
        let _ = write!(row, "  {RED}denied{RED:#}");
        if let Some(after) = limit.retry_after {
            let _ = write!(row, ", retry after {}", Span(after));
        }
    }
    row
}

#[cfg(test)]
mod tests;
